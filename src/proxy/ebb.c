/* SPDX-License-Identifier: ISC */
/*
 * ebb.c: what a crowd has used goes back to the system when the crowd has gone.
 */
#include "config.h"

#include "proxy/ebb.h"

#include <event2/event.h>
#ifdef HAVE_MALLOC_TRIM
#include <malloc.h>
#endif

/*
 * It takes about a millisecond for each MB, in which nobody here is served, and
 * what is wanted again costs page faults: only after so many have gone, and a
 * quarter of all, and if they have not come back a while later.
 */
#define CROWD 256
#define SOON_S 5

static bool
has_gone(const struct ebb *e)
{
	unsigned gone = e->most - e->n;

	return gone >= CROWD && gone >= e->most / 4;
}

static void
give_back(evutil_socket_t fd, short what, void *arg)
{
	struct ebb *e = arg;

	(void)fd;
	(void)what;
#ifdef HAVE_MALLOC_TRIM
	if (has_gone(e))
		malloc_trim(0);
#endif
	e->due = false;
	e->most = e->n;
}

void
ebb_init(struct ebb *e, struct event_base *base)
{
	*e = (struct ebb){ .n = 0 };
	event_assign(&e->soon, base, -1, 0, give_back, e);
}

void
ebb_fini(struct ebb *e)
{
	event_del(&e->soon);
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
	static const struct timeval soon = { .tv_sec = SOON_S };

	e->n--;
	if (e->due || !has_gone(e))
		return;
	e->due = event_add(&e->soon, &soon) == 0;
}
