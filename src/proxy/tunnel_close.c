/* SPDX-License-Identifier: ISC */
/*
 * tunnel_close.c: Closes of ours: to who has sent what it may not, in a drain,
 * and when a lifetime is over or an operator says so.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "proxy/keepalive.h"
#include "proxy/tunnel.h"
#include "proxy/tunnel_impl.h"
#include "proxy/watch.h"

/* A Close of ours behind what was sent; false: not yet, or it is lost. */
static bool
send_close(struct conn *c, enum side to)
{
	const struct frame_watch *w = conn_frames(c, side_other(to));
	bool fault = watch_is_at_fault(c, side_other(to));
	bool lost = w->lost && !fault;
	uint8_t frame[FRAME_CLOSE_MAX], mask[4];
	size_t n;

	if (!frame_is_whole(w) && !fault && !lost)
		return false;
	watch_set_told(c, to);
	if (frame_is_whole(w) && !lost && !w->closed &&
	    !conn_stream(c, to)->fin_due) {
		if (to == BY_SERVER && getentropy(mask, sizeof(mask)) < 0)
			memset(mask, 0, sizeof(mask));
		n = frame_close(frame, c->cut, to == BY_SERVER ? mask : NULL);
		if (!stream_send(conn_stream(c, to), frame, n)) {
			tunnel_on_reset(c, to);
			return false;
		}
	}
	stream_finish(conn_stream(c, to));
	return true;
}

void
tunnel_tell(struct conn *c)
{
	for (enum side to = BY_CLIENT; to <= BY_SERVER && c->opened; to++)
		if (!watch_is_told(c, to) && send_close(c, to) &&
		    !conn_stream(c, side_other(to))->eof)
			stream_set_reading(conn_stream(c, side_other(to)),
					   true);
	if (c->opened && !tunnel_close_if_done(c))
		tunnel_set_deadline(c);
}

void
tunnel_cut_for(struct conn *c, enum side by)
{
	bool over = conn_frames(c, by)->over, client = by == BY_CLIENT;

	c->cut = over ? CLOSE_TOO_BIG : CLOSE_PROTOCOL_ERROR;
	if (c->goodbye_due) /* it never came to that */
		c->ended = NULL;
	tunnel_note_end(c,
			over ? client ? &reason_max_message_client
				      : &reason_max_message_server
			     : client ? &reason_strict_client
				      : &reason_strict_server,
		 BY_PROXY);
	c->goodbye_due = false;
	/* A frame of the other one that may have been our Pong goes on whole. */
	if (c->keepalive)
		(void)!keepalive_settle(c, side_other(by), true);
	free(c->keepalive);
	c->keepalive = NULL;
	c->last = clock_ms(); /* what they still send is none */
	if (c->state == CS_CLOSING) /* it has a Close of ours */
		watch_set_told(c, BY_CLIENT);
	else
		conn_set_state(c, CS_CLOSING);
	tunnel_tell(c);
}

/* Can a Close still be put where the client will find it? */
static bool
can_say_goodbye(const struct conn *c)
{
	return !c->client.fin_due && !c->from_server.lost;
}

bool
tunnel_expects_goodbye(const struct conn *c)
{
	return !c->goodbye_due && !c->from_server.closed;
}

/*
 * The client stands between two frames.  At last a drain has no time to wait
 * for the ends of messages.
 */
static bool
has_place_for_close(const struct conn *c)
{
	const struct frame_watch *w = &c->from_server;
	bool held = c->keepalive && keepalive_holds(c, BY_SERVER);

	return (frame_at_boundary(w) || held) &&
	       (c->worker->hurried || !w->in_message);
}

unsigned
tunnel_goodbye_code(const struct conn *c)
{
	/* Also where a drain begins, or another process follows, meanwhile. */
	if (c->ended == &reason_tunnel_lifetime || c->ended == &reason_kill)
		return CLOSE_GOING_AWAY;
	return c->worker->close_code;
}

void
tunnel_goodbye(struct conn *c)
{
	uint8_t frame[FRAME_CLOSE_MAX];
	size_t n;

	if (c->state == CS_CLOSING || c->from_server.closed)
		return;
	if (c->reset) /* last words are on their way, then it is over */
		return;
	if (!can_say_goodbye(c)) {
		tunnel_note_end(c, &reason_drain, BY_PROXY);
		conn_close(c, c->ended, c->ended_by);
		return;
	}
	c->goodbye_due = !has_place_for_close(c);
	if (c->goodbye_due)
		return;
	n = frame_close(frame, (uint16_t)tunnel_goodbye_code(c), NULL);
	tunnel_note_end(c, &reason_drain, BY_PROXY);
	conn_set_state(c, CS_CLOSING);
	if (c->keepalive)
		keepalive_forget(c, BY_SERVER);
	stream_set_reading(&c->server->s, true);
	c->last = c->traffic.owed = clock_ms();
	if (!stream_send(&c->client, frame, n)) {
		tunnel_on_reset(c, BY_CLIENT);
		return;
	}
	/* Its FIN was its answer; the server may have its last words to read. */
	if (c->client.eof)
		stream_finish(&c->client);
	tunnel_set_deadline(c);
}

void
tunnel_end_soon(struct conn *c, const struct reason *why, enum side by)
{
	uint64_t now = clock_ms();

	/* A FIN alone has ended one direction: what ends both is the reason. */
	if (!tunnel_is_ending(c))
		c->ended = NULL;
	tunnel_note_end(c, why, by);
	if (c->expires <= now || now + TUNNEL_CLOSE_WAIT < c->expires)
		c->expires = now + TUNNEL_CLOSE_WAIT;
	tunnel_set_deadline(c);
	tunnel_goodbye(c);
}

void
tunnel_kill(struct conn *c)
{
	if (c->ended != &reason_kill)
		tunnel_end_soon(c, &reason_kill, BY_OPERATOR);
}
