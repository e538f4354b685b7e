/* SPDX-License-Identifier: ISC */
/*
 * loop.c: the main thread: signals, the application, and the workers' start
 * and end.
 *
 *	starting -> running -> draining -> over
 *
 * Workers do all of the proxying; this thread sleeps but for signals, news of
 * the application, and a worker's word that it has drained.
 */
#include "run/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/mistake.h"
#include "net/resolve.h"
#include "net/tls_client.h"
#include "proto/frame.h"
#include "run/admin.h"
#include "run/announce.h"
#include "run/child.h"
#include "run/cores.h"
#include "run/demo.h"
#include "run/gates.h"
#include "run/mailbox.h"
#include "run/names.h"
#include "run/notify.h"
#include "run/renew.h"
#include "run/sockets.h"
#include "run/takeover.h"
#include "run/thread.h"

#define LAST_WORD 150      /* ms: the application prints its own lines first */
#define TERMINAL_DRAIN 700 /* ms: ^C is meant */
#define ENDLESS_SPREAD 4000 /* ms: of a drain that may take for ever */
#define SECOND_SIGNAL 1000 /* ms: npm scripts deliver SIGINT twice */

static const int signals[] = { SIGTERM, SIGINT,	 SIGQUIT, SIGHUP,
			       SIGUSR1, SIGUSR2, SIGCHLD };

struct loop {
	struct conf *conf;
	struct event_base *base;
	struct event sigs[ARRAY_LEN(signals)];
	struct event end;      /* the drain's */
	struct event ready;    /* when to say so */
	struct mailbox mail;
	struct names names;
	struct sockets sockets;
	struct gates gates;
	struct renewal renewal;
	struct thread *threads;
	unsigned nthreads;
	unsigned made, started; /* of them */
	unsigned deaf, idle;   /* workers that said so, draining */
	struct child *child;
	struct conf *of_child; /* counted: its COMMAND is there */
	struct takeover *takeover; /* under way */
	bool owes_hup, owes_usr1;  /* signals that came meanwhile */
	struct admin *admin;   /* or NULL */
	struct demo *demo;
	uint16_t demo_port, app_port;
	rlim_t nofile;         /* as we were given it */
	bool draining, cut;
	uint64_t told;         /* ms: the first signal to end, or 0 */
	struct drain how;      /* workers read it once it is under way */
	int status;
};

static void
post_all(struct loop *l, enum message what, void *arg)
{
	for (unsigned i = 0; i < l->started; i++)
		mailbox_post(&l->threads[i].mail, what, arg);
}

/* ---- the end ---- */

static void
stop_if_done(struct loop *l)
{
	if (l->draining && l->idle >= l->started && !l->child)
		event_base_loopbreak(l->base);
}

static void
cut(struct loop *l)
{
	l->cut = true;
	post_all(l, MSG_CUT, NULL);
	if (l->child)
		child_free(l->child);
	l->child = NULL;
	stop_if_done(l);
}

static void
on_drain_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	cut(arg);
}

static void
drain(struct loop *l, uint64_t limit, struct drain how)
{
	struct timeval tv = { .tv_sec = (time_t)(limit / 1000),
			      .tv_usec = (suseconds_t)(limit % 1000 * 1000) };

	if (l->draining)
		return;
	l->draining = true;
	l->how = how;
	post_all(l, MSG_DEAFEN, NULL);
	if (l->child)
		child_drain(l->child);
	if (l->demo)
		demo_drain(l->demo);
	if (limit > 0) /* 0: as long as it takes */
		event_add(&l->end, &tv);
	stop_if_done(l);
}

/* Half of the time for the Closes, half for the answers to the last. */
static void
drain_slowly(struct loop *l, uint16_t close_code)
{
	uint64_t limit = l->conf->timeouts.drain;

	drain(l, limit, (struct drain){
		.spread = limit ? limit / 2 : ENDLESS_SPREAD,
		.replaced = close_code == CLOSE_SERVICE_RESTART,
		.close_code = close_code });
}

static void
drain_at_once(struct loop *l)
{
	drain(l, TERMINAL_DRAIN, (struct drain){
		.close_code = CLOSE_GOING_AWAY });
}

/*
 * No worker accepts any more, so none hands a connection to another.  The
 * sockets were not closed before: a descriptor's number may be reused at once.
 */
static void
on_all_deaf(struct loop *l)
{
	sockets_close(&l->sockets);
	post_all(l, MSG_DRAIN, &l->how);
	if (l->cut)
		post_all(l, MSG_CUT, NULL);
}

