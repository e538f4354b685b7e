/* SPDX-License-Identifier: ISC */
/*
 * forward.h: what is changed in the heads that pass, and nothing else is.
 */
#ifndef PROXY_FORWARD_H
#define PROXY_FORWARD_H

#include "proxy/conn.h"

/*
 * Why a routed upgrade, whose Connection is not edited, is not passed on, or
 * NULL.
 */
const struct head_fault *forward_fault(const struct conn *c);

/*
 * Collects the edits of the request head in hs->edits.  False when memory is
 * out.
 */
bool forward_request(struct conn *c) WUNRES;

/*
 * Begins to watch the body of a routed request, at first and before it is sent
 * again: its trailers may not have what the operator sets or removes.
 */
void forward_body(struct handshake *hs);

/* What a response's Connection, Keep-Alive and so on mean for us. */
struct forward_answer {
	bool to_http10;  /* the client speaks HTTP/1.0: no chunks, no keep */
	bool closes;     /* our connection to the client ends with it */
};

/*
 * Renders the response head, also an interim one, edited, to *out.  False:
 * memory is out.
 */
bool forward_response(struct conn *c, const struct head *res,
		      const struct forward_answer *how, struct buf **out)
	WUNRES;

static inline bool
forward_is_our_version(const struct head *res)
{
	return memcmp(res->base, "HTTP/1.1", 8) == 0;
}

/* The same of a 101: only its version and the operator's headers are edited. */
bool forward_switching(struct conn *c, const struct head *res,
		       struct buf **out) WUNRES;

#endif
