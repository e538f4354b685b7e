/* SPDX-License-Identifier: ISC */
/*
 * tunnel.c: an open WebSocket: policy on two relays.
 *
 * Bytes go on as they come.  A watcher on each direction counts messages and
 * sees a Close go by; nothing here changes a frame.
 */
#include "proxy/tunnel.h"

#include "base/clock.h"
#include "net/relay.h"
#include "proxy/access.h"
#include "proxy/finish.h"
#include "proxy/forward.h"
#include "proxy/keepalive.h"
#include "proxy/tunnel_impl.h"
#include "proxy/watch.h"
#include "proxy/witness.h"

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
		tunnel_tell(c);
	} else if (c->state == CS_CLOSING && c->from_client.closed) {
		stream_finish(&c->client);
		stream_finish(to);
		tunnel_set_deadline(c);
	} else if ((to->out != NULL) != owed || closes != closed) {
		tunnel_set_deadline(c);
	}
	if (c->keepalive && c->opened && keepalive_is_free(c, by))
		tunnel_on_deadline(c);
	if (c->goodbye_due && c->opened)
		tunnel_goodbye(c);
}

void
tunnel_on_sink_lost(struct conn *c, enum side by)
{
	tunnel_on_reset(c, by);
	if (c->opened)
		tunnel_pump(c, by);
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
		tunnel_on_reset(c, BY_SERVER); /* as good an end as another */
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
void
tunnel_pump(struct conn *c, enum side by)
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
		tunnel_note_end(c, &reason_close, by);
	if (!c->cut && watch_is_at_fault(c, by))
		tunnel_cut_for(c, by);
	/* If the place for our Close was before this end, it goes there. */
	if (by == BY_SERVER && c->goodbye_due &&
	    (r == RELAY_EOF || r == RELAY_SOURCE_LOST))
		tunnel_goodbye(c);
	if (!c->opened)
		return;
	switch (r) {
	case RELAY_EOF:
		tunnel_on_fin(c, by);
		return;
	case RELAY_SOURCE_LOST:
		from->eof = true; /* there is nothing more to read */
		tunnel_on_reset(c, by);
		return;
	case RELAY_SINK_LOST:
		tunnel_on_sink_lost(c, side_other(by));
		return;
	case RELAY_DRY:
	case RELAY_OWED:
		after_pump(c, by, owed, closed);
		return;
	case RELAY_STOPPED: /* where a Ping of ours has its place */
		after_pump(c, by, owed, closed);
		if (c->opened && !to->out)
			tunnel_pump(c, by);
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
	if (!conn_stream(c, sink)->out && !tunnel_close_if_done(c))
		tunnel_pump(c, side_other(sink));
	if (c->opened)
		tunnel_set_deadline(c);
}

/* A side that is not read tells of its end only. */
static void
on_silent(struct conn *c, enum side by)
{
	const struct stream *s = conn_stream(c, by);

	if (stream_is_silent(s) && !s->fin_sent && c->reset != by &&
	    stream_end(s) == END_GONE)
		tunnel_on_reset(c, by);
}

static void
on_event(struct conn *c, enum side by, unsigned news)
{
	struct stream *s = conn_stream(c, by);

	if ((news & NEWS_WRITE) && s->out) {
		if (stream_flush(s))
			on_writable(c, by);
		else
			tunnel_on_sink_lost(c, by);
	}
	if (!c->opened)
		return;
	if (!(news & NEWS_READ))
		on_silent(c, by);
	else
		tunnel_pump(c, by);
}

void
tunnel_on_client(struct conn *c, unsigned news)
{
	on_event(c, BY_CLIENT, news);
}

void
tunnel_on_server(struct conn *c, unsigned news)
{
	on_event(c, BY_SERVER, news);
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
		tunnel_pump(c, by);
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
	tunnel_begin_times(c);
	begin_side(c, BY_SERVER);
	if (c->opened)
		begin_side(c, BY_CLIENT);
	if (c->opened && c->worker->draining)
		tunnel_goodbye(c);
}
