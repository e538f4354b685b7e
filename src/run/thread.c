/* SPDX-License-Identifier: ISC */
/*
 * thread.c: a worker and the thread that runs it.
 */
#include "run/thread.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "proxy/client.h"

static void
on_accept(void *arg, int fd, const struct sockaddr *sa)
{
	client_accept(arg, fd, sa);
}

static void
close_listeners(struct thread *t)
{
	for (size_t i = 0; i < t->nlisteners; i++)
		listener_free(t->listeners[i]);
	t->nlisteners = 0;
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
	case MSG_APP_UP:
		worker_set_app(&t->worker, true);
		break;
	case MSG_APP_DOWN:
		worker_set_app(&t->worker, false);
		break;
	case MSG_APP_OVER:
		worker_end_app(&t->worker);
		break;
	case MSG_DRAIN:
		for (size_t i = 0; i < t->nlisteners; i++)
			listener_empty(t->listeners[i]);
		close_listeners(t);
		mailbox_post(t->main, MSG_DEAF, NULL);
		worker_drain(&t->worker);
		break;
	case MSG_CUT:
		worker_cut(&t->worker);
		break;
	case MSG_STOP:
		event_base_loopbreak(t->base);
		break;
	case MSG_DEAF:
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

static void *
run(void *arg)
{
	struct thread *t = arg;

	event_base_dispatch(t->base);
	close_listeners(t);
	worker_fini(&t->worker);
	mailbox_fini(&t->mail);
	event_base_free(t->base);
	return NULL;
}

/*
 * A base that no other thread touches needs no locks.  Streams that are not
 * read are watched for their end edge-triggered, with epoll or kqueue: with
 * poll(2) they would spin.
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

static bool
add_listeners(struct thread *t, const int *fds, size_t nfds)
{
	t->listeners = xcalloc(nfds, sizeof(struct listener *));
	for (size_t i = 0; i < nfds; i++) {
		struct listener *l = listener_new(t->base, fds[i], on_accept,
						  &t->worker);

		if (!l)
			return false;
		t->listeners[t->nlisteners++] = l;
	}
	return true;
}

bool
thread_start(struct thread *t, struct conf *conf, unsigned index,
	     unsigned count, const int *fds, size_t nfds,
	     struct mailbox *main_mail)
{
	int error;

	t->main = main_mail;
	t->base = new_base();
	if (!t->base) {
		log_say(LOG_FATAL, "no event loop: neither epoll nor kqueue "
			"is to be had here (EVENT_NOEPOLL set?)");
		return false;
	}
	if (!mailbox_init(&t->mail, t->base, on_letter, t) ||
	    !worker_init(&t->worker, t->base, conf, index, count) ||
	    !add_listeners(t, fds, nfds)) {
		log_say(LOG_FATAL, "cannot make worker %u: %s", index,
			strerror(errno));
		return false;
	}
	t->worker.on_idle = on_idle;
	error = pthread_create(&t->id, NULL, run, t);
	if (error) {
		log_say(LOG_FATAL, "cannot start worker %u: %s", index,
			strerror(error));
		return false;
	}
	t->running = true;
	return true;
}

void
thread_stop(struct thread *t)
{
	if (!t->running)
		return;
	mailbox_post(&t->mail, MSG_STOP, NULL);
	pthread_join(t->id, NULL);
	t->running = false;
	free(t->listeners);
}
