/* SPDX-License-Identifier: ISC */
/*
 * finish.h: our own answers, and endings that do not cut them off.
 */
#ifndef PROXY_FINISH_H
#define PROXY_FINISH_H

#include "proxy/conn.h"

/* An answer of our own: a reason, and what this case adds to it. */
struct refusal {
	const struct reason *why;
	unsigned status;  /* instead of why->status; or 0 */
	const char *word; /* instead of why->word; or NULL */
	const char *text; /* what is wrong, a sentence; or NULL */
	const char *hint; /* instead of why->hint; or NULL */
	const char *location; /* of a redirect; or NULL */
};

/*
 * Answers the client, logs it, drops the server.  Where a response was begun
 * already, or the reason has no status, the connection is closed instead.
 */
void finish_refuse(struct conn *c, const struct refusal *r);
/* The same for a reason that says it all. */
void finish_fail(struct conn *c, const struct reason *why);
/* The same for a head that may not pass. */
void finish_fault(struct conn *c, const struct head_fault *fault);

/* CS_REPLY: the client took bytes, or went. */
void finish_on_reply(struct conn *c, unsigned news);

/*
 * The last answer was given: sends FIN and throws away what still comes, since
 * closing with input unread would reset the connection, and the answer with
 * it (RFC 9112 9.6).
 */
void finish_linger(struct conn *c);
/* CS_REPLY, CS_LINGER: time is up. */
void finish_on_deadline(struct conn *c);
/* We are going down: it is not waited for any longer than this. */
void finish_drain(struct conn *c);
/* CS_LINGER: input, or the client's FIN. */
void finish_on_linger(struct conn *c, unsigned news);

#endif
