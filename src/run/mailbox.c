/* SPDX-License-Identifier: ISC */
/*
 * mailbox.c: how one thread speaks to another.
 */
#include "run/mailbox.h"

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

/*
 * Those that are here by now.  What is posted meanwhile, perhaps an answer to
 * what is said to one of them, has the next turn of the loop: others come first.
 * False if there were none.
 */
static bool
read_letters(struct mailbox *m)
{
	struct list here;
	bool any;

	pthread_mutex_lock(&m->lock);
	list_take_all(&here, &m->letters);
	pthread_mutex_unlock(&m->lock);
	any = !list_empty(&here);
	list_each(it, &here) {
		struct letter l = *container_of(it, struct letter, link);

		free(container_of(it, struct letter, link));
		m->cb(l.what, l.arg, m->owner);
	}
	return any;
}

static void
on_wake(struct watch *w, unsigned news)
{
	uint64_t drop[8];

	(void)news;
	(void)!read(w->fd, drop, sizeof(drop));
	(void)read_letters(container_of(w, struct mailbox, watch));
}

bool
mailbox_init(struct mailbox *m, struct poller *p, mailbox_cb *cb, void *owner)
{
	if (!wake_open(m->wake))
		return false;
	pthread_mutex_init(&m->lock, NULL);
	list_init(&m->letters);
	m->cb = cb;
	m->owner = owner;
	watch_init(&m->watch, p, m->wake[0], on_wake);
	return watch_want(&m->watch, NEWS_READ);
}

void
mailbox_fini(struct mailbox *m)
{
	watch_leave(&m->watch);
	while (read_letters(m))
		;
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
	/* Who has letters reads them all, and was woken for the first. */
	if (asleep)
		(void)!write(m->wake[1], &one, sizeof(one));
}
