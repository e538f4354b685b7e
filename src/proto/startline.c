/* SPDX-License-Identifier: ISC */
/*
 * startline.c: the first line of a head.
 *
 * Read here and not by http-parser, which knows a fixed list of methods, lets
 * HTTP/2.7 pass and takes 099 for a status.
 */
#include "proto/startline.h"

#include "proto/chars.h"
#include "proto/fault.h"
#include "proto/host.h"
#include "proto/lint.h"
#include "proto/pattern.h"

/* Some old clients send one after a body; many are no accident. */
#define EMPTY_LINES_MAX 4
/* A method is looked at so far before its line is whole. */
#define METHOD_GLANCE 16

FAULT(empty_lines, 400, "empty-lines",
      "too many empty lines before the request line (RFC 9112 2.2)");
FAULT(tls, 400, "tls-on-plain-port",
      "the client speaks TLS, but this port is plain HTTP: use http://");
FAULT(bad_method, 400, "bad-method",
      "the request does not begin with a method (RFC 9110 9.1)");
FAULT(bad_request_line, 400, "bad-request-line",
      "the request line is not: method, blank, target, blank, version "
      "(RFC 9112 3)");
FAULT(http09, 400, "http-0.9",
      "the request line has no version: HTTP/0.9 is not spoken here "
      "(RFC 9112 3)");
FAULT(bad_version, 400, "bad-version",
      "the request line does not end in a version such as HTTP/1.1 "
      "(RFC 9112 2.3)");
FAULT(http2, 505, "http2",
      "the client begins with HTTP/2; only HTTP/1.1 is spoken here "
      "(RFC 9113 3.4)");
FAULT(version, 505, "version",
      "only HTTP/1.0 and HTTP/1.1 are spoken here (RFC 9110 15.6.6)");
FAULT(connect, 501, "connect",
      "CONNECT is for forward proxies (RFC 9110 9.3.6)");
FAULT(trace, 405, "trace", "TRACE is not allowed here (RFC 9110 9.3.8)");
FAULT(no_target, 400, "no-target",
      "the request line has no target (RFC 9112 3.2)");
FAULT(target_blank, 400, "target-blank",
      "the request target has a blank in it (RFC 9112 3.2)");
FAULT(target_fragment, 400, "target-fragment",
      "the request target has a '#': a fragment is not sent (RFC 9112 3.2)");
FAULT(target_form, 400, "target-form",
      "the request target is neither a path nor an http URL (RFC 9112 3.2)");
FAULT(asterisk, 400, "asterisk",
      "the target * is for OPTIONS only (RFC 9112 3.2.4)");
FAULT(target_host, 400, "target-host",
      "the URL in the request line has no valid host (RFC 9110 4.2)");
FAULT(dot_segments, 400, "dot-segments",
      "the path has a dot segment, which a client resolves itself "
      "(RFC 3986 5.2.4)");
FAULT(bad_status_line, 502, "bad-status-line",
      "the backend's status line is not: version, blank, three digits "
      "(RFC 9112 4)");

const struct head_fault head_not_http = {
	502, "no-http",
	"the backend's answer does not begin with HTTP/1. (RFC 9112 4)",
};

static const struct head_fault *
request_begins(const char *p, size_t n, size_t *start)
{
	size_t i = 0;

	while (n - i >= 2 && p[i] == '\r' && p[i + 1] == '\n') {
		if (i == 2 * EMPTY_LINES_MAX)
			return &empty_lines;
		i += 2;
	}
	*start = i;
	if (i == n)
		return NULL;
	if (p[i] == 0x16)
		return &tls;
	if (p[i] == '\r')
		return i + 1 == n ? NULL : lint_byte(HEAD_REQUEST, '\r');
	if (p[i] == '\n')
		return lint_byte(HEAD_REQUEST, '\n');

	for (; i < n && i < *start + METHOD_GLANCE; i++) {
		if (char_is(p[i], CHAR_TOKEN))
			continue;
		/* The end of the method, or a line whose fault is its end. */
		if (i > *start && memchr(" \r\n", p[i], 3))
			return NULL;
		return &bad_method;
	}
	return NULL;
}

const struct head_fault *
startline_begins(enum head_kind kind, const char *p, size_t n, size_t *start)
{
	static const struct slice begin = SLICE("HTTP/1.");

	*start = 0;
	if (kind == HEAD_REQUEST)
		return request_begins(p, n, start);
	return memcmp(p, begin.p, n < begin.n ? n : begin.n) == 0 ? NULL
								  : &head_not_http;
}

/* "HTTP/1.1" (RFC 9112 2.3), which is case-sensitive. */
static const struct head_fault *
read_version(struct head *h, struct slice s)
{
	if (s.n != 8 || memcmp(s.p, "HTTP/", 5) != 0 || s.p[6] != '.' ||
	    !char_is(s.p[5], CHAR_DIGIT) || !char_is(s.p[7], CHAR_DIGIT))
		return &bad_version;
	if (s.p[5] == '2')
		return &http2;
	if (s.p[5] != '1')
		return &version;
	h->minor = s.p[7] > '0';
	return NULL;
}

