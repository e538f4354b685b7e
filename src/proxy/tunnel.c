/* SPDX-License-Identifier: ISC */
/*
 * tunnel.c: an open WebSocket: policy on two relays.
 *
 * Bytes go on as they come.  A watcher on each direction counts messages and
 * sees a Close go by; nothing here changes a frame.
 */
#include "proxy/tunnel.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/relay.h"
#include "proxy/access.h"
#include "proxy/finish.h"
#include "proxy/forward.h"
#include "proxy/keepalive.h"
#include "proxy/server.h"
#include "proxy/watch.h"
#include "proxy/witness.h"

/* After a Close in both directions TCP has this long to end as well. */
#define CLOSE_WAIT 5000
/* In a drain a silent server has this long to end after the client's end. */
#define SERVER_WAIT 1000
/* A FIN that is not followed by the other side's has this long. */
#define FIN_ALONE 1000

/* The first sign of the end is the one that counts. */
static void
note_end(struct conn *c, const struct reason *why, enum side by)
{
	if (c->ended)
		return;
	c->ended = why;
	c->ended_by = by;
}

/*
 * Has it been said that this is the end?  A FIN ends one direction only: what
 * ends the other one may be the reason.
 */
static bool
is_ending(const struct conn *c)
{
	if (c->reset || c->state == CS_CLOSING)
		return true;
	return c->ended && c->ended != &reason_eof &&
	       c->ended != &reason_eof_unclean;
}

static bool
owes(const struct conn *c)
{
	return c->client.out || c->server->s.out;
}

static void
sooner(uint64_t *due, const struct reason **why, uint64_t at,
       const struct reason *reason)
{
	if (at < *due) {
		*due = at;
		*why = reason;
	}
}

/*
 * Has it sent FIN, and is not watched since?  Most often the other side's FIN
 * comes soon, and with it the end; only later a reset is to be heard.
 */
static bool
is_unwatched(const struct stream *s)
{
	return s->eof && s->reading && !s->fin_sent;
}

static void
watch_end(struct stream *s)
{
	if (is_unwatched(s))
		stream_set_reading(s, false);
}

/* The earliest of all that this tunnel may run out of; 0: nothing. */
static uint64_t
earliest(const struct conn *c, const struct reason **why)
{
	const struct terms *l = c->terms;
	const struct reason *reason = NULL;
	uint64_t ping, due = UINT64_MAX;

	if (c->client.out && l->stall)
		sooner(&due, why, c->traffic.owed + l->stall,
		       &reason_stall_client);
	if (c->server->s.out && l->stall)
		sooner(&due, why, c->server->traffic.owed + l->stall,
		       &reason_stall_server);
	/* While somebody is owed bytes there is traffic, if a slow one. */
	if (l->idle && !owes(c))
		sooner(&due, why, c->last + l->idle, &reason_tunnel_idle);
	if (c->expires)
		sooner(&due, why, c->expires, &reason_tunnel_lifetime);
	if (c->from_client.closed && c->from_server.closed)
		sooner(&due, why, c->last + CLOSE_WAIT, &reason_close);
	else if (c->state == CS_HALF && l->half_close)
		sooner(&due, why, c->last + l->half_close,
		       &reason_half_close);
	if (c->state == CS_CLOSING)
		sooner(&due, why, c->last + (c->server->s.fin_sent
					     ? SERVER_WAIT : CLOSE_WAIT),
		       c->ended);
	if (c->reset && !owes(c))
		sooner(&due, why, c->last + CLOSE_WAIT, c->ended);
	if (!c->reset &&
	    (is_unwatched(&c->client) || is_unwatched(&c->server->s)))
		sooner(&due, why, c->last + FIN_ALONE, NULL);
	if (c->keepalive) {
		ping = keepalive_due(c, &reason);
		sooner(&due, why, ping, reason);
	}
	return due == UINT64_MAX ? 0 : due;
}

