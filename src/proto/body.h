/* SPDX-License-Identifier: ISC */
/*
 * body.h: where a message's body ends.
 *
 * The bytes are watched as they pass, in pieces of any size, and are not
 * changed: chunk lines go through as they came, so the reader is strict (RFC
 * 9112 7.1: hexadecimal size, CRLF, no blanks before it, bounded extensions
 * and trailers without controls), lest the receiver count differently.  Nor
 * may a trailer have a name that is read in heads: a receiver that merges the
 * two would find there what the lint and the proxy did not.
 */
#ifndef PROTO_BODY_H
#define PROTO_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/head.h"

/* Of a trailer's name so much is looked at: more than any known one has. */
#define TRAILER_NAME_MAX 64

struct body {
	uint64_t left;  /* of the length, or of the present chunk */
	uint64_t total; /* payload bytes so far */
	uint32_t line;  /* bytes of the present chunk line or of all trailers */
	uint8_t kind;   /* enum body_kind */
	uint8_t state;  /* private */
	bool strip;     /* chunked: take the payload out (HTTP/1.0 clients) */
	bool done;      /* the last byte was seen */
	uint8_t name_len;            /* of the present trailer's name */
	char name[TRAILER_NAME_MAX]; /* with '-' for every '_' */
	/* NULL, or which other names a trailer may not have. */
	bool (*forbids)(const void *arg, struct slice name);
	const void *forbids_arg;
	const char *bad; /* why the framing is broken, a constant; or NULL */
};

/* A request's body, as its head says. */
void body_of_request(struct body *b, const struct head *req);
/*
 * A response's body (RFC 9112 6.3): none for HEAD, 1xx, 204 and 304, else as
 * its head says; `method` is the request's.
 */
void body_of_response(struct body *b, const struct head *res,
		      struct slice method);

/*
 * Does the head of a response that never has a body claim one all the same
 * (RFC 9110 8.6, RFC 9112 6.1: 1xx, 204)?  Some receivers would wait for it.
 */
bool body_is_claimed(const struct head *res);

/*
 * Looks at the next n bytes at p and returns how many of them belong to this
 * body: fewer than n only when it is done, or bad.  *pass is how many bytes
 * at p are to be forwarded: the same number, or with `strip` the payload
 * alone, which is then moved together at p.
 */
size_t body_feed(struct body *b, char *p, size_t n, size_t *pass);

/*
 * For bytes that are not read at all: how many are to come of payload that is
 * forwarded as it is (UINT64_MAX: until the end), and that n of those, which
 * must not be more, have gone by.
 */
uint64_t body_ahead(const struct body *b);
void body_skip(struct body *b, size_t n);

/*
 * The other side has closed.  True if the body ends well with that.
 */
bool body_eof(struct body *b);

#endif
