/* SPDX-License-Identifier: ISC */
/*
 * ebb.c: what a crowd has used goes back to the system when the crowd has gone.
 */
#include "config.h"

#include "proxy/ebb.h"

#include <stdint.h>

#include "base/clock.h"

#ifdef HAVE_MALLOC_TRIM
#include <malloc.h>
#endif

/*
 * It takes about a millisecond for each MB, in which nobody here is served, and
 * what is wanted again costs page faults: only after so many have gone, and a
 * quarter of all, and if they have not come back a while later.
 */
#define CROWD 256
#define SOON_MS 5000
#define PAUSE_MS 4000 /* after one, whoever had it done */

static bool
has_gone(const struct ebb *e)
{
	unsigned gone = e->most - e->n;

	return gone >= CROWD && gone >= e->most / 4;
}

/* The memory of all threads is gone through: once is enough for all. */
static bool
is_ours(void)
{
	static uint64_t last; /* ms */
	uint64_t now = clock_ms(), before;

	before = __atomic_load_n(&last, __ATOMIC_RELAXED);
	return (before == 0 || now - before >= PAUSE_MS) &&
	       __atomic_compare_exchange_n(&last, &before, now, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static void
give_back(struct timer *t)
{
	struct ebb *e = container_of(t, struct ebb, soon);

	if (has_gone(e)) {
		if (!is_ours()) {
			timer_set(t, clock_ms() + SOON_MS);
			return;
		}
#ifdef HAVE_MALLOC_TRIM
		malloc_trim(0);
#endif
	}
	e->due = false;
	e->most = e->n;
}

void
ebb_init(struct ebb *e, struct poller *p)
{
	*e = (struct ebb){ .n = 0 };
	timer_init(&e->soon, p, give_back);
}

void
ebb_fini(struct ebb *e)
{
	timer_clear(&e->soon);
}

void
ebb_come(struct ebb *e)
{
	if (++e->n > e->most)
		e->most = e->n;
}

void
ebb_go(struct ebb *e)
{
	e->n--;
	if (e->due || !has_gone(e))
		return;
	e->due = true;
	timer_set(&e->soon, clock_ms() + SOON_MS);
}
