/* SPDX-License-Identifier: ISC */
/*
 * tls_tickets.h: the keys that session tickets are sealed with.
 *
 * All workers, and all certificates, have the same: a client that comes back
 * may meet any of them.  They are made anew each hour, stay over a reload, and
 * are known to nobody else but the process that takes over from us.
 */
#ifndef NET_TLS_TICKETS_H
#define NET_TLS_TICKETS_H

#include <stdbool.h>

#include "base/attrib.h"

struct ssl_ctx_st;

/* Tickets of ctx are sealed with them.  False when memory is out. */
bool tls_tickets_use(struct ssl_ctx_st *ctx) WUNRES;

/*
 * To the process that follows us, over a socket that only it can read; where
 * that fails, its clients have to shake hands from the beginning.
 */
void tls_tickets_send(int fd);
/*
 * Takes over what our predecessor has sent, if it has; does not wait for it.
 * Before there are workers.
 */
void tls_tickets_receive(int fd);

#endif
