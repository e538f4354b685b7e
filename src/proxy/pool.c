/* SPDX-License-Identifier: ISC */
/*
 * pool.c: backend connections between two requests.
 */
#include "proxy/pool.h"

#include <stdlib.h>

#include "base/clock.h"
#include "proxy/conn.h"
#include "proxy/server.h"

/* One idle for less may carry a request that must not be sent twice. */
#define FRESH_MS 1000

static void
remove_idle(struct pool *p, struct server *s)
{
	CHECK_SERVER(s);
	list_remove(&s->link);
	s->in_pool = false;
	p->count[s->backend]--;
}

static struct server *
first(struct list *l)
{
	return container_of(l->next, struct server, link);
}

/* Closes what is too old, and finds when the next one will be. */
static void
on_sweep(struct deadline *d)
{
	struct pool *p = container_of(d, struct pool, sweep);
	uint64_t now = clock_ms(), next = UINT64_MAX;

	for (size_t i = 0; i < p->nbackends; i++) {
		list_each(it, &p->idle[i]) {
			struct server *s = container_of(it, struct server,
							link);

			if (s->idle_until <= now)
				pool_discard(p, s);
			else if (s->idle_until < next)
				next = s->idle_until;
		}
	}
	if (next != UINT64_MAX)
		deadline_set(&p->worker->wheel, &p->sweep, next);
}

void
pool_init(struct pool *p, struct worker *w)
{
	*p = (struct pool){ .worker = w };
	deadline_init(&p->sweep, on_sweep);
}

void
pool_empty(struct pool *p)
{
	for (unsigned i = 0; i < p->nbackends; i++)
		pool_forget(p, i);
	deadline_clear(&p->sweep);
}

void
pool_fini(struct pool *p)
{
	pool_empty(p);
	free(p->idle);
	free(p->count);
	free(p->forgotten);
	p->idle = NULL;
	p->count = NULL;
	p->forgotten = NULL;
	p->nbackends = 0;
}

bool
pool_reset(struct pool *p, size_t nbackends)
{
	size_t n = nbackends ? nbackends : 1;
	struct list *idle = calloc(n, sizeof(*idle));
	size_t *count = calloc(n, sizeof(*count));
	uint64_t *forgotten = calloc(n, sizeof(*forgotten));

	if (!idle || !count || !forgotten) {
		free(idle);
		free(count);
		free(forgotten);
		return false;
	}
	pool_fini(p);
	for (size_t i = 0; i < nbackends; i++)
		list_init(&idle[i]);
	p->idle = idle;
	p->count = count;
	p->forgotten = forgotten;
	p->nbackends = nbackends;
	return true;
}

/*
 * What had come when the loop last asked waits as an event, unless the
 * connection came back since, or more had come than the loop asks for at once.
 * That is enough where a request can be sent again; a call tells the rest, also
 * of what has come in this turn.
 */
static bool
is_quiet(const struct pool *p, struct server *s, bool repeatable)
{
	if (repeatable && !s->s.tls && s->turn != p->worker->turn)
		return !watch_has_news(&s->s.watch);
	return stream_is_quiet(&s->s);
}

struct server *
pool_get(struct pool *p, unsigned backend, bool repeatable)
{
	struct list *l = &p->idle[backend];
	uint64_t now = clock_ms();

	while (!list_empty(l)) {
		struct server *s = first(l);

		/* Most of the others have been idle for longer still. */
		if (!repeatable && now - s->idle_since >= FRESH_MS)
			return NULL;
		if (s->idle_until > now && is_quiet(p, s, repeatable)) {
			remove_idle(p, s);
			s->taken = now;
			return s;
		}
		pool_discard(p, s);
	}
	return NULL;
}

void
pool_put(struct pool *p, struct server *s, uint64_t keep)
{
	const struct worker *w = p->worker;
	uint64_t until = s->idle_since + keep;

	if (w->draining || s->s.out || s->s.in || s->backend >= p->nbackends ||
	    s->taken <= p->forgotten[s->backend] ||
	    p->count[s->backend] >= w->conf->pool_size ||
	    until <= clock_ms()) {
		server_free(s);
		return;
	}
	s->in_pool = true;
	s->turn = w->turn;
	s->worker = p->worker;
	s->idle_until = until;
	list_push_front(&p->idle[s->backend], &s->link);
	p->count[s->backend]++;
	stream_set_reading(&s->s, true);
	if (!p->sweep.due || s->idle_until < p->sweep.due)
		deadline_set(&p->worker->wheel, &p->sweep, s->idle_until);
}

void
pool_forget(struct pool *p, unsigned backend)
{
	while (!list_empty(&p->idle[backend]))
		pool_discard(p, first(&p->idle[backend]));
	p->forgotten[backend] = clock_ms();
}

void
pool_discard(struct pool *p, struct server *s)
{
	remove_idle(p, s);
	server_free(s);
}
