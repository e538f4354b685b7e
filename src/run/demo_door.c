/* SPDX-License-Identifier: ISC */
/*
 * demo_door.c: accepts for libmicrohttpd, and looks at the bytes of each
 * connection's first head.
 */
#include "run/demo_door.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/list.h"
#include "net/listen.h"
#include "net/poller.h"
#include "proto/head.h"

#define HEAD_MAX (128 * 1024) /* twice what may enter, by default */
#define VISITORS_MAX 256
#define PATIENCE 10000 /* ms for a first head */

struct door {
	struct poller *poller;
	door_cb *cb;
	void *arg;
	int fd;
	struct listener *listener;
	struct list visitors;
	unsigned nvisitors;
	char bytes[HEAD_MAX]; /* of whoever is looked at */
};

/* A connection whose first head is not whole yet. */
struct visitor {
	struct list link;
	struct door *door;
	struct watch watch;
	struct timer late;
	size_t seen, scanned;
};

static void
set_low_water(int fd, int n)
{
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &n, sizeof(n));
}

/* Forgets it; its descriptor is the caller's. */
static int
part(struct visitor *v)
{
	int fd = v->watch.fd;

	watch_leave(&v->watch);
	timer_clear(&v->late);
	list_remove(&v->link);
	v->door->nvisitors--;
	free(v);
	return fd;
}

static void
let_in(struct visitor *v, size_t head_len)
{
	struct door *d = v->door;
	int fd = part(v);

	set_low_water(fd, 1);
	d->cb(d->arg, fd, slice_of(d->bytes, head_len));
}

/* True when it is whole, or so wrong that it gets no *len. */
static bool
look(struct visitor *v, size_t n, size_t *len)
{
	v->seen = n;
	return head_look(HEAD_REQUEST, v->door->bytes, n, HEAD_MAX,
			 &v->scanned, len) ||
	       *len > 0;
}

/*
 * What lies there already would wake us again and again: the next event is to
 * come with one byte more, or with the end.
 */
static void
on_bytes(struct watch *w, unsigned news)
{
	struct visitor *v = container_of(w, struct visitor, watch);
	ssize_t n = recv(w->fd, v->door->bytes, HEAD_MAX, MSG_PEEK);
	size_t len = 0;

	(void)news;
	if (n == 0 || (size_t)n == v->seen)
		close(part(v));
	else if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	else if (n < 0)
		close(part(v));
	else if (look(v, (size_t)n, &len))
		let_in(v, len);
	else
		set_low_water(w->fd, (int)n + 1);
}

static void
on_late(struct timer *t)
{
	close(part(container_of(t, struct visitor, late)));
}

static void
on_accept(void *arg, const void *tag, int fd, const struct addr *peer)
{
	struct door *d = arg;
	struct visitor *v = d->nvisitors < VISITORS_MAX ? calloc(1, sizeof(*v))
							: NULL;

	(void)tag;
	(void)peer;
	if (!v) {
		close(fd);
		return;
	}
	v->door = d;
	list_push_back(&d->visitors, &v->link);
	d->nvisitors++;
	watch_init(&v->watch, d->poller, fd, on_bytes);
	timer_init(&v->late, d->poller, on_late);
	timer_set(&v->late, clock_ms() + PATIENCE);
	if (!watch_want(&v->watch, NEWS_READ))
		close(part(v));
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(ss);
	struct addr a = { .port = 0 };

	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0)
		addr_of_sockaddr(&a, (struct sockaddr *)&ss);
	return a.port;
}

struct door *
door_open(struct poller *p, door_cb *cb, void *arg, uint16_t *port)
{
	struct addr a = { .family = 4 };
	struct door *d = calloc(1, sizeof(*d));
	int saved;

	if (!d)
		return NULL;
	memcpy(a.ip, "\177\0\0\1", 4);
	d->poller = p;
	d->cb = cb;
	d->arg = arg;
	list_init(&d->visitors);
	d->fd = listen_open(&a, false);
	if (d->fd >= 0 &&
	    (d->listener = listener_new(p, d->fd, false, on_accept, d,
					    NULL))) {
		*port = port_of(d->fd);
		return d;
	}
	saved = errno;
	door_close(d);
	errno = saved;
	return NULL;
}

void
door_close(struct door *d)
{
	if (!d)
		return;
	if (d->listener)
		listener_free(d->listener);
	if (d->fd >= 0)
		close(d->fd);
	list_each(it, &d->visitors)
		close(part(container_of(it, struct visitor, link)));
	free(d);
}
