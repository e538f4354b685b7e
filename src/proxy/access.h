/* SPDX-License-Identifier: ISC */
/*
 * access.h: the log lines of requests and tunnels, one an event.
 */
#ifndef PROXY_ACCESS_H
#define PROXY_ACCESS_H

#include "proxy/conn.h"
#include "proxy/finish.h"

/* A request was routed; of an upgrade there are two lines. */
void access_begun(struct conn *c);
/* The 101 was checked. */
void access_opened(struct conn *c, const struct head *res);
/* n bytes of a tunnel came from the server (level debug). */
void access_data(const struct conn *c, size_t n);
/* A tunnel has ended. */
void access_closed(const struct conn *c, const struct reason *why,
		   enum side by);

/* The server's answer was delivered. */
void access_answered(struct conn *c);
/* A TLS handshake failed; text says why, or NULL for the reason's message. */
void access_unshaken(const struct conn *c, const struct reason *why,
		     const char *text);
/*
 * A server was connected to at one of its addresses, and lost in its TLS
 * handshake or before it had the request: the next one is tried.
 */
void access_passed_over(const struct conn *c, const struct addr *at,
			const struct refusal *r);
/* We answer ourselves. */
void access_refused(struct conn *c, const struct refusal *r);
/* The connection ends before its answer was delivered. */
void access_abandoned(struct conn *c, const struct reason *why);

#endif
