/* SPDX-License-Identifier: ISC */
/*
 * head.h: the head of an HTTP/1 message: where it ends, whether it may pass,
 * and where its parts lie.
 *
 * A head is never written anew.  It is looked at, and what is learned are
 * offsets into the bytes that came, which are then forwarded.  That makes the
 * lint the security boundary: whatever it lets through reaches the other side
 * exactly so.
 */
#ifndef PROTO_HEAD_H
#define PROTO_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attrib.h"
#include "base/slice.h"

enum head_kind { HEAD_REQUEST, HEAD_RESPONSE };

/* The fields that somebody in bowsprit asks for; all others are F_OTHER. */
enum field_id {
	F_OTHER,
	F_ACCEPT,
	F_AUTHORIZATION,
	F_CONNECTION,
	F_CONTENT_LENGTH,
	F_CONTENT_TYPE,
	F_COOKIE,
	F_EXPECT,
	F_FORWARDED,
	F_HOST,
	F_HTTP2_SETTINGS,
	F_KEEP_ALIVE,
	F_LOCATION,
	F_ORIGIN,
	F_PROXY_AUTHORIZATION,
	F_PROXY_CONNECTION,
	F_SEC_WEBSOCKET_ACCEPT,
	F_SEC_WEBSOCKET_EXTENSIONS,
	F_SEC_WEBSOCKET_KEY,
	F_SEC_WEBSOCKET_PROTOCOL,
	F_SEC_WEBSOCKET_VERSION,
	F_SET_COOKIE,
	F_TE,
	F_TRAILER,
	F_TRANSFER_ENCODING,
	F_UPGRADE,
	F_USER_AGENT,
	F_X_FORWARDED_FOR,
	F_X_FORWARDED_HOST,
	F_X_FORWARDED_PORT,
	F_X_FORWARDED_PROTO,
	F_X_REAL_IP,
	F_X_REQUEST_ID,
	F_COUNT
};

/* One field line; offsets are from base. */
struct head_field {
	uint32_t at;        /* of the name, which begins the line */
	uint32_t name_len;
	uint32_t value;     /* of the value, without blanks around it */
	uint32_t value_len;
	uint32_t end;       /* one past the line's LF */
	uint32_t id;        /* enum field_id */
};

/* How a message's body is delimited (RFC 9112 6.3). */
enum body_kind { BODY_NONE, BODY_LENGTH, BODY_CHUNKED, BODY_UNTIL_CLOSE };

struct head {
	const char *base;  /* the bytes, owned by whoever called head_parse */
	uint32_t len;      /* all of them, to the empty line's LF */
	uint32_t start;    /* where the start line begins: before it there may
			    * be empty lines, which are not to be forwarded */
	uint32_t line_end; /* one past the start line's LF */
	enum head_kind kind;
	uint8_t minor;     /* HTTP/1.minor: 0 or 1 (a higher one reads as 1) */

	struct slice method;  /* requests: as sent, any token */
	struct slice target;  /* requests: as sent */
	struct slice path;    /* of the target, up to its '?'; "/" if empty */
	struct slice query;   /* with its '?', or empty */
	struct slice authority; /* Host, or an absolute-form target's */
	unsigned status;      /* responses */
	struct slice phrase;  /* responses: what follows the status */

	enum body_kind framing; /* as its own fields say: a response's body
				 * also depends on its request, see body.h */
	uint64_t content_length;
	bool persistent; /* the sender keeps the connection (RFC 9112 9.3) */

	struct head_field *fields; /* owned, in order of appearance */
	uint32_t nfields;
	uint32_t first[F_COUNT]; /* index + 1 of the first such field, or 0 */
};

/* Why a head is not let through; all are constants, compared by address. */
struct head_fault {
	unsigned status;  /* the answer to a client (400, 431, 501, 505, …) */
	const char *word; /* for logs and metrics, e.g. "bare-lf" */
	const char *why;  /* a sentence for people */
};

extern const struct head_fault head_no_memory; /* status 503 */
extern const struct head_fault head_too_large; /* status 431 */
extern const struct head_fault head_not_http;  /* a server's: status 502 */

/*
 * Looks for the end of the head in the n bytes at p, of which *scanned were
 * searched before (0 at first; kept up to date here, so that a head which
 * comes byte by byte costs O(n)).  Sets *len to the head's length, the empty
 * line included, once it is whole and to 0 while it is not.
 *
 * Returns a fault as soon as the bytes can be no head: a client's TLS hello
 * on a plain port, a bare LF, an impossible start line, response bytes that
 * do not begin with "HTTP/1." (RFC 9112 2.2, 3, 4); at the latest when more
 * than max bytes came without an end.  NULL while all is well.
 */
const struct head_fault *head_look(enum head_kind kind, const char *p,
				   size_t n, size_t max, size_t *scanned,
				   size_t *len) WUNRES NONNULL(2, 5, 6);

/*
 * Lints and parses the whole head of n bytes at p, which head_look has found.
 * NULL when it may pass, and then h points into p; otherwise the fault (h
 * then holds what was understood, enough for a log line).  head_fini in any
 * case.
 */
const struct head_fault *head_parse(struct head *h, enum head_kind kind,
				    const char *p, size_t n) WUNRES
	NONNULL(1, 3);
void head_fini(struct head *h) NONNULL(1);

/* The first field of that id, or NULL; the next one after f, or NULL. */
const struct head_field *head_first(const struct head *h, enum field_id id);
const struct head_field *head_next(const struct head *h,
				   const struct head_field *f);
/* Its value, SLICE_NONE if there is no such field. */
struct slice head_value(const struct head *h, enum field_id id);
struct slice field_name(const struct head *h, const struct head_field *f);
struct slice field_value(const struct head *h, const struct head_field *f);
/* Does any field of that id list the token (Connection: a, b)? */
bool head_lists(const struct head *h, enum field_id id, struct slice token);

#endif
