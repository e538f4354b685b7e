/* SPDX-License-Identifier: ISC */
/*
 * body.c: where a message's body ends.
 *
 * The chunk reader, by the byte outside of payloads:
 *
 *	SIZE -> DIGITS -> [EXTENSION] -> SIZE_LF -> DATA -> DATA_CR -> DATA_LF
 *	  ^                                |                             |
 *	  +--------------------------------|-----------------------------+
 *	                                   v size 0
 *	          TRAILER -> NAME -> VALUE -> VALUE_LF -> TRAILER
 *	          TRAILER -> END_LF, done
 */
#include "proto/body.h"

#include "proto/chars.h"
#include "proto/field.h"

#define CHUNK_LINE_MAX 4096
#define TRAILERS_MAX 16384
/* 2^63 and more is nothing that anybody sends. */
#define SIZE_DIGITS_MAX 16

enum chunk_state {
	SIZE,
	DIGITS,
	EXTENSION,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER,
	NAME,
	VALUE,
	VALUE_LF,
	END_LF,
};

static void
body_init(struct body *b, enum body_kind kind, uint64_t length)
{
	memset(b, 0, sizeof(*b));
	b->kind = (uint8_t)kind;
	b->state = SIZE;
	if (kind == BODY_LENGTH)
		b->left = length;
	b->done = kind == BODY_NONE || (kind == BODY_LENGTH && length == 0);
}

void
body_of_request(struct body *b, const struct head *req)
{
	body_init(b, req->framing, req->content_length);
}

bool
body_is_claimed(const struct head *res)
{
	return (res->status < 200 || res->status == 204) &&
	       (res->framing == BODY_CHUNKED || res->content_length > 0);
}

static bool
has_no_body(unsigned status, struct slice method)
{
	return status < 200 || status == 204 || status == 304 ||
	       slice_eq(method, SLICE("HEAD"));
}

void
body_of_response(struct body *b, const struct head *res, struct slice method)
{
	bool none = has_no_body(res->status, method);

	body_init(b, none ? BODY_NONE : res->framing, res->content_length);
}

static void
add_digit(struct body *b, char c)
{
	int digit = char_hex(c);

	if (digit < 0)
		b->bad = "a chunk does not begin with its size in "
			 "hexadecimal and CRLF or ';' behind it";
	else if (b->line > SIZE_DIGITS_MAX || b->left >> 59)
		b->bad = "a chunk's size is too large";
	else
		b->left = b->left << 4 | (unsigned)digit;
	b->state = DIGITS;
}

static void
after_digits(struct body *b, char c)
{
	if (c == '\r')
		b->state = SIZE_LF;
	else if (c == ';')
		b->state = EXTENSION;
	else
		add_digit(b, c);
}

static void
expect(struct body *b, char c, char expected, enum chunk_state next)
{
	if (c != expected)
		b->bad = expected == '\n' ? "a CR in the framing of chunks is "
					    "not followed by LF"
					  : "a chunk is longer than its size";
	b->state = (uint8_t)next;
}

/* Through an extension or a trailer's value, to the CR. */
static void
through_text(struct body *b, char c, enum chunk_state next)
{
	if (c == '\r')
		b->state = (uint8_t)next;
	else if (!char_is(c, CHAR_VALUE))
		b->bad = "a control character in a chunk's extension or in "
			 "a trailer";
}

/* Every field that is asked for anywhere is a head's (RFC 9110 6.5.1). */
static bool
belongs_in_head(const struct body *b)
{
	struct slice name = slice_of(b->name, b->name_len);
	enum field_id id = field_id_of(name);

	if (name.n == TRAILER_NAME_MAX)
		return false;
	if (id != F_OTHER)
		return id != F_TRAILER; /* which is harmless */
	return b->forbids && b->forbids(b->forbids_arg, name);
}

static void
through_name(struct body *b, char c)
{
	if (c == ':') {
		b->state = VALUE;
		if (belongs_in_head(b))
			b->bad = "a trailer has the name of a field that "
				 "belongs in the head";
	} else if (!char_is(c, CHAR_TOKEN)) {
		b->bad = "a trailer's name has a character that is none of "
			 "a token";
	} else if (b->name_len < TRAILER_NAME_MAX) {
		b->name[b->name_len++] = c == '_' ? '-' : c;
	}
}

