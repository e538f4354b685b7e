/* SPDX-License-Identifier: ISC */
/*
 * poller_epoll.c: what a thread waits for, by epoll(7).
 *
 * epoll is told a descriptor's number and the id of its watch, not where the
 * watch is: a child between fork and exec holds what we have closed, so that
 * epoll goes on telling of it for that moment.  Nobody has that id then, and
 * with the exec it is over.
 */
#include "config.h"

#include "net/poller.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

#define HEARD_MAX 1024 /* news in one turn; who has more waits for the next */
#define ROUNDS_MAX 2   /* of what callbacks have woken, in one turn */
#define WATCHES_MIN 64

struct poller {
	int fd;
	struct watch **watches; /* of each descriptor that epoll knows */
	size_t nwatches;        /* room in it */
	uint32_t last_id;
	struct list queue;      /* watches with news, in the order of coming */
	struct list timers;     /* the next one first */
	bool is_guest;          /* of a libevent loop */
	bool in_turn;
	struct event ear, alarm; /* there: for news, and for timers */
	struct epoll_event heard[HEARD_MAX];
};

/* ---- what epoll is asked for ---- */

/* A place for it in the table. */
static bool
make_place(struct poller *p, size_t fd)
{
	size_t n = p->nwatches ? p->nwatches : WATCHES_MIN;
	struct watch **more;

	while (n <= fd)
		n *= 2;
	if (n == p->nwatches)
		return true;
	/* Of a large one the system gives only the pages that are used. */
	more = calloc(n, sizeof(*more));
	if (!more)
		return false;
	if (p->watches)
		memcpy(more, p->watches, p->nwatches * sizeof(*more));
	free(p->watches);
	p->watches = more;
	p->nwatches = n;
	return true;
}

static bool
control(const struct watch *w, int op)
{
	struct epoll_event e = {
		.data.u64 = (uint64_t)w->id << 32 | (uint32_t)w->fd,
	};

	if (w->wanted & NEWS_READ)
		e.events |= EPOLLIN;
	if (w->wanted & NEWS_WRITE)
		e.events |= EPOLLOUT;
	if (w->wanted & NEWS_END)
		e.events |= EPOLLRDHUP | EPOLLET;
	return epoll_ctl(w->poller->fd, op, w->fd, &e) == 0;
}

static bool
enlist(struct watch *w)
{
	struct poller *p = w->poller;

	if (!make_place(p, (size_t)w->fd))
		return false;
	w->id = ++p->last_id;
	if (!control(w, EPOLL_CTL_ADD))
		return false;
	p->watches[w->fd] = w;
	return true;
}

/* For what is wanted, and no more. */
static bool
ask(struct watch *w)
{
	bool ok = true;

	if (w->asked == w->wanted)
		return true;
	if (!w->wanted) {
		(void)control(w, EPOLL_CTL_DEL);
		w->poller->watches[w->fd] = NULL;
	} else if (!w->asked) {
		ok = enlist(w);
	} else {
		ok = control(w, EPOLL_CTL_MOD);
	}
	if (ok)
		w->asked = w->wanted;
	return ok;
}

/*
 * Who does not want to read any more has most often read the end, and is closed
 * before epoll tells anything: it is asked for less only when it does (hear).
 * That there is room it would tell at once.
 */
static bool
is_covered(const struct watch *w)
{
	return w->asked == (w->wanted | NEWS_READ);
}

/* ---- the loop ---- */

/* How long until there is something to do, in ms; -1: nobody knows. */
static int
patience(const struct poller *p)
{
	uint64_t now, due;

	if (!list_empty(&p->queue))
		return 0;
	if (list_empty(&p->timers))
		return -1;
	due = container_of(p->timers.next, struct timer, link)->due;
	now = clock_ms();
	if (due <= now)
		return 0;
	return due - now < INT_MAX ? (int)(due - now) : INT_MAX;
}

static void
enqueue(struct watch *w, unsigned news)
{
	if (!w->news)
		list_push_back(&w->poller->queue, &w->link);
	w->news |= (uint8_t)news;
}

/* Those who want to read or to write find out by trying. */
static unsigned
news_of(uint32_t events)
{
	unsigned news = 0;

	if (events & (EPOLLERR | EPOLLHUP))
		return NEWS_READ | NEWS_WRITE | NEWS_END;
	if (events & EPOLLIN)
		news |= NEWS_READ;
	if (events & EPOLLOUT)
		news |= NEWS_WRITE;
	if (events & EPOLLRDHUP)
		news |= NEWS_END;
	return news;
}

static void
hear(struct poller *p, const struct epoll_event *e)
{
	uint32_t fd = (uint32_t)e->data.u64, id = (uint32_t)(e->data.u64 >> 32);
	struct watch *w = p->watches[fd];
	unsigned news;

	if (!w || w->id != id)
		return;
	news = news_of(e->events);
	if (news & w->wanted)
		enqueue(w, news & w->wanted);
	if (news & w->asked & ~(unsigned)w->wanted)
		(void)ask(w);
}