/* The application serves until the last exchange has ended. */
static void
on_worker_idle(struct loop *l)
{
	if (++l->idle < l->started)
		return;
	if (l->child)
		child_stop(l->child, 2000);
	stop_if_done(l);
}

/* Whoever was to follow us is told to end as well. */
static void
stop_takeover(struct loop *l)
{
	if (l->takeover)
		takeover_stop(l->takeover);
	l->takeover = NULL;
}

static void
on_end_signal(struct loop *l, int sig)
{
	bool terminal = sig == SIGINT && isatty(STDIN_FILENO);

	stop_takeover(l);
	if (!l->draining) {
		log_say(LOG_INFO, "%s: finishing what is under way",
			sig == SIGTERM ? "SIGTERM"
				       : sig == SIGINT ? "SIGINT" : "SIGQUIT");
		if (terminal)
			drain_at_once(l);
		else
			drain_slowly(l, CLOSE_GOING_AWAY);
	} else if (l->told && clock_ms() - l->told > SECOND_SIGNAL) {
		cut(l);
	}
	if (!l->told)
		l->told = clock_ms();
}

/* ---- configuration ---- */

/* The ports that were found at run time stand for those not given. */
static void
fill_in(struct loop *l, struct conf *conf)
{
	for (size_t i = 0; i < conf->nbackends; i++) {
		struct conf_backend *b = conf->backends[i];

		if (b->server.port == 0 && !b->server.path &&
		    !conf_server_is_open(&b->server))
			conf_set_port(b, b->is_app ? l->app_port
						   : l->demo_port);
	}
}

/* Addresses that are known without asking; names.c does the asking. */
static void
resolve_literals(struct conf *conf)
{
	for (size_t i = 0; i < conf->nbackends; i++) {
		struct conf_server *s = &conf->backends[i]->server;

		if (s->host)
			(void)!resolve_at_once(s->host, s->port, &s->addrs,
					       &s->naddrs);
	}
}

/* To all workers; false without memory for one. */
static bool
on_addrs(const char *name, const struct addr *addrs, size_t n, void *arg)
{
	struct loop *l = arg;
	bool ok = true;

	for (unsigned i = 0; i < l->started; i++) {
		struct host *h = host_new(name, addrs, n);

		if (h)
			mailbox_post(&l->threads[i].mail, MSG_ADDRS, h);
		ok = ok && h;
	}
	return ok;
}

static void
on_renewed(struct conf_backend *b, void *arg)
{
	post_all(arg, MSG_RENEWED, b);
}

/* False, with lines in the log, if it has mistakes. */
static bool
reload(struct loop *l)
{
	struct conf *conf;
	struct mistakes mistakes = { .count = 0 };
	bool good;

	if (!log_reopen())
		log_say(LOG_ERROR, "the log file cannot be opened again: %s",
			strerror(errno));
	conf = conf_again(l->conf);
	mistakes_go_to_log(true);
	good = conf && tls_clients_make(conf, &mistakes);
	mistakes_go_to_log(false);
	if (!good) {
		log_say(LOG_ERROR, "reload: the configuration has mistakes; "
			"the running one stays");
		conf_unref(conf);
		return false;
	}
	fill_in(l, conf);
	resolve_literals(conf);
	log_set_level(conf->log_level);
	for (unsigned i = 0; i < l->started; i++)
		mailbox_post(&l->threads[i].mail, MSG_CONF, conf_ref(conf));
	conf_unref(l->conf);
	l->conf = conf;
	names_watch(&l->names, conf);
	gates_reload(&l->gates, conf);
	renew_watch(&l->renewal, conf);
	announce_doubts(conf);
	log_say(LOG_INFO, "> Configuration reloaded; listeners, workers and "
		"the log's place change with SIGUSR2, or a restart");
	return true;
}

/* ---- the application ---- */

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;

	(void)fd;
	(void)what;
	if (l->draining)
		return;
	announce_ready(l->conf, &l->sockets);
	notify_send("READY=1");
}

static void
on_child(enum child_news news, int status, void *arg)
{
	static const struct timeval last_word = { .tv_usec = LAST_WORD * 1000 };
	struct loop *l = arg;

	switch (news) {
	case CHILD_READY:
		if (l->draining)
			break;
		post_all(l, MSG_APP_UP, NULL);
		event_add(&l->ready, &last_word);
		break;
	case CHILD_DOWN:
		event_del(&l->ready);
		post_all(l, MSG_APP_DOWN, NULL);
		break;
	case CHILD_OVER:
		if (!l->draining)
			l->status = status;
		child_free(l->child);
		l->child = NULL;
		post_all(l, MSG_APP_OVER, NULL);
		drain_slowly(l, CLOSE_GOING_AWAY);
		stop_if_done(l);
		break;
	}
}

