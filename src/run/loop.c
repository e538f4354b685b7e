/* SPDX-License-Identifier: ISC */
/*
 * loop.c: the main thread: its start and end, and the workers'.
 *
 *	starting -> running -> draining -> over
 *
 * Workers do all of the proxying; this thread sleeps but for signals, news of
 * the application, and a worker's word that it has drained.
 */
#include "run/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "run/announce.h"
#include "run/cores.h"
#include "run/loop_impl.h"
#include "run/notify.h"

void
loop_post_all(struct loop *l, enum message what, void *arg)
{
	for (unsigned i = 0; i < l->started; i++)
		mailbox_post(&l->threads[i].mail, what, arg);
}

/* ---- the start ---- */

/* Two descriptors a tunnel: all that we may have. */
static rlim_t
raise_nofile(void)
{
	struct rlimit rl;
	rlim_t before;

	if (getrlimit(RLIMIT_NOFILE, &rl) < 0)
		return 0;
	before = rl.rlim_cur;
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
	return before;
}

static void
on_stale_name(struct loop *l, char *name)
{
	names_doubt(&l->names, name);
	free(name);
}

static void
on_letter(enum message what, void *arg, void *owner)
{
	struct loop *l = owner;

	if (what == MSG_DEAF)
		loop_on_deaf(l);
	else if (what == MSG_ADDRS)
		names_on_answer(&l->names);
	else if (what == MSG_STALE)
		on_stale_name(l, arg);
	else if (what == MSG_IDLE)
		loop_on_worker_idle(l);
	else if (what == MSG_SURVEY)
		admin_on_survey(l->admin, arg);
}

static bool
start_threads(struct loop *l)
{
	sigset_t before;
	bool ok = true;

	l->threads = xcalloc(l->nthreads, sizeof(*l->threads));
	loop_block_signals(&before);
	for (unsigned i = 0; i < l->nthreads && ok; i++) {
		ok = thread_init(&l->threads[i], l->conf, i, l->nthreads,
				 &l->sockets, l->gates.list, &l->mail);
		if (!ok)
			break;
		l->made++;
		if (l->demo)
			l->threads[i].worker.witness = demo_witness(l->demo);
	}
	ok = ok && sockets_begin(&l->sockets);
	for (unsigned i = 0; i < l->nthreads && ok; i++) {
		ok = thread_start(&l->threads[i]);
		if (ok)
			l->started++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ok;
}

/* What the application or the demonstration will be reached at. */
static bool
find_ports(struct loop *l)
{
	const struct conf_backend *app = announce_app(l->conf);

	if (app && app->server.port == 0 && !app->server.path &&
	    (l->app_port = child_free_port()) == 0) {
		log_say(LOG_FATAL, "no port is free for the application");
		return false;
	}
	if (l->conf->demo && !(l->demo = demo_start(l->poller, &l->demo_port)))
		return false;
	return true;
}

static bool
start(struct loop *l)
{
	pid_t predecessor;

	/* Here they wait, see loop_hold_signals. */
	if (getpid() == 1)
		loop_catch_signals(l);
	l->nofile = raise_nofile();
	l->nthreads = l->conf->workers ? l->conf->workers : cores_usable();
	if (!gates_open(&l->gates, l->conf) ||
	    !sockets_open(&l->sockets, l->conf, l->nthreads))
		return false;
	predecessor = sockets_predecessor(&l->sockets);
	if (!find_ports(l))
		return false;
	loop_fill_in(l, l->conf);
	loop_resolve(l->conf);
	if (!mailbox_init(&l->mail, l->poller, on_letter, l)) {
		log_say(LOG_FATAL, "cannot make a mailbox: %s",
			strerror(errno));
		return false;
	}
	loop_watch(l);
	loop_end_init(l);
	loop_app_init(l);
	if (getpid() != 1)
		loop_catch_signals(l);
	/* One that we follow has it until we accept. */
	if (predecessor == 0)
		loop_open_admin(l, 0);
	announce_source(l->conf);
	announce_reach(l->conf, &l->sockets);
	if (!l->conf->command)
		announce_ready(l->conf, &l->sockets);
	announce_routes(l->conf);
	announce_doubts(l->conf);
	if (!start_threads(l) || !loop_start_app(l))
		return false;
	if (sockets_answer(&l->sockets))
		loop_open_admin(l, predecessor);
	else if (!l->conf->command)
		notify_send("READY=1");
	return true;
}

/* ---- the stop ---- */

static void
stop(struct loop *l)
{
	for (unsigned i = 0; i < l->started; i++)
		thread_stop(&l->threads[i]);
	for (unsigned i = 0; i < l->made; i++)
		thread_fini(&l->threads[i]);
	free(l->threads);
	if (l->child)
		child_free(l->child);
	if (l->takeover)
		takeover_stop(l->takeover);
	if (l->demo)
		demo_stop(l->demo);
	names_fini(&l->names);
	admin_close(l->admin);
	l->admin = NULL;
	if (l->mail.cb)
		mailbox_fini(&l->mail);
	sockets_close(&l->sockets);
	renew_stop(&l->renewal);
	gates_close(&l->gates);
	conf_unref(l->of_child);
	conf_unref(l->conf);
}

int
loop_run(struct conf *conf)
{
	struct loop l = { .conf = conf, .status = 0 };
	bool started;

	l.base = event_base_new();
	l.poller = l.base ? poller_new(l.base) : NULL;
	if (!l.poller) {
		log_say(LOG_FATAL, "cannot make an event loop");
		return 1;
	}
	started = start(&l);
	if (started)
		event_base_dispatch(l.base);
	else if (l.status == 0)
		l.status = 1;
	/* A signal that comes now is late: its handler is about to go. */
	loop_block_signals(NULL);
	stop(&l);
	poller_free(l.poller);
	event_base_free(l.base);
	return l.status;
}
