/* SPDX-License-Identifier: ISC */
/*
 * tls_tickets.h: the keys that session tickets are sealed with.
 *
 * All workers, and all certificates, have the same: a client that comes back
 * may meet any of them.  They are made anew each hour, stay over a reload, and
 * are known to nobody else.
 */
#ifndef NET_TLS_TICKETS_H
#define NET_TLS_TICKETS_H

#include <stdbool.h>

#include "base/attrib.h"

struct ssl_ctx_st;

/* Tickets of ctx are sealed with them.  False when memory is out. */
bool tls_tickets_use(struct ssl_ctx_st *ctx) WUNRES;

#endif