/* The application is on this machine: asking for its name takes no time. */
static void
find_app(const struct conf_server *s, struct child_setup *setup)
{
	struct addr *addrs;
	size_t n;

	setup->path = s->path;
	if (s->path)
		return;
	if (resolve(s->host, s->port, &addrs, &n)) {
		setup->where.family = 4; /* of no port: anywhere */
		return;
	}
	setup->where = addrs[0];
	if (n > 1)
		setup->or_where = addrs[1];
	free(addrs);
}

static bool
start_child(struct loop *l)
{
	const struct conf_backend *app = announce_app(l->conf);
	struct child_setup setup = { .command = l->conf->command };
	int status;

	if (!l->conf->command || !app)
		return true;
	find_app(&app->server, &setup);
	setup.set_port = !l->conf->backend_given;
	for (size_t i = 0; i < l->conf->nlisteners && !setup.our_port; i++)
		setup.our_port = l->conf->listeners[i].port;
	setup.nofile = l->nofile;
	setup.output = log_file();
	l->of_child = conf_ref(l->conf);
	l->child = child_start(l->base, &setup, on_child, l, &status);
	if (!l->child)
		l->status = status;
	return l->child != NULL;
}

/* ---- the process that follows us ---- */

/* Why there cannot be one now; or NULL. */
static const char *
obstacle(const struct loop *l)
{
	if (getpid() == 1)
		return "as pid 1 this process cannot be replaced, the "
		       "container would end with it; start another container";
	if (l->conf->command)
		return "the COMMAND that runs behind this process cannot be "
		       "handed over; restart both";
	if (l->draining)
		return "this process is ending already";
	if (l->takeover)
		return "the new process of the last one is still starting";
	if (notify_is_missed())
		return "systemd would end the new process with this one; "
		       "write Type=notify in the unit, and restart it";
	return NULL;
}

/* What came while two were there is for the one that stays. */
static void
pass_on_signals(struct loop *l, pid_t successor)
{
	if (l->owes_usr1)
		kill(successor, SIGUSR1);
	if (l->owes_hup)
		kill(successor, SIGHUP);
}

static void
on_takeover(const char *answer, pid_t pid, void *arg)
{
	struct loop *l = arg;

	l->takeover = NULL;
	if (!answer) {
		if (l->owes_hup)
			reload(l);
		return;
	}
	log_say(LOG_INFO, "SIGUSR2: the new process (pid %d) accepts; "
		"finishing what is under way here", (int)pid);
	notify_send("MAINPID=%d", (int)pid);
	pass_on_signals(l, pid);
	sockets_leave(&l->sockets, answer);
	drain_slowly(l, CLOSE_SERVICE_RESTART);
}

static void
be_replaced(struct loop *l)
{
	const char *why = obstacle(l);

	if (why) {
		log_say(LOG_WARN, "SIGUSR2: %s", why);
		return;
	}
	l->owes_hup = l->owes_usr1 = false;
	l->takeover = takeover_start(l->base, conf_argv(l->conf), &l->sockets,
				     on_takeover, l);
}

/* ---- what the admin socket asks for ---- */

static void
post_survey(void *arg, unsigned worker, struct survey *s)
{
	struct loop *l = arg;

	mailbox_post(&l->threads[worker].mail, MSG_SURVEY, s);
}

static unsigned
count_connections(void *arg, unsigned worker)
{
	const struct loop *l = arg;

	return __atomic_load_n(&l->threads[worker].worker.nconns,
			       __ATOMIC_RELAXED);
}

static const struct conf *
present_conf(void *arg)
{
	return ((const struct loop *)arg)->conf;
}

static bool
is_draining(void *arg)
{
	return ((const struct loop *)arg)->draining;
}

static const char *
drain_by_word(void *arg)
{
	struct loop *l = arg;

	if (l->draining)
		return "this process is ending already";
	stop_takeover(l);
	log_say(LOG_INFO, "bowspritctl drain: finishing what is under way");
	drain_slowly(l, CLOSE_GOING_AWAY);
	return NULL;
}

static const char *
reload_by_word(void *arg)
{
	struct loop *l = arg;

	if (l->takeover)
		return "the new process of SIGUSR2 is still starting";
	return reload(l) ? NULL : "the configuration has mistakes, which the "
				  "log tells; the running one stays";
}