static const struct head_fault *
read_path(struct head *h, struct slice s)
{
	const char *q = s.n > 0 ? memchr(s.p, '?', s.n) : NULL;

	h->path = q ? slice_of(s.p, (size_t)(q - s.p)) : s;
	h->query = q ? slice_of(q, s.n - h->path.n) : SLICE_NONE;
	if (h->path.n == 0)
		h->path = SLICE("/");
	return path_has_dot_segments(h->path) ? &dot_segments : NULL;
}

/* http://host/path (RFC 9112 3.2.2); ws:// is the same in other letters. */
static const struct head_fault *
read_absolute(struct head *h)
{
	static const struct slice schemes[] = {
		SLICE("http"), SLICE("https"), SLICE("ws"), SLICE("wss")
	};
	struct slice s = h->target;
	const char *colon = memchr(s.p, ':', s.n);
	size_t i, n = colon ? (size_t)(colon - s.p) : 0;

	for (i = 0; i < ARRAY_LEN(schemes); i++)
		if (slice_ieq(slice_of(s.p, n), schemes[i]))
			break;
	if (i == ARRAY_LEN(schemes) || s.n - n < 3 ||
	    memcmp(colon, "://", 3) != 0)
		return &target_form;

	s = slice_of(s.p + n + 3, s.n - n - 3);
	for (i = 0; i < s.n && s.p[i] != '/' && s.p[i] != '?'; i++)
		;
	h->authority = slice_of(s.p, i);
	if (!host_is_valid(h->authority))
		return &target_host;
	return read_path(h, slice_of(s.p + i, s.n - i));
}

static const struct head_fault *
target_byte(char c)
{
	if (c == ' ' || c == '\t')
		return &target_blank;
	return c == '#' ? &target_fragment : lint_byte(HEAD_REQUEST, c);
}

static const struct head_fault *
read_target(struct head *h)
{
	struct slice t = h->target;
	const char *bad = chars_skip(t.p, t.p + t.n, CHAR_TARGET);

	if (t.n == 0)
		return &no_target;
	if (bad < t.p + t.n)
		return target_byte(*bad);
	if (t.p[0] == '/')
		return read_path(h, t);
	if (!slice_eq(t, SLICE("*")))
		return read_absolute(h);
	h->path = t;
	return slice_eq(h->method, SLICE("OPTIONS")) ? NULL : &asterisk;
}

static const struct head_fault *
read_request_line(struct head *h, struct slice line)
{
	const char *end = line.p + line.n;
	const char *p = chars_skip(line.p, end, CHAR_TOKEN), *q = end;
	const struct head_fault *fault;

	h->method = slice_of(line.p, (size_t)(p - line.p));
	if (h->method.n == 0)
		return &bad_method;
	if (p == end)
		return &bad_request_line;
	if (*p != ' ')
		return char_is(*p, CHAR_VALUE) ? &bad_method
					       : lint_byte(HEAD_REQUEST, *p);
	p++;
	while (q > p && q[-1] != ' ')
		q--;
	h->target = slice_of(p, (size_t)(end - p));
	if (q == p)
		return &http09;
	h->target.n = (size_t)(q - p) - 1;

	fault = read_version(h, slice_of(q, (size_t)(end - q)));
	if (fault)
		return fault;
	if (slice_eq(h->method, SLICE("CONNECT")))
		return &connect;
	if (slice_eq(h->method, SLICE("TRACE")))
		return &trace;
	return read_target(h);
}

/* The blank before an empty phrase is often left out, and may be. */
static const struct head_fault *
read_status_line(struct head *h, struct slice line)
{
	const char *p = line.p;

	if (line.n < 12 || memcmp(p, "HTTP/1.", 7) != 0 ||
	    !char_is(p[7], CHAR_DIGIT) || p[8] != ' ' || p[9] < '1' ||
	    p[9] > '5' || !char_is(p[10], CHAR_DIGIT) ||
	    !char_is(p[11], CHAR_DIGIT) || (line.n > 12 && p[12] != ' '))
		return &bad_status_line;
	h->minor = p[7] > '0';
	h->status = (unsigned)((p[9] - '0') * 100 + (p[10] - '0') * 10 +
			       (p[11] - '0'));
	h->phrase = slice_of(p + 12, line.n - 12);
	if (h->phrase.n > 0)
		h->phrase = slice_of(p + 13, line.n - 13);
	p = chars_skip(p + 12, line.p + line.n, CHAR_VALUE);
	return p == line.p + line.n ? NULL : lint_byte(HEAD_RESPONSE, *p);
}

const struct head_fault *
startline_read(struct head *h, struct slice line)
{
	return h->kind == HEAD_REQUEST ? read_request_line(h, line)
				       : read_status_line(h, line);
}