static void
set_deadline(struct conn *c)
{
	const struct reason *why;
	uint64_t due = earliest(c, &why);

	if (due)
		deadline_set(&c->worker->wheel, &c->deadline, due);
	else
		deadline_clear(&c->deadline);
}

/*
 * The server is gone, the client is not: it gets FIN behind the last bytes.
 * Closing at once would reset it, if it has sent a frame that nobody reads now,
 * and the kernel would throw those bytes away.
 */
static void
part_from_client(struct conn *c)
{
	access_closed(c, c->ended, c->ended_by);
	c->opened = false;
	limit_leave(c);
	server_drop(c);
	finish_linger(c);
}

/*
 * All that came was delivered, and no more can come: from neither side after
 * two FINs, from the side that was reset once it was read to its end.
 */
static bool
close_if_done(struct conn *c)
{
	bool done;

	if (c->reset)
		done = conn_stream(c, c->reset)->eof &&
		       !conn_stream(c, side_other(c->reset))->out;
	else
		done = c->client.eof && c->server->s.eof && !owes(c);
	if (done && c->reset == BY_SERVER && !c->client.eof)
		part_from_client(c);
	else if (done)
		conn_close(c, c->ended, c->ended_by);
	return done;
}

static void
on_fin(struct conn *c, enum side by)
{
	note_end(c, stream_is_cut(conn_stream(c, by)) ? &reason_eof_unclean
						    : &reason_eof, by);
	c->last = clock_ms();
	/* If that owes nothing yet, its close_notify may be what it will. */
	if (!conn_stream(c, side_other(by))->out)
		conn_traffic(c, side_other(by))->owed = c->last;
	/* The second FIN is that of close(2). */
	if (!conn_stream(c, side_other(by))->tls && close_if_done(c))
		return;
	stream_finish(conn_stream(c, side_other(by)));
	if (close_if_done(c))
		return;
	if (c->state == CS_TUNNEL)
		conn_set_state(c, CS_HALF);
	set_deadline(c);
}

/*
 * A side's connection was reset, or its TLS is broken: it takes nothing any
 * more, so the other one is not read either.  What it said before, here or
 * still in the kernel, goes to the other side first, as far as that takes it.
 */
static void
on_reset(struct conn *c, enum side by)
{
	note_end(c, conn_loss(c, by), by);
	/* Its client may have our Close yet to read, and go on sending. */
	if (c->cut && by == BY_SERVER && !c->client.eof) {
		part_from_client(c);
		return;
	}
	if (c->cut || (c->reset && c->reset != by)) {
		conn_close(c, c->ended, c->ended_by);
		return;
	}
	c->reset = by;
	/* Behind our Close nothing of the server's goes to the client. */
	if (by == BY_SERVER && c->state == CS_CLOSING)
		c->server->s.eof = true;
	stream_forget(conn_stream(c, by));
	stream_set_reading(conn_stream(c, side_other(by)), false);
	if (!close_if_done(c))
		set_deadline(c);
}

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
			on_reset(c, to);
			return false;
		}
	}
	stream_finish(conn_stream(c, to));
	return true;
}

/*
 * Close and FIN to whoever has not had them, as soon as no frame is cut by
 * them; one whose rest will not come is followed by FIN alone.  What either
 * side still sends is thrown away, so that no reset overtakes our Close.
 */
static void
tell(struct conn *c)
{
	for (enum side to = BY_CLIENT; to <= BY_SERVER && c->opened; to++)
		if (!watch_is_told(c, to) && send_close(c, to) &&
		    !conn_stream(c, side_other(to))->eof)
			stream_set_reading(conn_stream(c, side_other(to)),
					   true);
	if (c->opened && !close_if_done(c))
		set_deadline(c);
}

