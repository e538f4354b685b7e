/* SPDX-License-Identifier: ISC */
/*
 * forwarder.c: the least that a proxy can do, which the others are measured
 * by: for each connection one to the backend, and bytes from each to the other.
 *
 *	forwarder [--splice] [--corrupt-down N] [--corrupt-up N] ADDRESS:PORT
 *
 * prints "listening PORT".  Like the best of the proxies it asks epoll once
 * for edges, takes a short read for the end of what there is, and holds no
 * buffer while nothing waits.  --splice moves bytes through a pipe;
 * --corrupt-… changes the Nth byte that goes that way, for the bench's tests.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

#define SCRATCH (64 * 1024)
#define PIPE (256 * 1024)

/*
 * One socket of a pair, and what of the other's bytes it has not taken yet:
 * behind `held`, or in `pipe`.
 */
struct side {
	int fd;
	int pipe[2];   /* {0, 0}: none */
	bool client;   /* or else the backend */
	bool readable; /* an edge came, and was not read to its end */
	bool ending;   /* its FIN is there, behind what is still to be read */
	bool ended;    /* and was passed on */
	size_t nheld;
	uint8_t *held; /* to be freed; what is left are its last nheld bytes */
	size_t held_size;
};

struct pair {
	struct side client;
	struct side server;
	bool dead;
	struct pair *next; /* of those that are dead */
};

static int epoll;
static struct sockaddr_in backend;
static bool splices;
static size_t corrupt_down, corrupt_up; /* bytes to go; 0 is never */
static uint8_t scratch[SCRATCH];
static int spare[2]; /* an empty pipe, if there is one */
static struct pair *dead;

static struct pair *
pair_of(struct side *s)
{
	size_t before = s->client ? offsetof(struct pair, client)
				  : offsetof(struct pair, server);

	return (struct pair *)(void *)((char *)s - before);
}

static struct side *
other_of(struct side *s)
{
	struct pair *p = pair_of(s);

	return s->client ? &p->server : &p->client;
}

/* ------------------------------------------------------------ ends of pairs */

static void
close_side(struct side *s)
{
	close(s->fd);
	free(s->held);
	if (s->pipe[0]) {
		close(s->pipe[0]);
		close(s->pipe[1]);
	}
}

/* Freed after all events of this round, one of which may be the other's. */
static void
end(struct side *s)
{
	struct pair *p = pair_of(s);

	if (p->dead)
		return;
	p->dead = true;
	close_side(&p->client);
	close_side(&p->server);
	p->next = dead;
	dead = p;
}

static void
pass_end(struct side *from)
{
	struct side *to = other_of(from);

	from->ended = true;
	from->readable = false;
	if (to->ended)
		end(from);
	else
		shutdown(to->fd, SHUT_WR);
}

/* ------------------------------------------------------- by recv and send */

static void
corrupt(size_t *to_go, size_t n)
{
	if (*to_go > n) {
		*to_go -= n;
	} else if (*to_go) {
		scratch[*to_go - 1] ^= 1;
		*to_go = 0;
	}
}

static void
hold(struct side *to, const uint8_t *data, size_t n)
{
	free(to->held);
	to->held = malloc(n);
	if (!to->held)
		net_fail("out of memory");
	memcpy(to->held, data, n);
	to->held_size = to->nheld = n;
}

/* What was sent, 0 if nothing could be, -1 if the connection is gone. */
static ssize_t
send_now(struct side *to, const uint8_t *data, size_t n)
{
	ssize_t m = send(to->fd, data, n, MSG_NOSIGNAL);

	return m < 0 && errno == EAGAIN ? 0 : m;
}

static void
move_by_copy(struct side *from)
{
	struct side *to = other_of(from);

	while (from->readable && to->nheld == 0) {
		ssize_t n = recv(from->fd, scratch, SCRATCH, 0);
		ssize_t m;

		if (n == 0) {
			pass_end(from);
			return;
		}
		if (n < 0 && errno == EAGAIN) {
			from->readable = false;
			return;
		}
		if (n < 0 ||
		    (corrupt(from->client ? &corrupt_up : &corrupt_down,
			     (size_t)n),
		     m = send_now(to, scratch, (size_t)n)) < 0) {
			end(from);
			return;
		}
		if (m < n)
			hold(to, scratch + m, (size_t)(n - m));
		from->readable = n == SCRATCH || from->ending;
	}
}

