/* SPDX-License-Identifier: ISC */
/*
 * child.c: the life of the application that bowsprit runs behind itself.
 *
 *	          accepts            ends
 *	STARTING ---------> RUNNING -------> WAITING
 *	    ^                                   |
 *	    +-----------------------------------+ after the delay
 *
 *	any of them: stopped, or ended for good -> ENDING -> OVER
 *
 * What was started may have started more: npx runs a shell that runs node.
 * All of them are one process group; it is the group that is signalled, and
 * the application is over when nobody is left in it.
 */
#include "run/child.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/child_exec.h"
#include "run/child_policy.h"
#include "run/child_probe.h"

/* All in ms. */
#define ENDING_INTERVAL 20
#define ORPHANS_GRACE 2000 /* for those whose leader ended by itself */
#define KILLED_GRACE 1000  /* until a killed group is given up */

/* Ports for the application, below those that connections are given. */
#define PORT_FIRST 20000
#define PORT_COUNT 10000
#define PORT_TRIES 100

enum phase {
	STARTING, /* it runs, but does not accept yet */
	RUNNING,
	WAITING, /* it has ended and will be started again */
	ENDING,  /* for good: its group is being emptied */
	OVER,
};

struct child {
	struct event_base *base;
	struct child_setup setup;
	child_cb *cb;
	void *arg;
	struct child_probe *probe; /* at work in STARTING */
	struct event *timer;       /* of WAITING and ENDING */
	struct child_policy policy;
	enum phase phase;
	pid_t pid;     /* of the leader; 0 once it has been reaped */
	pid_t group;   /* 0 once nobody is left in it */
	int status;    /* of its last end, as a shell's $? */
	bool accepted; /* at some time */
	bool last;     /* it is not to be started again */
	bool killed;
	uint64_t kill_at;
};

static void
arm(struct child *c, uint64_t ms)
{
	struct timeval tv = {.tv_sec = (time_t)(ms / 1000),
			     .tv_usec = (int)(ms % 1000) * 1000};

	evtimer_add(c->timer, &tv);
}

static void
signal_group(struct child *c, int sig)
{
	if (c->group > 0)
		kill(-c->group, sig);
}

/* A stopped process hears SIGTERM only when it goes on. */
static void
ask_to_end(struct child *c)
{
	signal_group(c, SIGTERM);
	signal_group(c, SIGCONT);
}

/*
 * The number of an empty group may become that of strangers: it is forgotten
 * as soon as nobody is left.
 */
static bool
group_is_empty(struct child *c)
{
	if (c->group > 0 && kill(-c->group, 0) != 0 && errno == ESRCH)
		c->group = 0;
	return c->group == 0;
}

/* -------------------------------------------------------------- its start */

static bool
launch(struct child *c, int *status)
{
	child_probe_before(c->probe);
	c->pid = child_exec(&c->setup, status);
	if (c->pid < 0) {
		c->pid = 0;
		return false;
	}
	c->group = c->pid;
	c->phase = STARTING;
	child_probe_start(c->probe, c->group);
	return true;
}

static void
on_accepts(void *arg)
{
	struct child *c = arg;

	c->phase = RUNNING;
	c->accepted = true;
	c->cb(CHILD_READY, 0, c->arg);
}

/* ---------------------------------------------------------------- its end */

static void
finish(struct child *c)
{
	evtimer_del(c->timer);
	c->phase = OVER;
	c->cb(CHILD_OVER, c->status, c->arg);
}

/* Empties the group: politely for `grace` ms. */
static void
begin_ending(struct child *c, uint64_t grace)
{
	child_probe_stop(c->probe);
	c->phase = ENDING;
	c->killed = false;
	c->kill_at = clock_ms() + grace;
	ask_to_end(c);
	arm(c, 0);
}

static void
go_on_ending(struct child *c)
{
	uint64_t now = clock_ms();

	if (c->pid == 0 && group_is_empty(c)) {
		finish(c);
		return;
	}
	if (now >= c->kill_at) {
		/* What is left then are zombies that nobody reaps. */
		if (c->killed) {
			finish(c);
			return;
		}
		log_say(LOG_WARN, "the application did not end in time: killed");
		signal_group(c, SIGKILL);
		c->killed = true;
		c->kill_at = now + KILLED_GRACE;
	}
	arm(c, ENDING_INTERVAL);
}

static void
say_ended(const struct child *c, const char *what_follows)
{
	if (c->status > 128)
		log_say(LOG_ERROR, "the application was ended by signal %d (%s)%s",
			c->status - 128, strsignal(c->status - 128),
			what_follows);
	else
		log_say(LOG_ERROR, "the application ended with status %d%s",
			c->status, what_follows);
}

