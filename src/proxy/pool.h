/* SPDX-License-Identifier: ISC */
/*
 * pool.h: backend connections between two requests.
 *
 * LIFO for each backend, bounded, a worker's own.  A connection in the pool is
 * read: any byte or FIN that comes while nobody asked discards it.
 */
#ifndef PROXY_POOL_H
#define PROXY_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attrib.h"
#include "base/list.h"
#include "proxy/deadline.h"

struct worker;
struct server;

struct pool {
	struct worker *worker;
	struct list *idle;    /* one list a backend, freshest first */
	size_t *count;
	uint64_t *forgotten;  /* ms: older ones are not kept */
	size_t nbackends;
	struct deadline sweep; /* for the first that gets too old */
};

void pool_init(struct pool *p, struct worker *w);
/*
 * For a configuration with that many backends; closes what was there.  False
 * when memory is out, and then nothing has changed.
 */
bool pool_reset(struct pool *p, size_t nbackends) WUNRES;
void pool_fini(struct pool *p);
/* Closes all that are idle; the pool stays in use. */
void pool_empty(struct pool *p);

/*
 * The freshest idle connection to that backend, still open as far as can be
 * known, or NULL.  For a request that is not `repeatable` only one that has
 * been idle for less than a second: a server may be closing an older one this
 * moment.
 */
struct server *pool_get(struct pool *p, unsigned backend, bool repeatable);
/*
 * Gives one back, until it has been idle for keep ms.  It is closed instead if
 * it is not clean, or there are enough.
 */
void pool_put(struct pool *p, struct server *s, uint64_t keep);
/*
 * Closes what is idle to that backend, and what is in use once it comes back:
 * its addresses have changed.
 */
void pool_forget(struct pool *p, unsigned backend);
/* An idle connection has become readable: discards it. */
void pool_discard(struct pool *p, struct server *s);

#endif
