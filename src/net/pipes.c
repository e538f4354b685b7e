/* SPDX-License-Identifier: ISC */
/*
 * pipes.c: bytes from one socket to another without a copy (splice(2)).
 */
#include "config.h"

#include "net/pipes.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define PIPES_MAX 64
#define IDLE_MAX 4
/*
 * A quarter of what a user without privileges may make of a pipe.  Smaller is
 * a system call more for each piece, larger leaves the processor's cache.
 */
#define ROOM (256 * 1024)

void
pipes_init(struct pipes *all)
{
	*all = (struct pipes){ .null = -1 };
	list_init(&all->idle);
}

#ifdef HAVE_SPLICE

static void
discard(struct pipe *p)
{
	p->home->nopen--;
	close(p->in);
	close(p->out);
	free(p);
}

/*
 * The kernel may not grant the size: beyond a user's limit for all pipes it
 * makes them of one or two pages (pipe(7)), which are not worth their calls.
 */
static struct pipe *
make(struct pipes *all)
{
	struct pipe *p = calloc(1, sizeof(*p));
	int ends[2], size;

	if (!p)
		return NULL;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
		free(p);
		return NULL;
	}
	*p = (struct pipe){ .home = all, .out = ends[0], .in = ends[1] };
	list_init(&p->link);
	all->nopen++;
	size = fcntl(p->in, F_SETPIPE_SZ, ROOM);
	if (size < 0)
		size = fcntl(p->in, F_GETPIPE_SZ);
	p->room = size > 0 ? (size_t)size : 0;
	if (p->room < ROOM / 4) {
		discard(p);
		return NULL;
	}
	return p;
}

/*
 * What is in a pipe may have to be let go, and then it is too late to be
 * without a descriptor for that.
 */
static bool
may_make(struct pipes *all)
{
	if (all->null < 0)
		all->null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	return all->null >= 0 && all->nopen < PIPES_MAX;
}

struct pipe *
pipe_take(struct pipes *all)
{
	struct pipe *p;

	if (list_empty(&all->idle))
		return may_make(all) ? make(all) : NULL;
	p = container_of(all->idle.next, struct pipe, link);
	list_remove(&p->link);
	all->nidle--;
	return p;
}

/* To nowhere: a pipe's pages are let go, and nothing is copied. */
static bool
swallow(struct pipe *p, size_t n)
{
	while (n > 0) {
		ssize_t k = splice(p->out, NULL, p->home->null, NULL, n,
				   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (k <= 0)
			return false;
		n -= (size_t)k;
	}
	return true;
}

void
pipe_put(struct pipe *p)
{
	if (p->len > 0 || p->home->nidle >= IDLE_MAX ||
	    !swallow(p, p->surplus)) {
		discard(p);
		return;
	}
	p->surplus = 0;
	list_push_front(&p->home->idle, &p->link);
	p->home->nidle++;
}

ssize_t
pipe_fill(struct pipe *p, int fd, size_t n)
{
	ssize_t got = splice(fd, NULL, p->in, NULL, n < p->room ? n : p->room,
			     SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (got > 0)
		p->len = (size_t)got;
	return got;
}

ssize_t
pipe_drain(struct pipe *p, int fd)
{
	ssize_t took = splice(p->out, NULL, fd, NULL, p->len,
			      SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (took > 0)
		p->len -= (size_t)took;
	return took;
}

bool
pipe_double(struct pipe *p, struct pipe *copy)
{
	ssize_t n = tee(p->out, copy->in, p->len, SPLICE_F_NONBLOCK);

	if (n > 0)
		copy->len = (size_t)n;
	return copy->len == p->len;
}

bool
pipe_drop(struct pipe *p, size_t n)
{
	assert(n <= p->len);
	p->len -= n;
	return swallow(p, n);
}

bool
pipe_read(struct pipe *p, void *to, size_t n)
{
	char *at = to;

	assert(n <= p->len);
	while (n > 0) {
		ssize_t k = read(p->out, at, n);

		if (k <= 0)
			return false;
		at += k;
		n -= (size_t)k;
		p->len -= (size_t)k;
	}
	return true;
}

void
pipe_cut(struct pipe *p, size_t n)
{
	assert(n <= p->len);
	p->surplus += p->len - n;
	p->len = n;
}

void
pipes_fini(struct pipes *all)
{
	list_each(it, &all->idle)
		discard(container_of(it, struct pipe, link));
	assert(all->nopen == 0);
	if (all->null >= 0)
		close(all->null);
}

#else /* there are none, and so nobody has one to call these with */

struct pipe *
pipe_take(struct pipes *all)
{
	(void)all;
	return NULL;
}

#define NO_PIPE(type, name, ...) \
	type name(__VA_ARGS__) \
	{ \
		abort(); \
	}

NO_PIPE(void, pipe_put, struct pipe *p UNUSED)
NO_PIPE(ssize_t, pipe_fill, struct pipe *p UNUSED, int fd UNUSED,
	size_t n UNUSED)
NO_PIPE(ssize_t, pipe_drain, struct pipe *p UNUSED, int fd UNUSED)
NO_PIPE(bool, pipe_double, struct pipe *p UNUSED, struct pipe *copy UNUSED)
NO_PIPE(bool, pipe_drop, struct pipe *p UNUSED, size_t n UNUSED)
NO_PIPE(bool, pipe_read, struct pipe *p UNUSED, void *to UNUSED,
	size_t n UNUSED)
NO_PIPE(void, pipe_cut, struct pipe *p UNUSED, size_t n UNUSED)

void
pipes_fini(struct pipes *all)
{
	(void)all;
}

#endif
