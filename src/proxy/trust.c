/* SPDX-License-Identifier: ISC */
/*
 * trust.c: on whose behalf a request comes, and who may say so.
 */
#include "proxy/trust.h"

#include <string.h>

#include "proto/field.h"

bool
trust_has(const struct conf *conf, const struct addr *a)
{
	for (size_t i = 0; i < conf->ntrusted; i++)
		if (addr_in_network(a, &conf->trusted[i]))
			return true;
	/* A unix socket's peer passed its file permissions. */
	return a->family == 0;
}

/* "10.0.0.1", "10.0.0.1:99", "[::1]", "[::1]:99", "::1" */
static bool
parse_hop(struct addr *a, struct slice text)
{
	const char *end;

	if (text.n > 0 && text.p[0] == '[') {
		end = memchr(text.p, ']', text.n);
		if (!end)
			return false;
		return addr_parse(a, slice_of(text.p + 1,
					      (size_t)(end - text.p - 1)));
	}
	if (addr_parse(a, text))
		return true;
	end = memchr(text.p, ':', text.n);
	return end && addr_parse(a, slice_of(text.p, (size_t)(end - text.p)));
}

/*
 * Walks one field's list from right to left.  True when an untrusted address
 * was found; *a is then it, else the leftmost seen.
 */
static bool
last_untrusted(const struct conf *conf, struct slice list, struct addr *a)
{
	while (list.n > 0) {
		size_t at = list.n;
		struct addr hop;

		while (at > 0 && list.p[at - 1] != ',')
			at--;
		if (!parse_hop(&hop, slice_trim(slice_of(list.p + at,
							 list.n - at))))
			return true; /* what stands left of junk is junk */
		*a = hop;
		if (!trust_has(conf, &hop))
			return true;
		list.n = at > 0 ? at - 1 : 0;
	}
	return false;
}

struct addr
trust_client(const struct conn *c)
{
	const struct head *h = &c->hs->req;
	const struct conf *conf = c->hs->conf;
	struct addr a = c->peer;

	if (!trust_has(conf, &c->peer))
		return a;
	for (uint32_t i = h->nfields; i > 0; i--)
		if (h->fields[i - 1].id == F_X_FORWARDED_FOR &&
		    last_untrusted(conf, field_value(h, &h->fields[i - 1]), &a))
			break;
	return a;
}
