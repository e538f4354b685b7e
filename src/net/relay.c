/* SPDX-License-Identifier: ISC */
/*
 * relay.c: bytes from one stream to another, the only way they go.
 */
#include "net/relay.h"

#include <errno.h>

#define TURN (256 * 1024) /* bytes that one connection moves in its turn */

/* Shows n bytes at p to the watcher and sends them; *used: how many it took. */
static bool
pass_on(struct stream *to, char *p, size_t n, relay_watch *watch, void *arg,
	size_t *used)
{
	size_t pass;

	*used = watch(arg, p, n, &pass);
	return pass == 0 || stream_send(to, p, pass);
}

/* What came glued to a head goes first. */
static enum relay
move_in(struct stream *from, struct stream *to, relay_watch *watch, void *arg)
{
	size_t used, n = buf_len(from->in);
	bool sent;

	if (n == 0)
		return RELAY_DRY;
	sent = pass_on(to, buf_data(from->in), n, watch, arg, &used);
	buf_take(&from->in, used);
	if (!sent)
		return RELAY_SINK_LOST;
	return used < n ? RELAY_STOPPED : RELAY_DRY;
}

static enum relay
move_socket(struct stream *from, struct stream *to, char *scratch,
	    relay_watch *watch, void *arg, size_t *moved)
{
	ssize_t got = stream_read(from, scratch, RELAY_SCRATCH);
	size_t used, n = (size_t)got;
	bool sent;

	*moved = 0;
	if (got == 0)
		return RELAY_EOF;
	if (got < 0)
		return got == -1 ? RELAY_DRY : RELAY_SOURCE_LOST;
	*moved = n;
	sent = pass_on(to, scratch, n, watch, arg, &used);
	/* Behind what is of no use to the sink the next message may begin. */
	if (used < n && !buf_add(&from->in, scratch + used, n - used)) {
		from->error = ENOMEM;
		return RELAY_SOURCE_LOST;
	}
	if (!sent)
		return RELAY_SINK_LOST;
	return used == n ? RELAY_DRY : RELAY_STOPPED;
}

enum relay
relay_move(struct stream *from, struct stream *to, char *scratch,
	   relay_watch *watch, void *arg)
{
	size_t moved, total = 0;
	enum relay r;

	if (to->out) {
		stream_set_reading(from, false);
		return RELAY_OWED;
	}
	r = move_in(from, to, watch, arg);
	/*
	 * A read that does not fill the buffer has emptied the socket: asking
	 * again would only cost a system call to hear EAGAIN.
	 */
	do {
		if (r != RELAY_DRY)
			return r;
		if (to->out) {
			stream_set_reading(from, false);
			return RELAY_OWED;
		}
		r = move_socket(from, to, scratch, watch, arg, &moved);
		total += moved;
	} while (moved == RELAY_SCRATCH && total < TURN);
	if (r == RELAY_DRY && to->out) {
		stream_set_reading(from, false);
		return RELAY_OWED;
	}
	if (r == RELAY_DRY)
		stream_set_reading(from, true);
	return r;
}