static void
begin_trailer(struct body *b, char c)
{
	b->state = c == '\r' ? END_LF : NAME;
	b->name_len = 0;
	if (c == ':')
		b->bad = "a trailer does not begin with a name";
	else if (c != '\r')
		through_name(b, c);
}

static void
after_size(struct body *b, char c)
{
	expect(b, c, '\n', b->left > 0 ? DATA : TRAILER);
	b->line = 0;
}

/* One byte outside of the payload. */
static void
step(struct body *b, char c)
{
	b->line++;
	switch ((enum chunk_state)b->state) {
	case SIZE:
		add_digit(b, c);
		break;
	case DIGITS:
		after_digits(b, c);
		break;
	case EXTENSION:
		through_text(b, c, SIZE_LF);
		break;
	case SIZE_LF:
		after_size(b, c);
		break;
	case DATA:
		break;
	case DATA_CR:
		expect(b, c, '\r', DATA_LF);
		break;
	case DATA_LF:
		expect(b, c, '\n', SIZE);
		b->line = 0;
		break;
	case TRAILER:
		begin_trailer(b, c);
		break;
	case NAME:
		through_name(b, c);
		break;
	case VALUE:
		through_text(b, c, VALUE_LF);
		break;
	case VALUE_LF:
		expect(b, c, '\n', TRAILER);
		break;
	case END_LF:
		expect(b, c, '\n', END_LF);
		b->done = !b->bad;
		break;
	}
}

static void
check_limits(struct body *b)
{
	if (b->bad)
		return;
	if (b->state < DATA && b->line > CHUNK_LINE_MAX)
		b->bad = "a chunk's extensions are too long";
	if (b->state >= TRAILER && b->line > TRAILERS_MAX)
		b->bad = "the trailers are too long";
}

/* Payload among the n bytes at p: how many. */
static size_t
take_payload(struct body *b, size_t n)
{
	if (n > b->left)
		n = (size_t)b->left;
	b->left -= n;
	b->total += n;
	return n;
}

static size_t
feed_chunked(struct body *b, char *p, size_t n, size_t *pass)
{
	size_t i = 0, kept = 0, whole = 0, k;

	while (i < n && !b->done) {
		if (b->state == DATA) {
			k = take_payload(b, n - i);
			if (b->strip)
				memmove(p + kept, p + i, k);
			kept += k;
			i += k;
			if (b->left == 0)
				b->state = DATA_CR;
			whole = i;
			continue;
		}
		step(b, p[i]);
		check_limits(b);
		if (b->bad)
			break;
		i++;
		if (b->line == 0 || b->done)
			whole = i;
	}
	/* Of a bad line nothing goes on that has not gone already. */
	if (b->bad)
		i = whole;
	*pass = b->strip ? kept : i;
	return i;
}

static size_t
feed_length(struct body *b, size_t n)
{
	n = take_payload(b, n);
	b->done = b->left == 0;
	return n;
}

size_t
body_feed(struct body *b, char *p, size_t n, size_t *pass)
{
	size_t taken = 0;

	*pass = 0;
	if (b->done || b->bad)
		return 0;
	switch ((enum body_kind)b->kind) {
	case BODY_NONE:
		break;
	case BODY_LENGTH:
		taken = feed_length(b, n);
		break;
	case BODY_CHUNKED:
		return feed_chunked(b, p, n, pass);
	case BODY_UNTIL_CLOSE:
		b->total += n;
		taken = n;
		break;
	}
	*pass = taken;
	return taken;
}

uint64_t
body_ahead(const struct body *b)
{
	if (b->done || b->bad || b->strip)
		return 0;
	switch ((enum body_kind)b->kind) {
	case BODY_NONE:
		break;
	case BODY_LENGTH:
		return b->left;
	case BODY_CHUNKED:
		return b->state == DATA ? b->left : 0;
	case BODY_UNTIL_CLOSE:
		return UINT64_MAX;
	}
	return 0;
}

void
body_skip(struct body *b, size_t n)
{
	size_t pass;

	/* Not one of them is looked at where body_ahead is not 0. */
	(void)body_feed(b, NULL, n, &pass);
}

bool
body_eof(struct body *b)
{
	if (b->kind == BODY_UNTIL_CLOSE)
		b->done = true;
	if (!b->done && !b->bad)
		b->bad = "the connection ended before the body did";
	return b->done;
}
