/* SPDX-License-Identifier: ISC */
/*
 * hosts.c: what a worker knows of addresses.
 */
#include "proxy/hosts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct host *
host_new(const char *name, const struct addr *addrs, size_t n)
{
	struct host *h = calloc(1, sizeof(*h) + n * sizeof(*addrs));

	if (!h)
		return NULL;
	list_init(&h->link);
	if (!(h->name = strdup(name))) {
		free(h);
		return NULL;
	}
	h->n = n;
	if (n)
		memcpy(h->addrs, addrs, n * sizeof(*addrs));
	return h;
}

void
host_free(struct host *h)
{
	list_remove(&h->link);
	free(h->name);
	free(h);
}

void
hosts_init(struct hosts *h)
{
	*h = (struct hosts){ 0 };
	list_init(&h->known);
}

void
hosts_fini(struct hosts *h)
{
	list_each(it, &h->known)
		host_free(container_of(it, struct host, link));
}

static struct host *
find(const struct hosts *h, const char *name)
{
	list_each(it, &h->known) {
		struct host *known = container_of(it, struct host, link);

		if (strcasecmp(known->name, name) == 0)
			return known;
	}
	return NULL;
}

void
hosts_set(struct hosts *h, struct host *news)
{
	struct host *old = find(h, news->name);

	if (old)
		host_free(old);
	list_push_back(&h->known, &news->link);
}

const struct host *
hosts_find(const struct hosts *h, const char *name)
{
	return find(h, name);
}

/* ---- those that failed lately ---- */

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
