/* SPDX-License-Identifier: ISC */
/*
 * poller_libevent.c: what a thread waits for, where there is no epoll.
 */
#include "config.h"

#include "net/poller.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

/*
 * EV_CLOSED alone would not do: a reset is an error, of which libevent 2.1.12
 * makes READ|WRITE, finds nobody who asked for either, and hears it again, for
 * ever.  With EV_WRITE it is told, and with EV_ET a socket that is simply
 * writable is so only once.
 */
#define CALLBACKS_MAX 256 /* in one turn: some may wake themselves for ever */
#define UNTIL_END (EV_CLOSED | EV_WRITE | EV_ET)

struct poller {
	struct event_base *base;
	bool is_guest; /* the base is another's */
	unsigned told; /* callbacks of this turn */
};

/*
 * A base that no other thread touches needs no locks.  Edge-triggered is not to
 * be had with poll(2), where a watch for an end would spin.
 */
static struct event_base *
new_base(void)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base = NULL;

	if (cfg && event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK) == 0 &&
	    event_config_require_features(cfg, EV_FEATURE_ET) == 0)
		base = event_base_new_with_config(cfg);
	if (cfg)
		event_config_free(cfg);
	return base;
}

struct poller *
poller_new(struct event_base *base)
{
	struct poller *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->is_guest = base != NULL;
	p->base = base ? base : new_base();
	if (p->base)
		return p;
	free(p);
	errno = ENOTSUP;
	return NULL;
}

void
poller_free(struct poller *p)
{
	if (p && !p->is_guest)
		event_base_free(p->base);
	free(p);
}

int
poller_turn(struct poller *p, bool wait)
{
	int how = EVLOOP_ONCE | (wait ? 0 : EVLOOP_NONBLOCK);

	p->told = 0;
	return event_base_loop(p->base, how) < 0 ? -1 : (int)p->told;
}

/* ---- watches ---- */

static void
count(struct poller *p)
{
	if (++p->told >= CALLBACKS_MAX && !p->is_guest)
		event_base_loopbreak(p->base);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;
	unsigned news = 0;

	(void)fd;
	if (what & EV_READ)
		news |= NEWS_READ;
	if (what & EV_WRITE)
		news |= w->wanted == NEWS_END ? NEWS_END : NEWS_WRITE;
	if (what & EV_CLOSED)
		news |= NEWS_END;
	count(w->poller);
	w->cb(w, news);
}

void
watch_init(struct watch *w, struct poller *p, int fd, watch_cb *cb)
{
	*w = (struct watch){ .poller = p, .cb = cb, .fd = fd };
	event_assign(&w->ev, p->base, fd, EV_PERSIST | EV_READ, on_event, w);
}

bool
watch_want(struct watch *w, unsigned news)
{
	short what = EV_PERSIST;

	if (w->fd < 0 || w->wanted == news)
		return true;
	event_del(&w->ev);
	w->wanted = 0;
	if (!news)
		return true;
	if (news & NEWS_READ)
		what |= EV_READ;
	if (news & NEWS_WRITE)
		what |= EV_WRITE;
	if (news & NEWS_END)
		what |= UNTIL_END;
	event_assign(&w->ev, w->poller->base, w->fd, what, on_event, w);
	if (event_add(&w->ev, NULL) < 0)
		return false;
	w->wanted = (uint8_t)news;
	return true;
}

void
watch_leave(struct watch *w)
{
	event_del(&w->ev); /* it may have been woken without being wanted */
	w->wanted = 0;
}

void
watch_wake(struct watch *w, unsigned news)
{
	event_active(&w->ev, (news & NEWS_READ ? EV_READ : 0) |
			     (news & NEWS_WRITE ? EV_WRITE : 0), 1);
}

void
watch_close(struct watch *w)
{
	if (w->fd < 0)
		return;
	watch_leave(w);
	close(w->fd);
	w->fd = -1;
}

/* ---- timers ---- */

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;

	(void)fd;
	(void)what;
	count(t->poller);
	t->cb(t);
}

void
timer_init(struct timer *t, struct poller *p, timer_cb *cb)
{
	*t = (struct timer){ .poller = p, .cb = cb };
	event_assign(&t->ev, p->base, -1, 0, on_timer, t);
}

void
timer_set(struct timer *t, uint64_t due)
{
	uint64_t now = clock_ms(), in = due > now ? due - now : 0;
	struct timeval tv = { .tv_sec = (time_t)(in / 1000),
			      .tv_usec = (suseconds_t)(in % 1000 * 1000) };

	event_add(&t->ev, &tv);
}

void
timer_clear(struct timer *t)
{
	event_del(&t->ev);
}
