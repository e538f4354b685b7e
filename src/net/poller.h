/* SPDX-License-Identifier: ISC */
/*
 * poller.h: what a thread waits for: news of descriptors, and its timers.
 *
 * A poller belongs to one thread, and so do its watches and timers, which lie
 * inside what they are for.  poller_turn waits for news, and calls back with
 * all that have come, then with the timers that are due.  Callbacks may do
 * anything to any watch and timer, their own included: what is cleared or
 * closed meanwhile is not told any more.
 *
 * libevent, which keeps the main thread's signals and children, does the same
 * and more.  What it does not have are a watch of 48 bytes (128 there, and 16
 * to 32 more for the descriptor), a change of mind that is one system call, and
 * a descriptor that is closed without being taken back first.  Where there is
 * no epoll it does this as well (poller_libevent.c).
 */
#ifndef NET_POLLER_H
#define NET_POLLER_H

#include "config.h"

#include <stdbool.h>
#include <stdint.h>

#ifndef USE_EPOLL
#include <event2/event.h>
#include <event2/event_struct.h>
#endif

#include "base/attrib.h"
#include "base/list.h"

/* What a watch wants to tell, and tells; a lost connection is each of them. */
enum {
	NEWS_READ = 1,  /* there are bytes to read, or their end */
	NEWS_WRITE = 2, /* there is room for some */
	/*
	 * Its peer's FIN; wanted alone only, and told once rather than as long
	 * as it is so.  It may be told without need.
	 */
	NEWS_END = 4,
};

struct event_base;
struct poller;
struct watch;
struct timer;
typedef void watch_cb(struct watch *w, unsigned news);
typedef void timer_cb(struct timer *t);

struct watch {
	struct poller *poller;
	watch_cb *cb;
#ifdef USE_EPOLL
	struct list link; /* in the poller's queue, with news */
	uint32_t id;      /* of what epoll knows */
	uint8_t asked;    /* what epoll tells; more than wanted, maybe */
	uint8_t news;     /* that wait for their turn */
#else
	struct event ev;
#endif
	uint8_t wanted; /* 0: nothing */
	int fd;         /* -1: closed */
};

struct timer {
	struct poller *poller;
	timer_cb *cb;
#ifdef USE_EPOLL
	struct list link; /* in the poller's timers, while it is set */
	uint64_t due;     /* clock_ms */
#else
	struct event ev;
#endif
};

/*
 * base: where a libevent loop runs the thread, which then makes the turns;
 * NULL: the thread does.  NULL, with errno, if it cannot be made.
 */
struct poller *poller_new(struct event_base *base) WUNRES;
/* Its watches and timers must be closed and cleared before; NULL is fine. */
void poller_free(struct poller *p);
/*
 * One turn: all news that have come, or, if `wait`, that come next, and some
 * of what they wake.  How many callbacks that were; -1, with errno, when the
 * system tells no news any more.
 */
int poller_turn(struct poller *p, bool wait);

void watch_init(struct watch *w, struct poller *p, int fd, watch_cb *cb);
/*
 * From now on these news are wanted; others that wait are forgotten.  False,
 * with errno, when the system is short of memory: then none come.
 */
bool watch_want(struct watch *w, unsigned news);
/* Ends it; the descriptor stays open, and may have others who hold it. */
void watch_leave(struct watch *w);
/* Tells these news, in this turn or the next, wanted or not. */
void watch_wake(struct watch *w, unsigned news);
static inline bool
watch_has_news(const struct watch *w)
{
#ifdef USE_EPOLL
	return w->news != 0;
#else
	return w->ev.ev_evcallback.evcb_flags & EVLIST_ACTIVE;
#endif
}
/*
 * Ends it, and closes the descriptor, which nobody else may hold.  Harmless
 * when it is closed.
 */
void watch_close(struct watch *w);

void timer_init(struct timer *t, struct poller *p, timer_cb *cb);
/*
 * Once, at that time (clock_ms), 0 being the end of this turn; out of a timer's
 * callback, that of the next.
 */
void timer_set(struct timer *t, uint64_t due);
void timer_clear(struct timer *t);

#endif
