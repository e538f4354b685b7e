/* SPDX-License-Identifier: ISC */
/*
 * resolve.h: from names to addresses.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <stddef.h>

#include "base/addr.h"

/*
 * The addresses of a host, in the order in which to try them (RFC 6724), with
 * that port; blocks while it asks.  *addrs is owned by the caller.  NULL, or
 * why there are none: a constant sentence.
 */
const char *resolve(const char *host, uint16_t port, struct addr **addrs,
		    size_t *n);

#endif
