/* SPDX-License-Identifier: ISC */
/*
 * hosts.c: what a worker knows of addresses.
 */
#include "proxy/hosts.h"

#include <string.h>

void
hosts_init(struct hosts *h)
{
	*h = (struct hosts){ 0 };
}

static bool
is_same(const struct addr *a, const struct addr *b)
{
	return a->port == b->port && addr_same_host(a, b);
}

void
hosts_shun(struct hosts *h, const struct addr *a, uint64_t now)
{
	unsigned at = 0;

	/* Its own place, or that of the one which ends first. */
	for (unsigned i = 0; i < SHUNNED_MAX; i++) {
		if (is_same(&h->shunned[i], a)) {
			at = i;
			break;
		}
		if (h->until[i] < h->until[at])
			at = i;
	}
	h->shunned[at] = *a;
	h->until[at] = now + SHUN_MS;
}

void
hosts_forgive(struct hosts *h, const struct addr *a)
{
	for (unsigned i = 0; i < SHUNNED_MAX; i++)
		if (is_same(&h->shunned[i], a))
			h->until[i] = 0;
}

static bool
is_shunned(const struct hosts *h, const struct addr *a, uint64_t now)
{
	for (unsigned i = 0; i < SHUNNED_MAX; i++)
		if (h->until[i] > now && is_same(&h->shunned[i], a))
			return true;
	return false;
}

/* Is `a` to be tried before `b`, which the resolver has before it? */
static bool
overtakes(const struct hosts *h, const struct addr *a, const struct addr *b,
	  uint8_t last_family, uint64_t now)
{
	bool a_shunned = is_shunned(h, a, now);
	bool b_shunned = is_shunned(h, b, now);

	if (a_shunned != b_shunned)
		return b_shunned;
	return b->family == last_family && a->family != last_family;
}

void
hosts_order(const struct hosts *h, struct addr *addrs, size_t n, uint64_t now)
{
	uint8_t last_family = 0;

	for (size_t i = 0; i < n; i++) {
		size_t first = i;
		struct addr a;

		for (size_t j = i + 1; j < n; j++)
			if (overtakes(h, &addrs[j], &addrs[first], last_family,
				      now))
				first = j;
		a = addrs[first];
		memmove(&addrs[i + 1], &addrs[i], (first - i) * sizeof(a));
		addrs[i] = a;
		last_family = a.family;
	}
}
