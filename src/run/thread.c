/* SPDX-License-Identifier: ISC */
/*
 * thread.c: a worker and the thread that runs it.
 *
 * The kernel spreads connections by a hash, which is even only on the average
 * and knows nothing of those that stay for days.  So a worker that has
 * noticeably more of them than another accepts a fresh one on its behalf, and
 * posts it, before a byte was read.  All workers let their sockets go (DEAFEN)
 * before the first one drains: none is handed a connection after that.
 */
#include "run/thread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "proxy/client.h"
#include "proxy/survey.h"

/* A worker may have so many more than another, and this part of those. */
#define SLACK 2
#define SLACK_PART 32

/* ---- levelling ---- */

static unsigned
load(const struct thread *t)
{
	return __atomic_load_n(&t->worker.nconns, __ATOMIC_RELAXED) +
	       __atomic_load_n(&t->coming, __ATOMIC_RELAXED);
}

static struct thread *
least_loaded(struct thread *t)
{
	struct thread *all = t - t->worker.index, *least = t;
	unsigned mine = load(t), fewest = mine;

	for (unsigned i = 0; i < t->worker.count; i++) {
		unsigned n = load(&all[i]);

		if (n < fewest) {
			fewest = n;
			least = &all[i];
		}
	}
	return mine < fewest + SLACK + fewest / SLACK_PART ? t : least;
}

/* Posts a connection to another worker. */
static bool
give(struct thread *to, const struct arrival *a)
{
	struct arrival *g = malloc(sizeof(*g));

	if (!g)
		return false;
	*g = *a;
	__atomic_fetch_add(&to->coming, 1, __ATOMIC_RELAXED);
	mailbox_post(&to->mail, MSG_CONN, g);
	return true;
}

static void
receive(struct thread *t, struct arrival *g)
{
	client_accept(&t->worker, g);
	__atomic_fetch_sub(&t->coming, 1, __ATOMIC_RELAXED);
	free(g);
}

static void
on_accept(void *arg, const void *tag, int fd, const struct addr *peer)
{
	const struct place *p = tag;
	struct arrival a = {
		.fd = fd,
		.peer = *peer,
		.proxied = p->proxied,
		.gate = p->gate,
	};
	struct thread *t = arg, *least = least_loaded(t);

	if (least == t || !give(least, &a))
		client_accept(&t->worker, &a);
}

/* ---- letters ---- */

static void
close_listeners(struct thread *t)
{
	for (size_t i = 0; i < t->nhearings; i++)
		listener_free(t->hearings[i].listener);
	t->nhearings = 0;
}

/* Whoever waits in a passed socket waits for the next one that has it. */
static void
empty_listeners(struct thread *t)
{
	for (size_t i = 0; i < t->nhearings; i++)
		if (!t->hearings[i].place->passed)
			listener_empty(t->hearings[i].listener);
}

static void
on_letter(enum message what, void *arg, void *owner)
{
	struct thread *t = owner;

	switch (what) {
	case MSG_CONF:
		worker_set_conf(&t->worker, arg);
		conf_unref(arg);
		break;
	case MSG_RENEWED:
		worker_forget_kept(&t->worker, arg);
		break;
	case MSG_ADDRS:
		worker_set_host(&t->worker, arg);
		break;
	case MSG_APP_UP:
		worker_set_app(&t->worker, true);
		break;
	case MSG_APP_DOWN:
		worker_set_app(&t->worker, false);
		break;
	case MSG_APP_OVER:
		worker_end_app(&t->worker);
		break;
	case MSG_CONN:
		receive(t, arg);
		break;
	case MSG_DEAFEN:
		empty_listeners(t);
		close_listeners(t);
		mailbox_post(t->main, MSG_DEAF, NULL);
		break;
	case MSG_DRAIN:
		worker_drain(&t->worker, arg);
		break;
	case MSG_CUT:
		worker_cut(&t->worker);
		break;
	case MSG_SURVEY:
		survey_answer(&t->worker, arg);
		mailbox_post(t->main, MSG_SURVEY, arg);
		break;
	case MSG_STOP:
		t->stopped = true;
		break;
	case MSG_DEAF:
	case MSG_STALE:
	case MSG_IDLE:
		break;
	}
}

static void
on_idle(struct worker *w)
{
	struct thread *t = container_of(w, struct thread, worker);

	w->on_idle = NULL;
	mailbox_post(t->main, MSG_IDLE, t);
}

static void
on_stale(struct worker *w, const char *name)
{
	struct thread *t = container_of(w, struct thread, worker);
	char *copy = strdup(name);

	/* Without memory it is asked for at its time. */
	if (copy)
		mailbox_post(t->main, MSG_STALE, copy);
}

/* ---- start and end ---- */

static void *
run(void *arg)
{
	struct thread *t = arg;

	do
		t->worker.turn++;
	while (poller_turn(t->poller, true) >= 0 && !t->stopped);
	if (!t->stopped)
		log_say(LOG_FATAL, "worker %u has ended: %s", t->worker.index,
			strerror(errno));
	return NULL;
}

static bool
add_listener(struct thread *t, const struct place *p, int fd)
{
	bool secure = p->gate && t->worker.gates[p->gate - 1].certs;
	struct listener *l = listener_new(t->poller, fd, secure, on_accept,
					  t, p);

	if (!l)
		return false;
	*xgrow(t->hearings, t->nhearings) =
		(struct hearing){ .listener = l, .place = p };
	return true;
}

/*
 * Its own socket of each place, or one that it shares.  A predecessor may have
 * had more workers, and so sockets: none may be without an ear.
 */
static bool
add_listeners(struct thread *t, const struct sockets *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct place *p = &s->places[i];

		for (unsigned j = t->worker.index % p->nfds; j < p->nfds;
		     j += t->worker.count)
			if (!add_listener(t, p, p->fds[j]))
				return false;
	}
	return true;
}

bool
thread_init(struct thread *t, struct conf *conf, unsigned index,
	    unsigned count, const struct sockets *sockets,
	    const struct gate *gates, struct mailbox *main_mail)
{
	t->main = main_mail;
	t->poller = poller_new(NULL);
	if (!t->poller || !mailbox_init(&t->mail, t->poller, on_letter, t) ||
	    !worker_init(&t->worker, t->poller, conf, index, count))
		goto fail;
	t->worker.gates = gates;
	if (!add_listeners(t, sockets))
		goto fail;
	t->worker.on_idle = on_idle;
	t->worker.on_stale = on_stale;
	return true;
fail:
	log_say(LOG_FATAL, "cannot make worker %u: %s", index,
		strerror(errno));
	return false;
}

bool
thread_start(struct thread *t)
{
	int error = pthread_create(&t->id, NULL, run, t);

	t->running = error == 0;
	if (error)
		log_say(LOG_FATAL, "cannot start worker %u: %s",
			t->worker.index, strerror(error));
	return t->running;
}

void
thread_stop(struct thread *t)
{
	if (!t->running)
		return;
	mailbox_post(&t->mail, MSG_STOP, NULL);
	pthread_join(t->id, NULL);
	t->running = false;
}

void
thread_fini(struct thread *t)
{
	close_listeners(t);
	mailbox_fini(&t->mail);
	worker_fini(&t->worker);
	poller_free(t->poller);
	free(t->hearings);
}