static void
open_admin(struct loop *l, pid_t predecessor)
{
	static const struct admin_does does = {
		.ask = post_survey,
		.connections = count_connections,
		.conf = present_conf,
		.is_draining = is_draining,
		.drain = drain_by_word,
		.reload = reload_by_word,
	};

	l->admin = admin_open(l->base, l->conf, predecessor, l->nthreads,
			      &does, l);
}

/* ---- signals ---- */

/*
 * Pid 1 of a container inherits them, also without an application, and a
 * successor may end before us.
 */
static void
reap_orphans(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}

static void
on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct loop *l = arg;

	(void)what;
	switch (sig) {
	case SIGCHLD:
		if (l->child)
			child_reap(l->child);
		else if (!l->takeover)
			reap_orphans();
		break;
	case SIGHUP:
		if (l->takeover)
			l->owes_hup = true;
		else
			reload(l);
		break;
	case SIGUSR1:
		l->owes_usr1 = true;
		if (!log_reopen())
			log_say(LOG_ERROR, "the log file cannot be opened "
				"again: %s", strerror(errno));
		break;
	case SIGUSR2:
		be_replaced(l);
		break;
	default:
		on_end_signal(l, (int)sig);
	}
}

static void
catch_signals(struct loop *l)
{
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		event_assign(&l->sigs[i], l->base, signals[i],
			     EV_SIGNAL | EV_PERSIST, on_signal, l);
		event_add(&l->sigs[i], NULL);
	}
}

/* Only the main thread is to be interrupted. */
static void
block_signals(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
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

	if (what == MSG_DEAF && ++l->deaf == l->started)
		on_all_deaf(l);
	else if (what == MSG_ADDRS)
		names_on_answer(&l->names);
	else if (what == MSG_STALE)
		on_stale_name(l, arg);
	else if (what == MSG_IDLE)
		on_worker_idle(l);
	else if (what == MSG_SURVEY)
		admin_on_survey(l->admin, arg);
}

static bool
start_threads(struct loop *l)
{
	sigset_t before;
	bool ok = true;

	l->threads = xcalloc(l->nthreads, sizeof(*l->threads));
	block_signals(&before);
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
	if (l->conf->demo && !(l->demo = demo_start(l->base, &l->demo_port)))
		return false;
	return true;
}

static bool
start(struct loop *l)
{
	pid_t predecessor;

	/* To pid 1 no signal has a default action: SIGTERM would be lost. */
	if (getpid() == 1)
		catch_signals(l);
	l->nofile = raise_nofile();
	l->nthreads = l->conf->workers ? l->conf->workers : cores_usable();
	if (!gates_open(&l->gates, l->conf) ||
	    !sockets_open(&l->sockets, l->conf, l->nthreads))
		return false;
	predecessor = sockets_predecessor(&l->sockets);
	if (!find_ports(l))
		return false;
	fill_in(l, l->conf);
	resolve_literals(l->conf);
	if (!mailbox_init(&l->mail, l->base, on_letter, l)) {
		log_say(LOG_FATAL, "cannot make a mailbox: %s",
			strerror(errno));
		return false;
	}
	names_init(&l->names, l->base, &l->mail, on_addrs, l);
	names_watch(&l->names, l->conf);
	renew_init(&l->renewal, l->base, &l->gates, on_renewed, l);
	renew_watch(&l->renewal, l->conf);
	event_assign(&l->end, l->base, -1, 0, on_drain_end, l);
	event_assign(&l->ready, l->base, -1, 0, on_ready, l);
	if (getpid() != 1)
		catch_signals(l);
	/* One that we follow has it until we accept. */
	if (predecessor == 0)
		open_admin(l, 0);
	announce_source(l->conf);
	announce_reach(l->conf, &l->sockets);
	if (!l->conf->command)
		announce_ready(l->conf, &l->sockets);
	announce_routes(l->conf);
	announce_doubts(l->conf);
	if (!start_threads(l) || !start_child(l))
		return false;
	if (sockets_answer(&l->sockets))
		open_admin(l, predecessor);
	else if (!l->conf->command)
		notify_send("READY=1");
	return true;
}

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
	if (!l.base) {
		log_say(LOG_FATAL, "cannot make an event loop");
		return 1;
	}
	started = start(&l);
	if (started)
		event_base_dispatch(l.base);
	else if (l.status == 0)
		l.status = 1;
	/* A signal that comes now is late: its handler is about to go. */
	block_signals(NULL);
	stop(&l);
	event_base_free(l.base);
	return l.status;
}
