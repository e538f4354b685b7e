/* SPDX-License-Identifier: ISC */
/*
 * loop_signals.c: signals, and the process that follows us at SIGUSR2.
 */
#include "run/loop_impl.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proto/frame.h"
#include "run/loop.h"
#include "run/notify.h"

#define SECOND_SIGNAL 1000 /* ms: npm scripts deliver SIGINT twice */

static const int signals[LOOP_SIGNALS] = {
	SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD,
};

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
			loop_reload(l);
		return;
	}
	log_say(LOG_INFO, "SIGUSR2: the new process (pid %d) accepts; "
		"finishing what is under way here", (int)pid);
	notify_send("MAINPID=%d", (int)pid);
	pass_on_signals(l, pid);
	sockets_leave(&l->sockets, answer);
	loop_drain_slowly(l, CLOSE_SERVICE_RESTART);
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

void
loop_stop_takeover(struct loop *l)
{
	if (l->takeover)
		takeover_stop(l->takeover);
	l->takeover = NULL;
}

/* ---- signals ---- */

static void
on_end_signal(struct loop *l, int sig)
{
	bool terminal = sig == SIGINT && isatty(STDIN_FILENO);

	loop_stop_takeover(l);
	if (!l->draining) {
		log_say(LOG_INFO, "%s: finishing what is under way",
			sig == SIGTERM ? "SIGTERM"
				       : sig == SIGINT ? "SIGINT" : "SIGQUIT");
		if (terminal)
			loop_drain_at_once(l);
		else
			loop_drain_slowly(l, CLOSE_GOING_AWAY);
	} else if (l->told && clock_ms() - l->told > SECOND_SIGNAL) {
		loop_cut(l);
	}
	if (!l->told)
		l->told = clock_ms();
}

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
			loop_reload(l);
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

void
loop_hold_signals(void)
{
	if (getpid() == 1)
		loop_block_signals(NULL);
}

void
loop_catch_signals(struct loop *l)
{
	sigset_t none;

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		event_assign(&l->sigs[i], l->base, signals[i],
			     EV_SIGNAL | EV_PERSIST, on_signal, l);
		event_add(&l->sigs[i], NULL);
	}
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
}

void
loop_block_signals(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
}