/* That side has sent what it may not: we end the tunnel. */
static void
cut_for(struct conn *c, enum side by)
{
	bool over = conn_frames(c, by)->over, client = by == BY_CLIENT;

	c->cut = over ? CLOSE_TOO_BIG : CLOSE_PROTOCOL_ERROR;
	if (c->goodbye_due) /* it never came to that */
		c->ended = NULL;
	note_end(c,
		 over ? client ? &reason_max_message_client
			       : &reason_max_message_server
		      : client ? &reason_strict_client : &reason_strict_server,
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
	tell(c);
}

/* Notes when a sink begins to owe, and a Close that went by. */
static void
after_pump(struct conn *c, enum side by, bool owed, bool closed)
{
	struct stream *to = conn_stream(c, side_other(by));
	bool closes = by == BY_CLIENT ? c->from_client.closed
				      : c->from_server.closed;

	if (to->out && !owed)
		conn_traffic(c, side_other(by))->owed = c->last;
	if (c->cut) {
		tell(c);
	} else if (c->state == CS_CLOSING && c->from_client.closed) {
		stream_finish(&c->client);
		stream_finish(to);
		set_deadline(c);
	} else if ((to->out != NULL) != owed || closes != closed) {
		set_deadline(c);
	}
	if (c->keepalive && c->opened && keepalive_is_free(c, by))
		tunnel_on_deadline(c);
	if (c->goodbye_due && c->opened)
		tunnel_goodbye(c);
}

static void pump(struct conn *c, enum side by);

/* A side takes nothing any more; what it said before is still of interest. */
static void
on_sink_lost(struct conn *c, enum side by)
{
	on_reset(c, by);
	if (c->opened)
		pump(c, by);
}

/*
 * Behind our Close nothing of the server's goes to the client, its own Close
 * neither; but it is read, so that it can go on reading the client's.
 */
static void
throw_away(struct conn *c)
{
	ssize_t n = stream_read(&c->server->s, c->worker->tools.scratch,
				RELAY_SCRATCH);

	if (n == 0 || n == -2)
		on_reset(c, BY_SERVER); /* one end is as good as another */
	else if (n > 0 && c->server->s.fin_sent)
		c->last = clock_ms(); /* closed now it would be reset */
}

/* Bytes came from that side, a pong perhaps among them. */
static void
note_life(struct conn *c, enum side by, bool pong)
{
	struct frame_watch *w = conn_frames(c, by);
	struct traffic *t = conn_traffic(c, by);
	uint64_t now = clock_ms();

	t->last = (uint32_t)((now - c->born) / 1000);
	if (pong)
		t->pong = t->last + 1;
	if (!c->cut && (w->lively || w->lost))
		c->last = now;
	w->lively = false;
}

/*
 * Moves what `by` has sent.  Deadlines are looked at only when something
 * happened that sets one: a message costs none of this.
 */
static void
pump(struct conn *c, enum side by)
{
	bool client = by == BY_CLIENT;
	struct stream *from = conn_stream(c, by);
	struct stream *to = conn_stream(c, side_other(by));
	struct frame_watch *w = client ? &c->from_client : &c->from_server;
	uint64_t *bytes = &conn_traffic(c, by)->bytes, before = *bytes;
	uint32_t pongs = w->pongs;
	bool owed = to->out != NULL, closed = w->closed;
	enum relay r;

	if (c->reset == side_other(by))
		return;
	if (by == BY_SERVER && c->state == CS_CLOSING && !c->cut) {
		throw_away(c);
		return;
	}
	r = relay_move(from, to, &c->worker->tools,
		       client ? &watch_client : &watch_server, c);
	if (c->keepalive && !keepalive_settle(c, by, r == RELAY_EOF ||
						     r == RELAY_SOURCE_LOST))
		r = RELAY_SINK_LOST;
	if (*bytes != before || w->pongs != pongs)
		note_life(c, by, w->pongs != pongs);
	if (w->closed && !closed)
		note_end(c, &reason_close, by);
	if (!c->cut && watch_is_at_fault(c, by))
		cut_for(c, by);
	/* If the place for our Close was before this end, it goes there. */
	if (by == BY_SERVER && c->goodbye_due &&
	    (r == RELAY_EOF || r == RELAY_SOURCE_LOST))
		tunnel_goodbye(c);
	if (!c->opened)
		return;
	switch (r) {
	case RELAY_EOF:
		on_fin(c, by);
		return;
	case RELAY_SOURCE_LOST:
		from->eof = true; /* there is nothing more to read */
		on_reset(c, by);
		return;
	case RELAY_SINK_LOST:
		on_sink_lost(c, side_other(by));
		return;
	case RELAY_DRY:
	case RELAY_OWED:
		after_pump(c, by, owed, closed);
		return;
	case RELAY_STOPPED: /* where a Ping of ours has its place */
		after_pump(c, by, owed, closed);
		if (c->opened && !to->out)
			pump(c, by);
	}
}

/* A sink took bytes; when it has them all, its source is read again. */
static void
on_writable(struct conn *c, enum side sink)
{
	c->last = clock_ms();
	conn_traffic(c, sink)->owed = c->last;
	if (c->keepalive && !conn_stream(c, sink)->out)
		keepalive_taken(c, sink);
	if (!conn_stream(c, sink)->out && !close_if_done(c))
		pump(c, side_other(sink));
	if (c->opened)
		set_deadline(c);
}

/* A side that is not read tells of its end only. */
static void
on_silent(struct conn *c, enum side by)
{
	const struct stream *s = conn_stream(c, by);

	if (stream_is_silent(s) && !s->fin_sent && c->reset != by &&
	    stream_end(s) == END_GONE)
		on_reset(c, by);
}

static void
on_event(struct conn *c, enum side by, short what)
{
	struct stream *s = conn_stream(c, by);

	if ((what & EV_WRITE) && s->out) {
		if (stream_flush(s))
			on_writable(c, by);
		else
			on_sink_lost(c, by);
	}
	if (!c->opened)
		return;
	if (!(what & EV_READ))
		on_silent(c, by);
	else
		pump(c, by);
}

void
tunnel_on_client(struct conn *c, short what)
{
	on_event(c, BY_CLIENT, what);
}

void
tunnel_on_server(struct conn *c, short what)
{
	on_event(c, BY_SERVER, what);
}

/*
 * Sends the Pings that are due, and reads once more from a side that seems to
 * be gone: if we were held up, the deadline may be found before the bytes are.
 */
static void
keep_alive(struct conn *c)
{
	const struct reason *why;
	enum side lost = keepalive_ping(c);

	if (lost)
		on_sink_lost(c, lost);
	else if (keepalive_due(c, &why) <= clock_ms() && why)
		pump(c, why == &reason_client_ping_timeout ? BY_CLIENT
							    : BY_SERVER);
}

/* A goodbye, but at most so long as anybody has for the answer to a Close. */
static void
end_soon(struct conn *c, const struct reason *why, enum side by)
{
	uint64_t now = clock_ms();

	note_end(c, why, by);
	if (c->expires <= now || now + CLOSE_WAIT < c->expires)
		c->expires = now + CLOSE_WAIT;
	set_deadline(c);
	tunnel_goodbye(c);
}

/* Those that began together do not end together. */
static uint64_t
expiry(struct conn *c, uint64_t lifetime)
{
	if (lifetime == 0)
		return 0;
	return c->born + lifetime -
	       worker_random(c->worker) % (lifetime / 10 + 1);
}

/* Nothing has run out yet, whatever the deadline stood for. */
static bool
was_life(struct conn *c, const struct reason *why, uint64_t due)
{
	enum side sink = why == &reason_stall_client ? BY_CLIENT : BY_SERVER;

	if (due == 0 || due > clock_ms() || !why)
		return true;
	if (!conn_is_slow_only(c, why))
		return false;
	conn_traffic(c, sink)->owed = clock_ms();
	return true;
}

void
tunnel_on_deadline(struct conn *c)
{
	const struct reason *why = NULL;
	uint64_t due;

	if (c->keepalive)
		keep_alive(c);
	if (!c->opened)
		return;
	watch_end(&c->client);
	watch_end(&c->server->s);
	due = earliest(c, &why);
	if (was_life(c, why, due))
		set_deadline(c);
	else if (why == &reason_tunnel_lifetime && !c->ended)
		end_soon(c, &reason_tunnel_lifetime, BY_PROXY);
	else if (is_ending(c))
		conn_close(c, c->ended, c->ended_by);
	else
		conn_close(c, why, BY_PROXY);
}

/* The 101, as it came but for its version and headers of the operator's. */
static bool
send_switching(struct conn *c, const struct head *res)
{
	struct slice came = slice_of(res->base, res->len);
	struct buf *head = NULL;
	bool sent;

	if (c->hs->route->response.n == 0 && forward_is_our_version(res)) {
		witness_switched(c, came, came);
		return stream_send(&c->client, came.p, came.n);
	}
	sent = forward_switching(c, res, &head);
	if (sent) {
		witness_switched(c, came, buf_slice(head));
		sent = stream_send(&c->client, buf_data(head), buf_len(head));
	}
	buf_free(&head);
	return sent;
}

/* What came glued to a head goes on; of the rest the event loop tells. */
static void
begin_side(struct conn *c, enum side by)
{
	if (conn_stream(c, by)->in || conn_stream(c, side_other(by))->out)
		pump(c, by);
	else
		stream_set_reading(conn_stream(c, by), true);
}

void
tunnel_start(struct conn *c, const struct head *res)
{
	if (!keepalive_start(c)) {
		finish_fail(c, &reason_no_memory);
		return;
	}
	frame_watch_init(&c->from_client, true);
	frame_watch_init(&c->from_server, false);
	c->cut = 0;
	c->born = c->last = clock_ms();
	c->traffic = c->server->traffic = (struct traffic){ .owed = c->born };
	c->peer = c->hs->client; /* for who asks later whose it is */
	access_opened(c, res);
	c->opened = true;
	if (!send_switching(c, res)) {
		conn_close(c, &reason_client_reset, BY_CLIENT);
		return;
	}
	buf_take(&c->server->s.in, res->len);
	handshake_free(c);
	conn_set_state(c, CS_TUNNEL);
	c->expires = expiry(c, c->terms->lifetime);
	set_deadline(c);
	begin_side(c, BY_SERVER);
	if (c->opened)
		begin_side(c, BY_CLIENT);
	if (c->opened && c->worker->draining)
		tunnel_goodbye(c);
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
		note_end(c, &reason_drain, BY_PROXY);
		conn_close(c, c->ended, c->ended_by);
		return;
	}
	c->goodbye_due = !has_place_for_close(c);
	if (c->goodbye_due)
		return;
	n = frame_close(frame, c->worker->close_code, NULL);
	note_end(c, &reason_drain, BY_PROXY);
	conn_set_state(c, CS_CLOSING);
	if (c->keepalive)
		keepalive_forget(c, BY_SERVER);
	stream_set_reading(&c->server->s, true);
	c->last = c->traffic.owed = clock_ms();
	if (!stream_send(&c->client, frame, n))
		on_reset(c, BY_CLIENT);
	else if (c->client.eof && !c->client.out)
		conn_close(c, c->ended, c->ended_by);
	else
		set_deadline(c);
}

void
tunnel_kill(struct conn *c)
{
	if (c->ended == &reason_kill)
		return;
	/* A FIN alone has ended one direction: what ends both is the reason. */
	if (!is_ending(c))
		c->ended = NULL;
	end_soon(c, &reason_kill, BY_OPERATOR);
}

bool
tunnel_cut(struct conn *c)
{
	bool told = is_ending(c);

	if (told)
		conn_close(c, c->ended, c->ended_by);
	else
		conn_close(c, &reason_cut, BY_PROXY);
	return !told;
}