/* Those that wait by now: what they wake has the next round. */
static int
tell_news(struct poller *p)
{
	struct list waiting;
	int n = 0;

	list_take_all(&waiting, &p->queue);
	while (!list_empty(&waiting)) {
		struct watch *w =
			container_of(waiting.next, struct watch, link);
		unsigned news = w->news;

		list_remove(&w->link);
		w->news = 0;
		w->cb(w, news);
		n++;
	}
	return n;
}

/* Those that are due by now: one that sets itself anew has the next turn. */
static int
run_timers(struct poller *p)
{
	uint64_t now = clock_ms();
	struct list due;
	int n = 0;

	list_init(&due);
	list_each(it, &p->timers) {
		if (container_of(it, struct timer, link)->due > now)
			break;
		list_remove(it);
		list_push_back(&due, it);
	}
	while (!list_empty(&due)) {
		struct timer *t = container_of(due.next, struct timer, link);

		timer_clear(t);
		t->cb(t);
		n++;
	}
	return n;
}

/* ---- as the guest of a libevent loop ---- */

/* It is to call again when there is something to do. */
static void
rouse_host(struct poller *p)
{
	struct timeval tv = { .tv_sec = 0 };
	int ms;

	if (!p->is_guest || p->in_turn)
		return;
	ms = patience(p);
	if (ms < 0) {
		event_del(&p->alarm);
		return;
	}
	tv.tv_sec = ms / 1000;
	tv.tv_usec = ms % 1000 * 1000;
	event_add(&p->alarm, &tv);
}

static void
on_host(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)poller_turn(arg, false);
}

/* ---- the poller ---- */

struct poller *
poller_new(struct event_base *base)
{
	struct poller *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	list_init(&p->queue);
	list_init(&p->timers);
	p->fd = epoll_create1(EPOLL_CLOEXEC);
	if (p->fd >= 0 && base) {
		p->is_guest = true;
		event_assign(&p->alarm, base, -1, 0, on_host, p);
		event_assign(&p->ear, base, p->fd, EV_READ | EV_PERSIST,
			     on_host, p);
		/* It has its memory, then, and cannot fail later. */
		if (event_add(&p->ear, NULL) == 0 &&
		    event_add(&p->alarm, &(struct timeval){ .tv_sec = 1 }) == 0)
			return p;
	} else if (p->fd >= 0) {
		return p;
	}
	poller_free(p);
	return NULL;
}

void
poller_free(struct poller *p)
{
	int saved = errno;

	if (!p)
		return;
	if (p->is_guest) {
		event_del(&p->ear);
		event_del(&p->alarm);
	}
	if (p->fd >= 0)
		close(p->fd);
	free(p->watches);
	free(p);
	errno = saved;
}

int
poller_turn(struct poller *p, bool wait)
{
	int heard = epoll_wait(p->fd, p->heard, HEARD_MAX,
			       wait ? patience(p) : 0);
	int n = 0, rounds = 0;

	if (heard < 0 && errno != EINTR)
		return -1;
	p->in_turn = true;
	for (int i = 0; i < heard; i++)
		hear(p, &p->heard[i]);
	do
		n += tell_news(p);
	while (!list_empty(&p->queue) && ++rounds < ROUNDS_MAX);
	n += run_timers(p);
	p->in_turn = false;
	rouse_host(p);
	return n;
}

/* ---- watches ---- */

void
watch_init(struct watch *w, struct poller *p, int fd, watch_cb *cb)
{
	*w = (struct watch){ .poller = p, .cb = cb, .fd = fd };
	list_init(&w->link);
}

static void
forget_news(struct watch *w)
{
	w->news = 0;
	list_remove(&w->link);
}

bool
watch_want(struct watch *w, unsigned news)
{
	assert(!(news & NEWS_END) || news == NEWS_END);
	if (w->fd < 0 || w->wanted == news)
		return true;
	forget_news(w);
	w->wanted = (uint8_t)news;
	if (is_covered(w))
		return true;
	if (ask(w))
		return true;
	w->wanted = 0;
	return false;
}

void
watch_leave(struct watch *w)
{
	forget_news(w);
	w->wanted = 0;
	(void)ask(w);
}

void
watch_wake(struct watch *w, unsigned news)
{
	enqueue(w, news);
	rouse_host(w->poller);
}

void
watch_close(struct watch *w)
{
	if (w->fd < 0)
		return;
	forget_news(w);
	if (w->asked)
		w->poller->watches[w->fd] = NULL;
	w->wanted = w->asked = 0;
	close(w->fd);
	w->fd = -1;
}

/* ---- timers ---- */

void
timer_init(struct timer *t, struct poller *p, timer_cb *cb)
{
	*t = (struct timer){ .poller = p, .cb = cb };
	list_init(&t->link);
}

/* A thread has a handful of them: whoever has many keeps them on one. */
void
timer_set(struct timer *t, uint64_t due)
{
	struct list *before = &t->poller->timers;

	list_remove(&t->link);
	t->due = due;
	list_each(it, &t->poller->timers) {
		if (container_of(it, struct timer, link)->due > due)
			break;
		before = it;
	}
	list_push_front(before, &t->link);
	rouse_host(t->poller);
}

void
timer_clear(struct timer *t)
{
	list_remove(&t->link);
}
