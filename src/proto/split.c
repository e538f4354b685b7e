/* SPDX-License-Identifier: ISC */
/*
 * split.c: http-parser, and all that is known of it elsewhere.
 *
 * The only file that includes http_parser.h.  (It could not include
 * proto/head.h as well: both have an F_UPGRADE.)
 */
#include "proto/split.h"

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

/* Its own limit of 80 KiB is process-wide; ours was applied before. */
static void
lift_limit(void)
{
	http_parser_set_max_header_size(UINT32_MAX);
}

bool
split_fields(bool is_request, const char *p, size_t n,
	     split_on_field *on_field, void *arg,
	     struct split_framing *framing)
{
	static const struct slice request = SLICE("GET / HTTP/1.1\r\n");
	static const struct slice response = SLICE("HTTP/1.1 200 OK\r\n");
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct slice line = is_request ? request : response;
	struct split s = { on_field, arg, SLICE_NONE, framing };
	http_parser parser;

	pthread_once(&once, lift_limit);
	*framing = (struct split_framing){ false, false, 0 };
	http_parser_init(&parser, is_request ? HTTP_REQUEST : HTTP_RESPONSE);
	parser.data = &s;
	if (http_parser_execute(&parser, &settings, line.p, line.n) != line.n)
		return false;
	return http_parser_execute(&parser, &settings, p, n) == n &&
	       HTTP_PARSER_ERRNO(&parser) == HPE_OK;
}
