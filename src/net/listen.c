/* SPDX-License-Identifier: ISC */
/*
 * listen.c: sockets that accept, and what to do when no descriptor is left.
 */
#include "config.h"

#include "net/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/poller.h"
#include "net/sockopt.h"

#define BURST 64            /* connections accepted in one turn */
#define PAUSE_MS 50         /* while no descriptor is free */
#define COMPLAIN_MS 10000   /* between two log lines about that */

#ifdef USE_REUSEPORT
const bool listen_can_share = true;
#else
const bool listen_can_share = false;
#endif

struct listener {
	struct watch watch; /* its descriptor is not owned */
	struct timer again; /* after a pause */
	int reserve;        /* a descriptor to answer with when none is left */
	bool secure;        /* nothing is said here in the clear */
	bool is_short;      /* of descriptors or memory, at the last try */
	uint64_t complained;
	listener_cb *cb;
	void *arg;
	const void *tag;
};

static int
set_options(int fd, const struct addr *a, bool share)
{
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -1;
	if (a->family == 6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -1;
#ifdef USE_REUSEPORT
	if (share &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0)
		return -1;
#else
	(void)share;
#endif
	sock_set_nodelay(fd);
	return 0;
}

static int
open_bound(const struct addr *a, bool share)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(a, &ss);
	int fd = sock_open(ss.ss_family);

	if (fd < 0 || (set_options(fd, a, share) == 0 &&
		       bind(fd, (struct sockaddr *)&ss, len) == 0))
		return fd;
	return sock_give_up(fd);
}

int
listen_open(const struct addr *a, bool share)
{
	int fd = open_bound(a, share);

	return fd < 0 || listen_begin(fd) ? fd : sock_give_up(fd);
}

int
listen_join(int fd, const struct addr *a)
{
#ifdef USE_REUSEPORT
	int on = 1;

	/* It may have been alone until now. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0)
		return open_bound(a, true);
#else
	(void)fd;
	(void)a;
#endif
	return -1;
}

bool
listen_begin(int fd)
{
	return listen(fd, LISTEN_BACKLOG) == 0;
}

/* ---- when it cannot accept ---- */

static bool
is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	       error == ENOMEM;
}

/* Does it concern one connection only, after which another may wait? */
static bool
is_its_own(int error)
{
	return error == EINTR || error == ECONNABORTED || error == EPROTO ||
	       error == ENETDOWN || error == ENETUNREACH ||
	       error == EHOSTDOWN || error == EHOSTUNREACH ||
	       error == ENOPROTOOPT || error == EPERM;
}

static int
open_reserve(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
complain(struct listener *l, int error)
{
	uint64_t now = clock_ms();

	if (l->complained && now - l->complained < COMPLAIN_MS)
		return;
	l->complained = now;
	if (error == EMFILE || error == ENFILE)
		log_say(LOG_ERROR, "no file descriptor is left, new "
			"connections are %s; raise the limit (ulimit -n, "
			"LimitNOFILE in a systemd unit)", l->secure
			? "closed before their TLS handshake"
			: "answered with 503");
	else
		log_say(LOG_ERROR, "cannot accept connections: %s",
			strerror(error));
}

/* So that it knows why. */
static void
send_503(int fd)
{
	static const char body[] =
		"503 Service Unavailable\n"
		"no-descriptors: all file descriptors are in use\n";
	char answer[512];
	int len = snprintf(answer, sizeof(answer),
			   "HTTP/1.1 503 Service Unavailable\r\n"
			   "Content-Type: text/plain\r\n"
			   "Content-Length: %zu\r\n"
			   "Retry-After: 2\r\n"
			   "Connection: close\r\n\r\n%s",
			   sizeof(body) - 1, body);

	(void)!send(fd, answer, (size_t)len, MSG_NOSIGNAL);
}

/*
 * Lends the reserve to one connection, to tell it that it is refused: left in
 * the backlog it would hang until its own patience ends.  False if none waits.
 */
static bool
refuse_one(struct listener *l)
{
	char head[4096];
	int fd;

	close(l->reserve);
	fd = sock_accept(l->watch.fd, NULL, NULL);
	if (fd >= 0) {
		if (!l->secure)
			send_503(fd);
		/* Unread input would turn the close into a reset. */
		shutdown(fd, SHUT_WR);
		while (recv(fd, head, sizeof(head), 0) > 0)
			;
		close(fd);
	}
	l->reserve = open_reserve();
	return fd >= 0 && l->reserve >= 0;
}

/*
 * A level-triggered listener that cannot accept would spin.  It rests for a
 * moment, in which some connection may end; if none did, those who wait are
 * told.
 */
static void
rest(struct listener *l, int error)
{
	if (!is_shortage(error)) {
		complain(l, error);
	} else if (l->is_short && l->reserve >= 0) {
		complain(l, error);
		for (int i = 0; i < BURST && refuse_one(l); i++)
			;
	}
	l->is_short = is_shortage(error);
	watch_leave(&l->watch);
	timer_set(&l->again, clock_ms() + PAUSE_MS);
}

/* Where the system is short of memory for that, it is tried again later. */
static void
hear(struct listener *l)
{
	if (!watch_want(&l->watch, NEWS_READ))
		timer_set(&l->again, clock_ms() + PAUSE_MS);
}

static void
on_again(struct timer *t)
{
	struct listener *l = container_of(t, struct listener, again);

	if (l->reserve < 0)
		l->reserve = open_reserve();
	hear(l);
}

/* ---- accepting ---- */

/* One connection; false, with errno, when there is none to be had. */
static bool
accept_one(struct listener *l)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr peer;
	int client;

	memset(&ss, 0, sizeof(ss.ss_family));
	client = sock_accept(l->watch.fd, (struct sockaddr *)&ss, &len);
	if (client >= 0) {
		l->is_short = false;
		addr_of_sockaddr(&peer, (struct sockaddr *)&ss);
		l->cb(l->arg, l->tag, client, &peer);
		return true;
	}
	return is_its_own(errno);
}

static void
on_connection(struct watch *w, unsigned news)
{
	struct listener *l = container_of(w, struct listener, watch);

	(void)news;
	for (int i = 0; i < BURST; i++)
		if (!accept_one(l)) {
			if (errno != EAGAIN && errno != EWOULDBLOCK)
				rest(l, errno);
			return;
		}
}

struct listener *
listener_new(struct poller *p, int fd, bool secure, listener_cb *cb,
	     void *arg, const void *tag)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->secure = secure;
	l->cb = cb;
	l->arg = arg;
	l->tag = tag;
	l->reserve = open_reserve();
	timer_init(&l->again, p, on_again);
	watch_init(&l->watch, p, fd, on_connection);
	hear(l);
	return l;
}

void
listener_empty(struct listener *l)
{
	for (int i = 0; i < LISTEN_BACKLOG && accept_one(l); i++)
		;
}

void
listener_free(struct listener *l)
{
	watch_leave(&l->watch);
	timer_clear(&l->again);
	if (l->reserve >= 0)
		close(l->reserve);
	free(l);
}
