/* SPDX-License-Identifier: ISC */
/*
 * stream.c: one socket, what was read of it too early, and what it is owed.
 */
#include "net/stream.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/sockopt.h"

#ifndef POLLRDHUP
#define POLLRDHUP 0
#endif

/* Of TLS's own replies: bytes of those to one read, and how many may wait. */
#define REPLY_MAX 1024
#define REPLIES_MAX 3

static unsigned
wanted(const struct stream *s)
{
	unsigned news = 0;

	/* It has said and been told all; its end comes with the other side's. */
	if (s->eof && s->fin_sent)
		return 0;
	if (s->reading && !s->eof && !s->connecting)
		news |= NEWS_READ;
	if (s->connecting || s->out)
		news |= NEWS_WRITE;
	if (news || (s->reading && s->eof))
		return news;
	return NEWS_END;
}

/*
 * Bytes that were received already are not told by the socket: they are
 * made news, as often as there are any.
 */
static void
wake_for_held(struct stream *s)
{
	if (s->reading && !s->eof && tls_holds(s->tls))
		watch_wake(&s->watch, NEWS_READ);
}

/* Without memory for it none come: its owner's deadline ends it then. */
static void
arm(struct stream *s)
{
	unsigned news = wanted(s);

	if (news == s->watch.wanted)
		return;
	(void)watch_want(&s->watch, news);
	if (s->tls)
		wake_for_held(s);
}

void
stream_init(struct stream *s, struct poller *p, int fd, watch_cb *cb)
{
	*s = (struct stream){ .error = 0 };
	watch_init(&s->watch, p, fd, cb);
}

static ssize_t send_some(struct stream *s, const void *p, size_t n);
static bool put(struct stream *s, const void *p, size_t n);

/* The peer is told that this is the end, if it is one for it. */
static void
close_tls(struct stream *s)
{
	struct slice last;

	if (!s->out && !s->fin_due)
		tls_seal_end(s->tls);
	last = tls_output(s->tls);
	if (last.n > 0)
		(void)!send_some(s, last.p, last.n);
	tls_free(s->tls);
	s->tls = NULL;
}

void
stream_close(struct stream *s)
{
	if (stream_fd(s) < 0)
		return;
	if (s->tls)
		close_tls(s);
	watch_close(&s->watch);
	buf_free(&s->in);
	owed_free(&s->out);
}

void
stream_set_reset(struct stream *s)
{
	if (s->tls)
		tls_mute(s->tls);
	sock_set_reset(stream_fd(s));
}

void
stream_set_reading(struct stream *s, bool on)
{
	s->reading = on;
	arm(s);
}

enum stream_end
stream_end(const struct stream *s)
{
	struct pollfd pfd = { .fd = stream_fd(s), .events = POLLRDHUP };

	if (poll(&pfd, 1, 0) <= 0)
		return END_NONE;
	if (pfd.revents & (POLLERR | POLLHUP | POLLNVAL))
		return END_GONE;
	return pfd.revents & POLLRDHUP ? END_FIN : END_NONE;
}

/*
 * What OpenSSL says by itself: an alert, or that we have a new key because the
 * peer wants one, which goes behind whatever the peer is owed.  An honest peer
 * gives little cause for it; one that asks for more and more, or does not take
 * it, is not waited for.
 */
static bool
reply(struct stream *s, struct slice said)
{
	if (said.n > REPLY_MAX || (s->out && s->replies == REPLIES_MAX))
		return false;
	s->replies = s->out ? (s->replies + 1) & REPLIES_MAX : 0;
	return put(s, said.p, said.n);
}

/* As recv(2). */
static ssize_t
read_tls(struct stream *s, void *p, size_t n)
{
	ssize_t got = tls_recv(s->tls, p, n);
	int error = errno;
	struct slice said = tls_output(s->tls);

	if (said.n > 0 && !reply(s, said)) {
		errno = EPROTO;
		return -1;
	}
	if (got > 0)
		wake_for_held(s);
	errno = error;
	return got;
}

/* What recv(2) has returned, as stream_read tells it. */
static ssize_t
outcome(struct stream *s, ssize_t got)
{
	if (got > 0)
		return got;
	if (got == 0) {
		s->eof = true;
		arm(s);
		return 0;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return -1;
	s->error = (short)errno;
	return -2;
}

ssize_t
stream_read(struct stream *s, void *p, size_t n)
{
	return outcome(s, s->tls ? read_tls(s, p, n)
				 : recv(stream_fd(s), p, n, 0));
}

ssize_t
stream_peek(struct stream *s, void *p, size_t n)
{
	return outcome(s, recv(stream_fd(s), p, n, MSG_PEEK));
}

ssize_t
stream_read_in(struct stream *s, void *scratch, size_t n)
{
	ssize_t got = stream_read(s, scratch, n);

	if (got > 0 && !buf_add(&s->in, scratch, (size_t)got)) {
		s->error = ENOMEM;
		return -2;
	}
	return got;
}

bool
stream_is_quiet(struct stream *s)
{
	char c;
	ssize_t got = s->tls ? tls_recv(s->tls, &c, 1)
			     : recv(stream_fd(s), &c, 1,
				    MSG_PEEK | MSG_DONTWAIT);
	bool quiet = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);

	/* Nor is one of whom a part of a record is here, or who wants a key. */
	if (s->tls) {
		quiet = quiet && tls_is_at_rest(s->tls);
		(void)tls_output(s->tls);
	}
	return quiet;
}

