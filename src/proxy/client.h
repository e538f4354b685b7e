/* SPDX-License-Identifier: ISC */
/*
 * client.h: the accepting side, up to the routed request.
 */
#ifndef PROXY_CLIENT_H
#define PROXY_CLIENT_H

#include "proxy/conn.h"

/* A connection as it was accepted. */
struct arrival {
	int fd;
	struct addr peer;
	bool proxied; /* it begins with a PROXY header */
	unsigned gate; /* number of its listener's, or 0 */
};
/* Takes it over, and its descriptor. */
void client_accept(struct worker *w, const struct arrival *a);
/* What comes now is TLS, or are requests. */
void client_begin(struct conn *c);
/* What comes now are requests. */
void client_begin_http(struct conn *c);

/* CS_HEAD: input, and time. */
void client_on_head(struct conn *c, unsigned news);
void client_on_deadline(struct conn *c);
/* We are going down: closes it, unless a request is there or on its way. */
void client_drain(struct conn *c);
/*
 * CS_CONNECT, and an upgrade's CS_ANSWER: the client's early bytes are kept, a
 * few, and its going away is noticed.
 */
void client_on_wait(struct conn *c, unsigned news);

/* A request is done with: waits for the next one, which may be there. */
void client_next(struct conn *c);

#endif