static void
wait_to_restart(struct child *c, uint64_t delay)
{
	char text[64];

	snprintf(text, sizeof(text), ": it is started again in %u s",
		 (unsigned)(delay / 1000));
	say_ended(c, text);
	/* Its orphans would hold the port. */
	ask_to_end(c);
	c->phase = WAITING;
	arm(c, delay);
	c->cb(CHILD_DOWN, c->status, c->arg);
}

/* The leader ended by itself, or could not be started again. */
static void
ended(struct child *c)
{
	uint64_t delay;
	char text[160];

	child_probe_stop(c->probe);
	if (c->last) {
		begin_ending(c, ORPHANS_GRACE);
		return;
	}
	switch (child_policy_ended(&c->policy, clock_ms(), c->accepted,
				   c->status, &delay)) {
	case CHILD_RESTART:
		wait_to_restart(c, delay);
		return;
	case CHILD_NEVER_ACCEPTED:
		snprintf(text, sizeof(text),
			 c->setup.our_port
			 ? " before it accepted a connection; if it insists on "
			   "port %u, which is ours, remove -p from its script"
			 : " before it accepted a connection",
			 c->setup.our_port);
		say_ended(c, text);
		break;
	case CHILD_DONE:
		log_say(LOG_INFO, "the application has ended");
		break;
	case CHILD_TOO_OFTEN:
		say_ended(c, ", for the fifth time within a minute: giving up");
		break;
	}
	begin_ending(c, ORPHANS_GRACE);
}

static void
restart(struct child *c)
{
	signal_group(c, SIGKILL);
	c->group = 0;
	if (!launch(c, &c->status))
		ended(c);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;

	(void)fd;
	(void)what;
	if (c->phase == WAITING)
		restart(c);
	else if (c->phase == ENDING)
		go_on_ending(c);
}

static int
status_of(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status)
					: WEXITSTATUS(wait_status);
}

/* As pid 1 of a container we inherit every orphan, and reap all of them. */
static pid_t
reap_one(const struct child *c, int *wait_status)
{
	pid_t pid;

	if (getpid() != 1 && c->pid == 0)
		return 0;
	do
		pid = waitpid(getpid() == 1 ? -1 : c->pid, wait_status,
			      WNOHANG);
	while (pid < 0 && errno == EINTR);
	return pid;
}

void
child_reap(struct child *c)
{
	bool is_gone = false;
	int wait_status;
	pid_t pid;

	while ((pid = reap_one(c, &wait_status)) > 0) {
		if (pid != c->pid)
			continue;
		c->status = status_of(wait_status);
		c->pid = 0;
		is_gone = true;
	}
	if (!is_gone)
		return;
	group_is_empty(c);
	if (c->phase == ENDING)
		go_on_ending(c);
	else
		ended(c);
}

/* ------------------------------------------------------ for those who run it */

static bool
is_free(uint16_t port, uint16_t *bound)
{
	struct addr a = {.family = 4, .port = port, .ip = {127, 0, 0, 1}};
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&a, &ss);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool ok;

	if (fd < 0)
		return false;
	ok = bind(fd, (struct sockaddr *)&ss, len) == 0 &&
	     getsockname(fd, (struct sockaddr *)&ss, &len) == 0;
	close(fd);
	addr_of_sockaddr(&a, (struct sockaddr *)&ss);
	*bound = a.port;
	return ok;
}

/*
 * Not one that the kernel picks: those are given to outgoing connections too,
 * one of which may take it before the application does.
 */
uint16_t
child_free_port(void)
{
	uint64_t seed = (uint64_t)getpid() * 131 + clock_ms();
	uint16_t bound;

	for (uint64_t i = 0; i < PORT_TRIES; i++)
		if (is_free((uint16_t)(PORT_FIRST + (seed + i) % PORT_COUNT),
			    &bound))
			return bound;
	return is_free(0, &bound) ? bound : 0;
}

struct child *
child_start(struct event_base *base, const struct child_setup *setup,
	    child_cb *cb, void *arg, int *status)
{
	struct child *c = xcalloc(1, sizeof(*c));

	*c = (struct child){.base = base, .setup = *setup, .cb = cb,
			    .arg = arg};
	*status = EXIT_FAILURE;
	c->probe = child_probe_new(base, setup, on_accepts, c);
	c->timer = evtimer_new(base, on_timer, c);
	if (c->probe && c->timer && launch(c, status))
		return c;
	child_free(c);
	return NULL;
}

void
child_drain(struct child *c)
{
	c->last = true;
	if (c->phase == WAITING)
		begin_ending(c, ORPHANS_GRACE);
}

void
child_stop(struct child *c, uint64_t grace)
{
	if (c->phase != OVER)
		begin_ending(c, grace);
}

void
child_free(struct child *c)
{
	if (!c)
		return;
	signal_group(c, SIGKILL);
	child_probe_free(c->probe);
	if (c->timer)
		event_free(c->timer);
	free(c);
}
