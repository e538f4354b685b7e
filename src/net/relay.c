/* SPDX-License-Identifier: ISC */
/*
 * relay.c: bytes from one stream to another, the only way they go.
 */
#include "net/relay.h"

#include <errno.h>
#include <stdlib.h>

/*
 * Bytes that one connection moves in its turn: copied, and by pipes.  These are
 * some milliseconds for the others to wait; who changes from one stream to the
 * next more often wakes up both peers more often, a fourth of a stream's CPU.
 */
#define TURN (256 * 1024)
#define TURN_BULK (4 * 1024 * 1024)
/* Of what comes by a pipe so many beginnings are looked at: each costs calls. */
#define THINGS_MAX 16

/* One move of bytes, and what is asked and told about them. */
struct move {
	struct stream *from, *to;
	struct relay_tools *tools;
	const struct relay_watch *watch;
	void *arg;
};

bool
relay_tools_init(struct relay_tools *t)
{
	t->scratch = malloc(RELAY_SCRATCH);
	pipes_init(&t->pipes);
	return t->scratch != NULL;
}

void
relay_tools_fini(struct relay_tools *t)
{
	free(t->scratch);
	pipes_fini(&t->pipes);
}

/* Shows n bytes at p to the watcher and sends them; *used: how many it took. */
static bool
pass_on(const struct move *m, char *p, size_t n, size_t *used)
{
	size_t pass;

	*used = m->watch->see(m->arg, p, n, &pass);
	return pass == 0 || stream_send(m->to, p, pass);
}

/* What came glued to a head goes first. */
static enum relay
move_in(const struct move *m)
{
	struct buf **in = &m->from->in;
	size_t used, n = buf_len(*in);
	bool sent;

	if (n == 0)
		return RELAY_DRY;
	sent = pass_on(m, buf_data(*in), n, &used);
	buf_take(in, used);
	if (!sent)
		return RELAY_SINK_LOST;
	return used < n ? RELAY_STOPPED : RELAY_DRY;
}

/* By a pipe, where nothing is sealed or opened on the way. */
static bool
may_bypass(const struct move *m)
{
	return m->from->bulk && !m->from->tls && !m->to->tls;
}

/* One read; *more: there may be more at once. */
static enum relay
move_copy(const struct move *m, size_t *moved, bool *more)
{
	struct stream *from = m->from;
	char *scratch = m->tools->scratch;
	ssize_t got = stream_read(from, scratch, RELAY_SCRATCH);
	size_t used, n = (size_t)got;
	bool sent;

	*more = false;
	if (got == 0)
		return RELAY_EOF;
	if (got < 0)
		return got == -1 ? RELAY_DRY : RELAY_SOURCE_LOST;
	*moved += n;
	sent = pass_on(m, scratch, n, &used);
	/* Behind what is of no use to the sink the next message may begin. */
	if (used < n && !buf_add(&from->in, scratch + used, n - used)) {
		from->error = ENOMEM;
		return RELAY_SOURCE_LOST;
	}
	if (!sent)
		return RELAY_SINK_LOST;
	/*
	 * A read that does not fill the buffer has emptied the socket: asking
	 * again would only cost a system call to hear EAGAIN.
	 */
	*more = n == RELAY_SCRATCH;
	from->bulk = *more && m->watch->ahead(m->arg, NULL, 0) > 0;
	return used == n ? RELAY_DRY : RELAY_STOPPED;
}

/* What became of an attempt to move bytes by a pipe. */
enum bulk {
	BULK_DONE, /* bytes are in the pipe, and all are to be sent */
	BULK_COPY, /* they have to be seen, and lie in `in` or in the socket */
	BULK_LOST, /* the source; from->error */
};

/*
 * Nothing came.  A reset is told only once, and whoever reads next is told of
 * an end instead: it is kept.
 */
static enum bulk
why_none(struct stream *from, ssize_t got)
{
	if (got == 0 || errno == EAGAIN || errno == EWOULDBLOCK ||
	    errno == EINTR || errno == EINVAL)
		return BULK_COPY;
	from->error = (short)errno;
	return BULK_LOST;
}

static enum bulk
lost(struct stream *from, int error)
{
	from->error = (short)error;
	return BULK_LOST;
}

