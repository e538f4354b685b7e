/* SPDX-License-Identifier: ISC */
/*
 * strict.h: another reader of HTTP/1, to hold ours against.
 *
 * It is written after RFC 9112 and shares nothing with src/proto.  What it
 * calls bad could be read in two ways; what bowsprit lets through must never
 * be.
 */
#ifndef TESTS_FUZZ_STRICT_H
#define TESTS_FUZZ_STRICT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum strict { STRICT_MORE, STRICT_WHOLE, STRICT_BAD };
enum strict_kind { STRICT_REQUEST, STRICT_RESPONSE };
enum strict_framing { FRAMED_NONE, FRAMED_LENGTH, FRAMED_CHUNKED,
		      FRAMED_CLOSE };

struct strict_head {
	struct slice all;    /* to the empty line's end */
	struct slice fields; /* the field lines, each with its CRLF */
	struct slice method, target;
	unsigned status, minor;
	enum strict_framing framing; /* by the fields alone */
	uint64_t length;
	bool close;     /* the connection ends with this message */
	bool websocket; /* Upgrade and Connection speak of it */
};

/* Reads a head at the beginning of `bytes`; h is complete when it is whole. */
enum strict strict_head(enum strict_kind kind, struct slice bytes,
			struct strict_head *h);
/* Takes the next field line off *fields; false at the end. */
bool strict_next_field(struct slice *fields, struct slice *name,
		       struct slice *value);
/* How many fields have that name; *value becomes the last one's. */
unsigned strict_count(const struct strict_head *h, const char *name,
		      struct slice *value);

/* A whole request that is a WebSocket upgrade (RFC 6455 4.2.1)? */
bool strict_is_upgrade(const struct strict_head *req);
/* A whole response that is the 101 to it (RFC 6455 4.1)? */
bool strict_is_switch(const struct strict_head *req,
		      const struct strict_head *res);

/* Does the head of a response that never has a body announce one? */
bool strict_claims_body(const struct strict_head *res);
/* How the body of a response to that method is framed (RFC 9112 6.3). */
enum strict_framing strict_response_framing(const struct strict_head *res,
					    struct slice method);

/*
 * Reads a body at the beginning of `bytes`: *len is how many of them are its,
 * before what is bad if it is; *payload counts without chunk lines.
 */
enum strict strict_body(enum strict_framing framing, uint64_t length,
			struct slice bytes, size_t *len, uint64_t *payload);

/* Writes the payload of chunks, whole or not, to out; returns its length. */
size_t strict_unchunk(struct slice bytes, char *out);

#endif