/* How many bytes the socket took, of what it said to a call; -1: it is lost. */
static ssize_t
taken(struct stream *s, ssize_t took)
{
	if (took >= 0)
		return took;
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return 0;
	s->error = (short)errno;
	return -1;
}

static ssize_t
send_some(struct stream *s, const void *p, size_t n)
{
	return taken(s, send(stream_fd(s), p, n, MSG_NOSIGNAL));
}

static ssize_t
send_some_of_pipe(struct stream *s, struct pipe *p)
{
	return taken(s, pipe_drain(p, stream_fd(s)));
}

static void
send_fin(struct stream *s)
{
	if (!s->fin_due || s->fin_sent || s->out)
		return;
	s->fin_sent = true;
	shutdown(stream_fd(s), SHUT_WR);
}

/* The socket is full: the watch is to tell when it is not any more. */
static void
await_room(struct stream *s)
{
	s->out->before = sock_queued(stream_fd(s));
	arm(s);
}

/* Bytes as they go over the wire. */
static bool
put(struct stream *s, const void *p, size_t n)
{
	bool first = !s->out;
	ssize_t took = !first || s->connecting ? 0 : send_some(s, p, n);

	if (took < 0)
		return false;
	if ((size_t)took == n)
		return true;
	if (!owed_add(&s->out, (const char *)p + took, n - (size_t)took)) {
		s->error = ENOMEM;
		return false;
	}
	if (first)
		await_room(s);
	return true;
}

static bool
send_sealed(struct stream *s, const char *p, size_t n)
{
	struct slice sealed;
	size_t took;

	for (; n > 0; n -= took, p += took) {
		took = tls_seal(s->tls, p, n);
		sealed = tls_output(s->tls);
		if (took == 0) {
			s->error = EPROTO;
			return false;
		}
		if (!put(s, sealed.p, sealed.n))
			return false;
	}
	return true;
}

bool
stream_send(struct stream *s, const void *p, size_t n)
{
	return s->tls ? send_sealed(s, p, n) : put(s, p, n);
}

bool
stream_send_pipe(struct stream *s, struct pipe *p)
{
	ssize_t took = send_some_of_pipe(s, p);

	if (took >= 0 && p->len > 0 && owed_add_pipe(&s->out, p)) {
		await_room(s);
		return true;
	}
	if (took >= 0 && p->len > 0) {
		s->error = ENOMEM;
		took = -1;
	}
	pipe_put(p);
	return took >= 0;
}

/* Once what lies in the pipe is gone, the pipe is too. */
static bool
flush_pipe(struct stream *s)
{
	if (send_some_of_pipe(s, s->out->pipe) < 0)
		return false;
	if (s->out->pipe->len == 0)
		owed_end_pipe(&s->out);
	return true;
}

bool
stream_flush(struct stream *s)
{
	ssize_t took;

	if (!s->out)
		return true;
	if (s->out->pipe && !flush_pipe(s))
		return false;
	if (s->out && !s->out->pipe) {
		took = send_some(s, buf_data(s->out->bytes),
				 buf_len(s->out->bytes));
		if (took < 0)
			return false;
		owed_take(&s->out, (size_t)took);
	}
	send_fin(s);
	if (s->out)
		await_room(s);
	else
		arm(s);
	return true;
}

bool
stream_is_taken(struct stream *s)
{
	int queued, before;

	if (!s->out)
		return false;
	queued = sock_queued(stream_fd(s));
	before = s->out->before;
	s->out->before = queued;
	return queued >= 0 && queued < before;
}

/* Behind what it is owed. */
static void
send_close_notify(struct stream *s)
{
	struct slice end;

	tls_seal_end(s->tls);
	end = tls_output(s->tls);
	(void)!put(s, end.p, end.n);
}

void
stream_forget(struct stream *s)
{
	owed_free(&s->out);
}

void
stream_finish(struct stream *s)
{
	if (s->tls && !s->fin_due)
		send_close_notify(s);
	s->fin_due = true;
	send_fin(s);
}

void
stream_set_tls(struct stream *s, struct tls *t)
{
	s->tls = t;
}

enum tls_step
stream_shake(struct stream *s)
{
	enum tls_step step;
	struct slice said;

	do {
		step = tls_shake(s->tls);
		said = tls_output(s->tls);
		if (said.n > 0 && !put(s, said.p, said.n))
			return TLS_FAILED;
	} while (step == TLS_FULL);
	if (step == TLS_DONE)
		wake_for_held(s);
	return step;
}

const char *
stream_tls_fault(const struct stream *s)
{
	if (!s->tls || s->error != EPROTO)
		return NULL;
	return tls_end(s->tls) == TLS_OPEN ? "asks for too many new keys"
					   : tls_why(s->tls);
}

void
stream_connect(struct stream *s, bool here)
{
	s->connecting = s->reading = true;
	if (here)
		watch_wake(&s->watch, NEWS_WRITE);
	else
		arm(s);
}

int
stream_connected(struct stream *s)
{
	/* Not armed, nothing has told us that there is an outcome. */
	bool told = s->watch.wanted;
	bool there = !told && sock_is_connected(stream_fd(s));
	int error = there ? 0 : sock_error(stream_fd(s));

	if (error == 0 && !told && !there) {
		arm(s);
		return s->watch.wanted ? EINPROGRESS : ENOMEM;
	}
	if (error == 0)
		s->connecting = false;
	return error;
}