static void
flush_copy(struct side *to)
{
	ssize_t m =
		send_now(to, to->held + to->held_size - to->nheld, to->nheld);

	if (m < 0) {
		end(to);
		return;
	}
	to->nheld -= (size_t)m;
	if (to->nheld == 0) {
		free(to->held);
		to->held = NULL;
	}
}

/* --------------------------------------------------------------- by splice */

static void
take_pipe(struct side *to)
{
	if (to->pipe[0])
		return;
	memcpy(to->pipe, spare, sizeof(spare));
	memset(spare, 0, sizeof(spare));
	if (to->pipe[0])
		return;
	if (pipe2(to->pipe, O_NONBLOCK | O_CLOEXEC) < 0)
		net_fail("pipe2: %s", strerror(errno));
	(void)fcntl(to->pipe[0], F_SETPIPE_SZ, PIPE);
}

static void
give_pipe(struct side *to)
{
	if (spare[0]) {
		close(to->pipe[0]);
		close(to->pipe[1]);
	} else {
		memcpy(spare, to->pipe, sizeof(spare));
	}
	memset(to->pipe, 0, sizeof(to->pipe));
}

static ssize_t
splice_some(int from, int to)
{
	return splice(from, NULL, to, NULL, PIPE,
		      SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

static void
flush_pipe(struct side *to)
{
	ssize_t m = splice_some(to->pipe[0], to->fd);

	if (m < 0 && errno != EAGAIN)
		end(to);
	else if (m > 0)
		to->nheld -= (size_t)m;
	if (to->nheld == 0)
		give_pipe(to);
}

static void
move_by_splice(struct side *from)
{
	struct side *to = other_of(from);

	while (from->readable && to->nheld == 0) {
		ssize_t n;

		take_pipe(to);
		n = splice_some(from->fd, to->pipe[1]);
		if (n > 0) {
			to->nheld = (size_t)n;
			flush_pipe(to);
			if (pair_of(to)->dead)
				return;
			continue;
		}
		give_pipe(to);
		if (n == 0)
			pass_end(from);
		else if (errno == EAGAIN)
			from->readable = false;
		else
			end(from);
	}
}

/* ------------------------------------------------------------------- events */

static void
move(struct side *from)
{
	if (splices)
		move_by_splice(from);
	else
		move_by_copy(from);
}

static void
on_event(struct side *s, uint32_t events)
{
	if (pair_of(s)->dead)
		return;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		s->ending = true;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		s->readable = !s->ended;
	if (events & EPOLLOUT && s->nheld) {
		if (splices)
			flush_pipe(s);
		else
			flush_copy(s);
		if (!pair_of(s)->dead)
			move(other_of(s));
	}
	if (!pair_of(s)->dead && s->readable)
		move(s);
}

static void
watch(struct side *s)
{
	net_watch(epoll, EPOLL_CTL_ADD, s->fd,
		  EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, s);
}

static void
on_listener(int listener)
{
	int fd;

	while ((fd = net_accept(listener)) >= 0) {
		struct pair *p = calloc(1, sizeof(*p));

		if (!p)
			net_fail("out of memory");
		p->client.fd = fd;
		p->client.client = true;
		p->server.fd = net_connect(&backend);
		watch(&p->client);
		watch(&p->server);
	}
}

static void
free_dead(void)
{
	while (dead) {
		struct pair *p = dead;

		dead = p->next;
		free(p);
	}
}

static void
options(int argc, char **argv)
{
	static const struct option known[] = {
		{"splice", no_argument, NULL, 's'},
		{"corrupt-down", required_argument, NULL, 'd'},
		{"corrupt-up", required_argument, NULL, 'u'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
		if (c == 's')
			splices = true;
		else if (c == 'd')
			corrupt_down = strtoul(optarg, NULL, 10);
		else if (c == 'u')
			corrupt_up = strtoul(optarg, NULL, 10);
		else
			exit(2);
	if (optind + 1 != argc)
		net_fail("usage: forwarder [--splice] ADDRESS:PORT");
	if (splices && (corrupt_down || corrupt_up))
		net_fail("--splice never sees the bytes that it moves");
	backend = net_address(argv[optind]);
}

int
main(int argc, char **argv)
{
	struct epoll_event events[256];
	int listener;

	options(argc, argv);
	net_raise_nofile();
	epoll = net_epoll();
	listener = net_listen("0");
	net_watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
	for (;;) {
		int n = epoll_wait(epoll, events, 256, -1);

		for (int i = 0; i < n; i++)
			if (events[i].data.ptr)
				on_event(events[i].data.ptr, events[i].events);
			else
				on_listener(listener);
		free_dead();
	}
}