/* The rest, which has to be seen, is taken out; n bytes of it are at p. */
static enum bulk
see_rest(const struct move *m, struct pipe *rest, const char *p, size_t n)
{
	struct buf **in = &m->from->in;

	if (!buf_add(in, p, n))
		return lost(m->from, ENOMEM);
	while (rest->len > 0) {
		size_t k = rest->len < RELAY_SCRATCH ? rest->len
						     : RELAY_SCRATCH;

		if (!pipe_read(rest, m->tools->scratch, k) ||
		    !buf_add(in, m->tools->scratch, k))
			return lost(m->from, ENOMEM);
	}
	return BULK_COPY;
}

/*
 * Goes through what came, in a copy of the pipe that lets go of all but the
 * beginnings, which tell how long things are; n bytes need not be seen.
 */
static enum bulk
look_through(const struct move *m, struct pipe *rest, uint64_t n)
{
	char next[RELAY_PEEK_MAX];
	size_t k, things;

	for (things = 0;; things++) {
		k = n < rest->len ? (size_t)n : rest->len;
		m->watch->skip(m->arg, NULL, 0, k);
		if (!pipe_drop(rest, k))
			return lost(m->from, EIO);
		if (rest->len == 0)
			return BULK_DONE;
		k = m->watch->peek < rest->len ? m->watch->peek : rest->len;
		if (!pipe_read(rest, next, k))
			return lost(m->from, EIO);
		n = m->watch->ahead(m->arg, next, k);
		if (n < k || things == THINGS_MAX)
			return see_rest(m, rest, next, k);
		m->watch->skip(m->arg, next, k, k);
		n -= k;
	}
}

/*
 * Fills p with what comes.  Of what has to be seen nothing stays in it; `rest`
 * is empty before and after.
 */
static enum bulk
fill(const struct move *m, struct pipe *p, struct pipe *rest)
{
	uint64_t n = m->watch->ahead(m->arg, NULL, 0);
	size_t most = n < p->room && !m->watch->peek ? (size_t)n : p->room;
	enum bulk r;
	ssize_t got;

	if (most == 0 || rest->room < p->room)
		return BULK_COPY;
	got = pipe_fill(p, stream_fd(m->from), most);
	if (got <= 0)
		return why_none(m->from, got);
	if ((uint64_t)got <= n) {
		m->watch->skip(m->arg, NULL, 0, (size_t)got);
		return BULK_DONE;
	}
	if (!pipe_double(p, rest)) {
		pipe_cut(p, 0);
		return lost(m->from, EIO);
	}
	r = look_through(m, rest, n);
	pipe_cut(p, r == BULK_LOST ? 0 : p->len - buf_len(m->from->in));
	return r;
}

/* The same as move_copy, by a pipe; none to be had, or no use: by copying. */
static enum relay
move_bulk(const struct move *m, size_t *moved, bool *more)
{
	struct pipe *p = pipe_take(&m->tools->pipes);
	struct pipe *rest = pipe_take(&m->tools->pipes);
	enum bulk r = p && rest ? fill(m, p, rest) : BULK_COPY;
	size_t n = p ? p->len : 0;

	if (rest)
		pipe_put(rest);
	*moved += n;
	*more = r == BULK_COPY || n == p->room;
	/* From one that sends little at a time, less than a pipe is worth. */
	m->from->bulk = n >= RELAY_LARGE;
	if (p && n == 0)
		pipe_put(p);
	else if (p && !stream_send_pipe(m->to, p))
		return RELAY_SINK_LOST;
	if (r == BULK_LOST)
		return RELAY_SOURCE_LOST;
	return m->from->in && !m->to->out ? move_in(m) : RELAY_DRY;
}

enum relay
relay_move(struct stream *from, struct stream *to, struct relay_tools *tools,
	   const struct relay_watch *watch, void *arg)
{
	const struct move m = { from, to, tools, watch, arg };
	size_t moved = 0;
	enum relay r;
	bool more;

	if (to->out) {
		stream_set_reading(from, false);
		return RELAY_OWED;
	}
	r = move_in(&m);
	do {
		if (r != RELAY_DRY)
			return r;
		if (to->out) {
			stream_set_reading(from, false);
			return RELAY_OWED;
		}
		r = may_bypass(&m) ? move_bulk(&m, &moved, &more)
				   : move_copy(&m, &moved, &more);
	} while (more && moved < (from->bulk ? TURN_BULK : TURN));
	if (r == RELAY_DRY && to->out) {
		stream_set_reading(from, false);
		return RELAY_OWED;
	}
	if (r == RELAY_DRY)
		stream_set_reading(from, true);
	return r;
}
