/* SPDX-License-Identifier: ISC */
/*
 * mailbox.c: how one thread speaks to another.
 */
#include "run/mailbox.h"

#include <event2/event.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/wake.h"

struct letter {
	struct list link;
	enum message what;
	void *arg;
};

static struct letter *
take(struct mailbox *m)
{
	struct letter *l = NULL;

	pthread_mutex_lock(&m->lock);
	if (!list_empty(&m->letters)) {
		l = container_of(m->letters.next, struct letter, link);
		list_remove(&l->link);
	}
	pthread_mutex_unlock(&m->lock);
	return l;
}

static void
read_all(struct mailbox *m)
{
	struct letter *l;

	while ((l = take(m))) {
		enum message message = l->what;
		void *extra = l->arg;

		free(l);
		m->cb(message, extra, m->owner);
	}
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	uint64_t drop[8];

	(void)what;
	(void)!read(fd, drop, sizeof(drop));
	read_all(arg);
}

bool
mailbox_init(struct mailbox *m, struct event_base *base, mailbox_cb *cb,
	     void *owner)
{
	if (!wake_open(m->wake))
		return false;
	pthread_mutex_init(&m->lock, NULL);
	list_init(&m->letters);
	m->cb = cb;
	m->owner = owner;
	event_assign(&m->ev, base, m->wake[0], EV_READ | EV_PERSIST, on_wake,
		     m);
	event_add(&m->ev, NULL);
	return true;
}

void
mailbox_fini(struct mailbox *m)
{
	event_del(&m->ev);
	read_all(m);
	close(m->wake[0]);
	if (m->wake[1] != m->wake[0])
		close(m->wake[1]);
	pthread_mutex_destroy(&m->lock);
}

void
mailbox_post(struct mailbox *m, enum message what, void *arg)
{
	static const struct timespec moment = { .tv_nsec = 10 * 1000 * 1000 };
	struct letter *l;
	uint64_t one = 1;
	bool asleep;

	/* None may be lost, and none is worth the process. */
	while (!(l = calloc(1, sizeof(*l))))
		nanosleep(&moment, NULL);
	l->what = what;
	l->arg = arg;
	pthread_mutex_lock(&m->lock);
	asleep = list_empty(&m->letters);
	list_push_back(&m->letters, &l->link);
	pthread_mutex_unlock(&m->lock);
	/* Who has letters reads them all. */
	if (asleep)
		(void)!write(m->wake[1], &one, sizeof(one));
}
