/* SPDX-License-Identifier: ISC */
/*
 * split.c: http-parser, and all that is known of it elsewhere.
 *
 * The only file that includes http_parser.h.  (It could not include
 * proto/head.h as well: both have an F_UPGRADE.)
 */
#include "proto/split.h"

#include <assert.h>
#include <http_parser.h>
#include <pthread.h>

struct split {
	split_on_field *on_field;
	void *arg;
	struct slice name;
	struct split_framing *framing;
};

static int
on_name(http_parser *parser, const char *p, size_t n)
{
	struct split *s = parser->data;

	s->name = slice_of(p, n);
	return 0;
}

static int
on_value(http_parser *parser, const char *p, size_t n)
{
	struct split *s = parser->data;

	return !s->on_field(s->arg, s->name, slice_trim(slice_of(p, n)));
}

/* Answers that no body follows, so that it ends where the head does. */
static int
on_complete(http_parser *parser)
{
	struct split *s = parser->data;

	s->framing->chunked = parser->flags & F_CHUNKED;
	s->framing->has_length = parser->flags & F_CONTENTLENGTH;
	if (s->framing->has_length)
		s->framing->length = parser->content_length;
	return 1;
}

static const http_parser_settings settings = {
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_headers_complete = on_complete,
};

/*
 * Those that have read a start line: it is always the same, so that a copy is
 * as good as reading it again.
 */
static http_parser begun[2];

static void
begin(http_parser *parser, enum http_parser_type type, struct slice line)
{
	size_t n;

	http_parser_init(parser, type);
	n = http_parser_execute(parser, &settings, line.p, line.n);
	assert(n == line.n);
	(void)n;
}

static void
begin_both(void)
{
	/* Its own limit of 80 KiB is process-wide; ours was applied before. */
	http_parser_set_max_header_size(UINT32_MAX);
	begin(&begun[false], HTTP_RESPONSE, SLICE("HTTP/1.1 200 OK\r\n"));
	begin(&begun[true], HTTP_REQUEST, SLICE("GET / HTTP/1.1\r\n"));
}

bool
split_fields(bool is_request, const char *p, size_t n,
	     split_on_field *on_field, void *arg,
	     struct split_framing *framing)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct split s = { on_field, arg, SLICE_NONE, framing };
	http_parser parser;

	pthread_once(&once, begin_both);
	*framing = (struct split_framing){ false, false, 0 };
	parser = begun[is_request];
	parser.data = &s;
	return http_parser_execute(&parser, &settings, p, n) == n &&
	       HTTP_PARSER_ERRNO(&parser) == HPE_OK;
}
