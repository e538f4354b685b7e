/* SPDX-License-Identifier: ISC */
/*
 * child_probe.c: does the application accept connections yet?
 *
 * A connection is tried at intervals and closed at once when it is made.  An
 * application that has been up for some seconds without accepting where it was
 * told to may listen elsewhere: that is looked for, and said once.
 */
#include "run/child_probe.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/listen_unix.h"
#include "net/sockopt.h"
#include "run/child_where.h"

/* All in ms. */
#define INTERVAL_FIRST 50
#define INTERVAL_LATER 250
#define EAGER_FOR 5000
#define CONNECT_TIMEOUT 1000
#define LOOK_AFTER 3000
#define LOOK_INTERVAL 1000

struct child_probe {
	struct event_base *base;
	struct child_setup setup;
	child_probe_cb *cb;
	void *arg;
	struct event *timer;
	struct event *answer; /* of a connect under way, else NULL */
	int fd;               /* its socket, else -1 */
	pid_t group;
	uint64_t began, looked;
	bool stranger;   /* somebody else accepted there before */
	uint16_t suspect; /* listened on at the last look, and wrong */
	bool said;
};

enum outcome { CONNECTED, UNDER_WAY, REFUSED };

/* Of a name that does not resolve there is nothing to try: it is ready. */
static bool
is_known(const struct child_setup *setup)
{
	return setup->path ||
	       (setup->where.family != 0 && setup->where.port != 0);
}

/* An application on localhost may listen on one of its two addresses. */
static void
try_other_address(struct child_probe *p)
{
	struct addr a = p->setup.where;

	if (p->setup.or_where.family == 0)
		return;
	p->setup.where = p->setup.or_where;
	p->setup.or_where = a;
}

static struct timeval
after_ms(unsigned ms)
{
	return (struct timeval){.tv_sec = ms / 1000,
				.tv_usec = (int)(ms % 1000) * 1000};
}

static int
open_socket(int family)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd >= 0) {
		evutil_make_socket_nonblocking(fd);
		evutil_make_socket_closeonexec(fd);
	}
	return fd;
}

/* Or only to itself? */
static enum outcome
connected(int fd, const struct child_setup *setup)
{
	return !setup->path && sock_is_to_itself(fd, &setup->where)
		       ? REFUSED
		       : CONNECTED;
}

static enum outcome
begin_connect(const struct child_setup *setup, int *fd)
{
	struct sockaddr_storage ss;
	socklen_t len = setup->path ? addr_unix_sockaddr(setup->path, &ss)
				    : addr_to_sockaddr(&setup->where, &ss);

	*fd = open_socket(ss.ss_family);
	if (*fd < 0)
		return REFUSED;
	if (connect(*fd, (struct sockaddr *)&ss, len) == 0)
		return connected(*fd, setup);
	return errno == EINPROGRESS ? UNDER_WAY : REFUSED;
}

static enum outcome
end_connect(int fd, const struct child_setup *setup)
{
	int why = 0;
	socklen_t len = sizeof(why);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len) != 0 || why != 0)
		return REFUSED;
	return connected(fd, setup);
}

static void
drop_connect(struct child_probe *p)
{
	if (p->answer) {
		event_free(p->answer);
		p->answer = NULL;
	}
	if (p->fd >= 0) {
		close(p->fd);
		p->fd = -1;
	}
}

/* ------------------------------------------------- whose listener is that? */

/* True as well where the system does not tell. */
static bool
is_its_own(const struct child_probe *p)
{
	struct addr found[CHILD_WHERE_MAX];
	int n;

	if (p->setup.path) {
		pid_t owner = listen_unix_owner(p->setup.path);

		return owner == 0 || getpgid(owner) == p->group;
	}
	n = child_where(p->group, found, CHILD_WHERE_MAX);
	for (int i = 0; i < n; i++)
		if (child_where_covers(&found[i], &p->setup.where))
			return true;
	return n < 0;
}

static void
say_elsewhere(struct child_probe *p, const struct addr *odd)
{
	char text[CHILD_WHERE_TEXT];
	const char *remedy;

	if (!p->setup.set_port)
		remedy = "name that with -b, or correct its script";
	else if (odd->port != p->setup.where.port)
		remedy = "remove -p from its script";
	else
		remedy = "let it listen on $HOSTNAME";
	log_say(LOG_WARN, "the application listens on %s: %s",
		child_where_text(odd, &p->setup.where, text), remedy);
	p->said = true;
}

