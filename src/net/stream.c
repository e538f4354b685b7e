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

/*
 * Nothing to read for, nothing to write: only the peer's end is of interest.
 * EV_CLOSED alone would not do: epoll reports a reset as an error, libevent
 * turns that into READ|WRITE, finds nobody who asked for either, and epoll
 * reports it again, for ever.  With EV_WRITE it is delivered, and with EV_ET
 * a socket that is simply writable is reported only once.
 */
#define WATCH_END (EV_CLOSED | EV_WRITE | EV_ET)

static short
wanted(const struct stream *s)
{
	short what = 0;

	if (s->reading && !s->eof && !s->connecting)
		what |= EV_READ;
	if (s->connecting || s->out)
		what |= EV_WRITE;
	return what ? what : WATCH_END;
}

/* Registers the event for what is wanted now, if that has changed. */
static void
arm(struct stream *s)
{
	short what = wanted(s);

	if (s->fd < 0 || what == s->armed)
		return;
	if (s->armed)
		event_del(&s->ev);
	event_assign(&s->ev, event_get_base(&s->ev), s->fd,
		     (short)(what | EV_PERSIST), event_get_callback(&s->ev),
		     event_get_callback_arg(&s->ev));
	/*
	 * Without memory for it libevent refuses; the stream's owner has a
	 * deadline, which then ends the connection.
	 */
	s->armed = event_add(&s->ev, NULL) == 0 ? what : 0;
}

void
stream_init(struct stream *s, struct event_base *base, int fd,
	    event_callback_fn cb, void *arg)
{
	*s = (struct stream){ .fd = fd };
	event_assign(&s->ev, base, fd, EV_PERSIST | EV_READ, cb, arg);
}

void
stream_close(struct stream *s)
{
	if (s->fd < 0)
		return;
	if (s->armed)
		event_del(&s->ev);
	s->armed = 0;
	close(s->fd);
	s->fd = -1;
	buf_free(&s->in);
	buf_free(&s->out);
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
	struct pollfd pfd = { .fd = s->fd, .events = POLLRDHUP };

	if (poll(&pfd, 1, 0) <= 0)
		return END_NONE;
	if (pfd.revents & (POLLERR | POLLHUP | POLLNVAL))
		return END_GONE;
	return pfd.revents & POLLRDHUP ? END_FIN : END_NONE;
}

ssize_t
stream_read(struct stream *s, void *p, size_t n)
{
	ssize_t got = recv(s->fd, p, n, 0);

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
stream_read_in(struct stream *s, void *scratch, size_t n)
{
	ssize_t got = stream_read(s, scratch, n);

	if (got > 0 && !buf_add(&s->in, scratch, (size_t)got)) {
		s->error = ENOMEM;
		return -2;
	}
	return got;
}

/* One send: how many bytes the socket took; -1 when the connection is lost. */
static ssize_t
send_some(struct stream *s, const void *p, size_t n)
{
	ssize_t took = send(s->fd, p, n, MSG_NOSIGNAL);

	if (took >= 0)
		return took;
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return 0;
	s->error = (short)errno;
	return -1;
}

static void
send_fin(struct stream *s)
{
	if (!s->fin_due || s->fin_sent || s->out)
		return;
	s->fin_sent = true;
	shutdown(s->fd, SHUT_WR);
}

bool
stream_send(struct stream *s, const void *p, size_t n)
{
	ssize_t took = s->out || s->connecting ? 0 : send_some(s, p, n);

	if (took < 0)
		return false;
	if ((size_t)took == n)
		return true;
	if (!buf_add(&s->out, (const char *)p + took, n - (size_t)took)) {
		s->error = ENOMEM;
		return false;
	}
	arm(s);
	return true;
}

bool
stream_flush(struct stream *s)
{
	ssize_t took;

	if (!s->out)
		return true;
	took = send_some(s, buf_data(s->out), buf_len(s->out));
	if (took < 0)
		return false;
	buf_take(&s->out, (size_t)took);
	send_fin(s);
	arm(s);
	return true;
}

void
stream_finish(struct stream *s)
{
	s->fin_due = true;
	send_fin(s);
}

int
stream_connected(struct stream *s)
{
	int error = sock_error(s->fd);

	if (error == 0)
		s->connecting = false;
	return error;
}
