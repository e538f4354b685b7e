/* SPDX-License-Identifier: ISC */
/*
 * host.c: for which host a request is meant.
 */
#include "proto/host.h"

#include "proto/chars.h"
#include "proto/fault.h"

FAULT(host_missing, 400, "host-missing",
      "an HTTP/1.1 request has no Host (RFC 9112 3.2)");
FAULT(host_twice, 400, "host-twice",
      "the request has more than one Host (RFC 9112 3.2)");
FAULT(host_invalid, 400, "host-invalid",
      "the Host is no valid host and port (RFC 9110 7.2)");
FAULT(host_differs, 400, "host-differs",
      "Host and the request target name different hosts (RFC 9112 3.2.2)");

/* Where the host ends and its ":port", or nothing, begins. */
static size_t
host_end(struct slice authority)
{
	char last = authority.n > 0 && authority.p[0] == '[' ? ']' : ':';
	const char *p = memchr(authority.p, last, authority.n);

	if (!p)
		return authority.n;
	return (size_t)(p - authority.p) + (last == ']');
}

static bool
is_port(struct slice s)
{
	unsigned port = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (!char_is(s.p[i], CHAR_DIGIT))
			return false;
		port = port * 10 + (unsigned)(s.p[i] - '0');
		if (port > 65535)
			return false;
	}
	return true;
}

/* Roughly: whether it is an address, its resolver would have to say. */
static bool
is_ip_literal(struct slice s)
{
	if (s.n < 4 || s.p[0] != '[' || s.p[s.n - 1] != ']')
		return false;
	for (size_t i = 1; i < s.n - 1; i++)
		if (!char_is(s.p[i], CHAR_HEX) && s.p[i] != ':' &&
		    s.p[i] != '.')
			return false;
	return memchr(s.p, ':', s.n) != NULL;
}

bool
host_is_valid(struct slice authority)
{
	struct slice host = slice_of(authority.p, 0);
	struct slice port = SLICE_NONE;

	if (authority.n == 0)
		return false;
	host.n = host_end(authority);
	if (host.n < authority.n) {
		if (authority.p[host.n] != ':')
			return false;
		port = slice_of(authority.p + host.n + 1,
				authority.n - host.n - 1);
	}
	if (host.n == 0 || !is_port(port))
		return false;
	return host.p[0] == '[' ? is_ip_literal(host)
				: chars_all(host, CHAR_HOST);
}

struct slice
host_without_port(struct slice authority)
{
	struct slice host = authority;

	if (host.n == 0)
		return host;
	host.n = host_end(authority);
	if (host.n > 1 && host.p[host.n - 1] == '.')
		host.n--;
	return host;
}

const struct head_fault *
host_read(struct head *h)
{
	const struct head_field *f = head_first(h, F_HOST);
	struct slice host;

	if (!f)
		return h->minor > 0 ? &host_missing : NULL;
	if (head_next(h, f))
		return &host_twice;
	host = field_value(h, f);
	if (!host_is_valid(host))
		return &host_invalid;
	if (h->authority.n > 0 && !slice_ieq(h->authority, host))
		return &host_differs;
	h->authority = host;
	return NULL;
}