/* What was seen twice is no helper's listener on its way. */
static void
look_elsewhere(struct child_probe *p, uint64_t now)
{
	struct addr found[CHILD_WHERE_MAX];
	const struct addr *odd = NULL;
	int n;

	if (p->said || p->setup.path || now - p->began < LOOK_AFTER ||
	    now - p->looked < LOOK_INTERVAL)
		return;
	p->looked = now;
	n = child_where(p->group, found, CHILD_WHERE_MAX);
	if (n > 0)
		odd = child_where_odd(found, (size_t)n, &p->setup.where);
	if (odd && odd->port == p->suspect)
		say_elsewhere(p, odd);
	p->suspect = odd ? odd->port : 0;
}

/* ---------------------------------------------------------------- probing */

static void
try_later(struct child_probe *p, uint64_t now)
{
	bool eager = now - p->began < EAGER_FOR;
	struct timeval tv = after_ms(eager ? INTERVAL_FIRST : INTERVAL_LATER);

	evtimer_add(p->timer, &tv);
}

static void
settle(struct child_probe *p, enum outcome outcome)
{
	uint64_t now = clock_ms();

	drop_connect(p);
	if (outcome == CONNECTED && (!p->stranger || is_its_own(p))) {
		p->cb(p->arg);
		return;
	}
	look_elsewhere(p, now);
	try_other_address(p);
	try_later(p, now);
}

static void
on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct child_probe *p = arg;

	settle(p, what & EV_TIMEOUT ? REFUSED
				    : end_connect(fd, &p->setup));
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct child_probe *p = arg;
	struct timeval tv = after_ms(CONNECT_TIMEOUT);
	enum outcome outcome;

	(void)fd;
	(void)what;
	if (!is_known(&p->setup)) {
		p->cb(p->arg);
		return;
	}
	outcome = begin_connect(&p->setup, &p->fd);
	if (outcome == UNDER_WAY)
		p->answer = event_new(p->base, p->fd, EV_WRITE, on_answer, p);
	if (!p->answer || event_add(p->answer, &tv) != 0)
		settle(p, outcome == CONNECTED ? CONNECTED : REFUSED);
}

struct child_probe *
child_probe_new(struct event_base *base, const struct child_setup *setup,
		child_probe_cb *cb, void *arg)
{
	struct child_probe *p = xcalloc(1, sizeof(*p));

	*p = (struct child_probe){.base = base, .setup = *setup, .cb = cb,
				  .arg = arg, .fd = -1};
	p->timer = evtimer_new(base, on_timer, p);
	if (!p->timer) {
		free(p);
		return NULL;
	}
	return p;
}

/* It is on this machine: an answer that takes longer than this is none. */
static bool
accepts_now(const struct child_setup *setup)
{
	int fd;
	enum outcome outcome = begin_connect(setup, &fd);

	if (outcome == UNDER_WAY) {
		struct pollfd pfd = {.fd = fd, .events = POLLOUT};

		outcome = poll(&pfd, 1, 100) == 1 ? end_connect(fd, setup)
						  : REFUSED;
	}
	if (fd >= 0)
		close(fd);
	return outcome == CONNECTED;
}

void
child_probe_before(struct child_probe *p)
{
	char text[ADDR_TEXT];

	p->stranger = is_known(&p->setup) && accepts_now(&p->setup);
	if (p->stranger)
		log_say(LOG_WARN,
			"something else accepts connections on %s already: "
			"stop it, or leave out -b and the application gets "
			"a free port",
			p->setup.path ? p->setup.path
				      : addr_text(&p->setup.where, text));
}

void
child_probe_start(struct child_probe *p, pid_t group)
{
	struct timeval soon = after_ms(0);

	p->group = group;
	p->began = clock_ms();
	p->looked = 0;
	p->suspect = 0;
	evtimer_add(p->timer, &soon);
}

void
child_probe_stop(struct child_probe *p)
{
	evtimer_del(p->timer);
	drop_connect(p);
}

void
child_probe_free(struct child_probe *p)
{
	if (!p)
		return;
	child_probe_stop(p);
	event_free(p->timer);
	free(p);
}
