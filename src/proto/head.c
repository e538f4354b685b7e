/* SPDX-License-Identifier: ISC */
/*
 * head.c: the head of an HTTP/1 message, from its first byte to what it means.
 *
 * In this order, and each only if the one before was content: the start line
 * (startline.c), the raw field lines (lint.c), body and connection
 * (framing.c), host (host.c); then http-parser (split.c) must have read the
 * same.
 */
#include "proto/head.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/fault.h"
#include "proto/framing.h"
#include "proto/host.h"
#include "proto/lint.h"
#include "proto/split.h"
#include "proto/startline.h"

const struct head_fault head_no_memory = {
	503, "no-memory", "memory ran out while a head was read"
};
const struct head_fault head_too_large = {
	431, "head-too-large", "the request's head is larger than max_head"
};
FAULT(target_too_long, 414, "target-too-long",
      "the request line alone is larger than max_head (RFC 9112 3)");
FAULT(answer_too_large, 502, "head-too-large",
      "the backend's head is larger than max_head");
FAULT_BOTH(no_line, 400, "unfinished", "the head has no whole line");
FAULT_BOTH(disagreement, 400, "disagreement",
	   "two parsers read this head differently");
FAULT(field_twice, 400, "field-twice",
      "Origin, Sec-WebSocket-Key or Sec-WebSocket-Version comes twice "
      "(RFC 6454 7.3, RFC 6455 11.3)");

static const struct head_fault *
too_large(enum head_kind kind, bool has_start_line)
{
	if (kind == HEAD_RESPONSE)
		return &answer_too_large;
	return has_start_line ? &head_too_large : &target_too_long;
}

static const struct head_fault *
glance_at_start_line(enum head_kind kind, const char *p, size_t n)
{
	struct head h = { .kind = kind };

	return startline_read(&h, slice_of(p, n));
}

const struct head_fault *
head_look(enum head_kind kind, const char *p, size_t n, size_t max,
	  size_t *scanned, size_t *len)
{
	const struct head_fault *fault;
	bool has_start_line;
	const char *lf;
	size_t start, at;

	assert(*scanned <= n);
	*len = 0;
	if ((fault = startline_begins(kind, p, n, &start)))
		return fault;
	/* Its empty lines may end in bytes that were not searched yet. */
	at = *scanned > start ? *scanned : start;
	has_start_line = memchr(p + start, '\n', at - start);
	*scanned = n;

	for (; (lf = memchr(p + at, '\n', n - at)); at++) {
		at = (size_t)(lf - p);
		/* Too long is too long, however it was cut into pieces. */
		if (at >= max)
			return too_large(kind, has_start_line);
		if (at == start || p[at - 1] != '\r')
			return lint_byte(kind, '\n');
		if (has_start_line && p[at - 2] == '\n') {
			*scanned = *len = at + 1;
			return NULL;
		}
		if (!has_start_line &&
		    (fault = glance_at_start_line(kind, p + start,
						  at - 1 - start)))
			return fault;
		has_start_line = true;
	}
	return n > max ? too_large(kind, has_start_line) : NULL;
}

static bool
comes_twice(const struct head *h, enum field_id id)
{
	const struct head_field *f = head_first(h, id);

	return f && head_next(h, f);
}

static const struct head_fault *
check_request(struct head *h)
{
	const struct head_fault *fault = host_read(h);

	if (fault)
		return fault;
	if (comes_twice(h, F_ORIGIN) || comes_twice(h, F_SEC_WEBSOCKET_KEY) ||
	    comes_twice(h, F_SEC_WEBSOCKET_VERSION))
		return &field_twice;
	return NULL;
}

/* Sets base, len, start and line_end, and reads the start line. */
static const struct head_fault *
read_start(struct head *h, const char *p, size_t n)
{
	const struct head_fault *fault;
	const char *lf;
	size_t start;

	if (n > UINT32_MAX)
		return too_large(h->kind, true);
	if ((fault = startline_begins(h->kind, p, n, &start)))
		return fault;
	h->base = p;
	h->len = (uint32_t)n;
	h->start = (uint32_t)start;
	lf = memchr(p + start, '\n', n - start);
	if (!lf)
		return &no_line[h->kind];
	if (lf == p + start || lf[-1] != '\r')
		return lint_byte(h->kind, '\n');
	h->line_end = (uint32_t)(lf + 1 - p);
	return startline_read(h, slice_of(p + start, h->line_end - start - 2));
}

struct agreeing {
	const struct head *h;
	uint32_t seen;
};

static bool
is_same_field(void *arg, struct slice name, struct slice value)
{
	struct agreeing *a = arg;
	const struct head_field *f = &a->h->fields[a->seen];

	return a->seen++ < a->h->nfields && name.p == a->h->base + f->at &&
	       name.n == f->name_len && slice_eq(value, field_value(a->h, f));
}

/*
 * A second parser that saw other fields, or another body, in what the lint has
 * let through would be a second backend that does.
 */
static const struct head_fault *
ask_second_parser(const struct head *h)
{
	bool has_length = h->framing == BODY_LENGTH;
	struct agreeing agreeing = { h, 0 };
	struct split_framing second;

	if (!split_fields(h->kind == HEAD_REQUEST, h->base + h->line_end,
			  h->len - h->line_end, is_same_field, &agreeing,
			  &second) ||
	    agreeing.seen != h->nfields ||
	    second.chunked != (h->framing == BODY_CHUNKED) ||
	    second.has_length != has_length ||
	    (has_length && second.length != h->content_length))
		return &disagreement[h->kind];
	return NULL;
}

const struct head_fault *
head_parse(struct head *h, enum head_kind kind, const char *p, size_t n)
{
	const struct head_fault *fault;

	memset(h, 0, sizeof(*h));
	h->kind = kind;
	if ((fault = read_start(h, p, n)))
		return fault;
	if ((fault = lint_fields(h)))
		return fault;
	if ((fault = framing_read(h)))
		return fault;
	if (kind == HEAD_REQUEST && (fault = check_request(h)))
		return fault;
	return ask_second_parser(h);
}

void
head_fini(struct head *h)
{
	free(h->fields);
	h->fields = NULL;
	h->nfields = 0;
	memset(h->first, 0, sizeof(h->first));
}

const struct head_field *
head_first(const struct head *h, enum field_id id)
{
	return h->first[id] ? &h->fields[h->first[id] - 1] : NULL;
}

const struct head_field *
head_next(const struct head *h, const struct head_field *f)
{
	const struct head_field *end = h->fields + h->nfields;

	for (const struct head_field *next = f + 1; next < end; next++)
		if (next->id == f->id)
			return next;
	return NULL;
}

struct slice
field_name(const struct head *h, const struct head_field *f)
{
	return slice_of(h->base + f->at, f->name_len);
}

struct slice
field_value(const struct head *h, const struct head_field *f)
{
	return slice_of(h->base + f->value, f->value_len);
}

struct slice
head_value(const struct head *h, enum field_id id)
{
	const struct head_field *f = head_first(h, id);

	return f ? field_value(h, f) : SLICE_NONE;
}

bool
head_lists(const struct head *h, enum field_id id, struct slice token)
{
	const struct head_field *f;

	for (f = head_first(h, id); f; f = head_next(h, f))
		if (slice_list_has(field_value(h, f), token))
			return true;
	return false;
}
