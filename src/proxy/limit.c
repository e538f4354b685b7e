/* SPDX-License-Identifier: ISC */
/*
 * limit.c: what the WebSockets of a route may do, and how many there may be.
 */
#include "proxy/limit.h"

#include <pthread.h>
#include <stdlib.h>

#include "proxy/conn.h"

#define BUCKETS 4096

/* A route's figures; there is one for each name that was ever seen. */
struct tally {
	struct tally *next;
	char *name;
	unsigned tunnels;    /* and upgrades on their way */
	struct terms *terms; /* the newest */
};

/* The tunnels of a route from one address. */
struct guest {
	struct guest *next; /* in its bucket */
	const struct tally *tally;
	struct addr addr;
	unsigned tunnels;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below */
static struct tally *tallies;
static struct guest *guests[BUCKETS];

static struct tally *
find_tally(const char *name)
{
	struct tally *t = tallies;

	while (t && strcmp(t->name, name) != 0)
		t = t->next;
	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t || !(t->name = strdup(name))) {
		free(t);
		return NULL;
	}
	t->next = tallies;
	tallies = t;
	return t;
}

/* ---- terms ---- */

static struct terms
terms_of(struct tally *t, const struct conf_route *r)
{
	return (struct terms){
		.tally = t,
		.route = t->name,
		.idle = r->timeouts.tunnel_idle,
		.lifetime = r->timeouts.tunnel_lifetime,
		.stall = r->timeouts.stall,
		.half_close = r->timeouts.half_close,
		.message = r->limits.message,
		.strict = r->strict,
	};
}

static bool
same_terms(const struct terms *a, const struct terms *b)
{
	return a->idle == b->idle && a->lifetime == b->lifetime &&
	       a->stall == b->stall && a->half_close == b->half_close &&
	       a->message == b->message && a->strict == b->strict;
}

static void
drop_terms(struct terms *terms)
{
	if (terms && --terms->refs == 0)
		free(terms);
}

/* The tally holds the newest, so that most tunnels find them made. */
static struct terms *
take_terms(struct tally *t, const struct conf_route *r)
{
	struct terms now = terms_of(t, r), *fresh;

	if (!t->terms || !same_terms(t->terms, &now)) {
		fresh = malloc(sizeof(*fresh));
		if (!fresh)
			return NULL;
		*fresh = now;
		fresh->refs = 1;
		drop_terms(t->terms);
		t->terms = fresh;
	}
	t->terms->refs++;
	return t->terms;
}

/* ---- guests ---- */

/* An IPv6 customer has a /64, and may take any address of it. */
static struct addr
key_of(const struct addr *a)
{
	struct addr key = { .family = a->family };

	memcpy(key.ip, a->ip, a->family == 4 ? 4 : 8);
	return key;
}

/* FNV-1a */
static struct guest **
bucket_of(const struct addr *key, const struct tally *t)
{
	uint32_t h = 2166136261u ^ (uint32_t)(uintptr_t)t;

	for (unsigned i = 0; i < 8; i++)
		h = (h ^ key->ip[i]) * 16777619u;
	return &guests[(h ^ h >> 16) % BUCKETS];
}

static struct guest *
find_guest(const struct tally *t, const struct addr *a)
{
	struct addr key = key_of(a);
	struct guest **bucket = bucket_of(&key, t), *g = *bucket;

	while (g && (g->tally != t || !addr_same_host(&g->addr, &key)))
		g = g->next;
	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	*g = (struct guest){ .next = *bucket, .tally = t, .addr = key };
	*bucket = g;
	return g;
}

/* Forgets an address from which there is nothing any more. */
static void
tidy_guest(struct guest *g)
{
	struct guest **at;

	if (!g || g->tunnels > 0)
		return;
	for (at = bucket_of(&g->addr, g->tally); *at != g; at = &(*at)->next)
		;
	*at = g->next;
	free(g);
}

/* ---- places ---- */

static const struct reason *
enter(struct conn *c)
{
	const struct conf_route *r = c->hs->route;
	const struct conf_limits *max = &r->limits;
	struct tally *t = find_tally(r->name);
	struct guest *g = NULL;
	const struct reason *why = NULL;

	if (!t)
		return &reason_no_memory;
	if (max->tunnels && t->tunnels >= max->tunnels)
		return &reason_max_tunnels;
	/* A unix socket's peer has no address. */
	if (max->per_address && c->hs->client.family) {
		g = find_guest(t, &c->hs->client);
		if (!g)
			return &reason_no_memory;
		if (g->tunnels >= max->per_address)
			why = &reason_max_tunnels_per_address;
	}
	if (!why && !(c->terms = take_terms(t, r)))
		why = &reason_no_memory;
	if (why) {
		tidy_guest(g);
		return why;
	}
	t->tunnels++;
	c->guest = g;
	if (g)
		g->tunnels++;
	return NULL;
}

static void
leave(struct conn *c)
{
	c->terms->tally->tunnels--;
	drop_terms(c->terms);
	c->terms = NULL;
	if (c->guest)
		c->guest->tunnels--;
	tidy_guest(c->guest);
	c->guest = NULL;
}

const struct reason *
limit_enter(struct conn *c)
{
	const struct reason *why;

	pthread_mutex_lock(&lock);
	why = enter(c);
	pthread_mutex_unlock(&lock);
	return why;
}

void
limit_leave(struct conn *c)
{
	if (!c->terms)
		return;
	pthread_mutex_lock(&lock);
	leave(c);
	pthread_mutex_unlock(&lock);
}

void
limit_each(limit_cb *cb, void *arg)
{
	pthread_mutex_lock(&lock);
	for (const struct tally *t = tallies; t; t = t->next)
		cb(arg, t->name, t->tunnels);
	pthread_mutex_unlock(&lock);
}
