/* SPDX-License-Identifier: ISC */
/*
 * resolve.h: from names to addresses.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/attrib.h"

/*
 * The addresses of a host, in the order in which to try them (RFC 6724), with
 * that port; blocks while it asks.  *addrs is owned by the caller.  NULL, or
 * why there are none: a constant sentence.
 */
const char *resolve(const char *host, uint16_t port, struct addr **addrs,
		    size_t *n) WUNRES;

/*
 * The same for what needs no asking: a literal address, and "localhost", which
 * is 127.0.0.1 and ::1 whatever the system's files say (RFC 6761 6.3).  False
 * for any other name; then *n is 0, and *addrs NULL.
 */
bool resolve_at_once(const char *host, uint16_t port, struct addr **addrs,
		     size_t *n) WUNRES;

#endif
