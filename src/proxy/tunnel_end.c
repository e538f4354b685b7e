/* SPDX-License-Identifier: ISC */
/*
 * tunnel_end.c: what the end of a side, by FIN or reset, is to a tunnel.
 */
#include "base/clock.h"
#include "proxy/access.h"
#include "proxy/finish.h"
#include "proxy/server.h"
#include "proxy/tunnel.h"
#include "proxy/tunnel_impl.h"

void
tunnel_note_end(struct conn *c, const struct reason *why, enum side by)
{
	uint64_t soon = clock_ms() + TUNNEL_CLOSE_WAIT;

	if (c->ended)
		return;
	c->ended = why;
	c->ended_by = by;
	/* A lifetime that is over meanwhile leaves time for the answer. */
	if (c->expires && c->expires < soon)
		c->expires = soon;
}

/* A FIN ends one direction only: what ends the other one may be the reason. */
bool
tunnel_is_ending(const struct conn *c)
{
	if (c->reset || c->state == CS_CLOSING)
		return true;
	return c->ended && c->ended != &reason_eof &&
	       c->ended != &reason_eof_unclean;
}

bool
tunnel_owes(const struct conn *c)
{
	return c->client.out || c->server->s.out;
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
bool
tunnel_close_if_done(struct conn *c)
{
	bool done;

	if (c->reset)
		done = conn_stream(c, c->reset)->eof &&
		       !conn_stream(c, side_other(c->reset))->out;
	else
		done = c->client.eof && c->server->s.eof && !tunnel_owes(c);
	if (done && c->reset == BY_SERVER && !c->client.eof)
		part_from_client(c);
	else if (done)
		conn_close(c, c->ended, c->ended_by);
	return done;
}

void
tunnel_on_fin(struct conn *c, enum side by)
{
	tunnel_note_end(c, stream_is_cut(conn_stream(c, by))
				   ? &reason_eof_unclean : &reason_eof, by);
	c->last = clock_ms();
	/* If that owes nothing yet, its close_notify may be what it will. */
	if (!conn_stream(c, side_other(by))->out)
		conn_traffic(c, side_other(by))->owed = c->last;
	/* The second FIN is that of close(2). */
	if (!conn_stream(c, side_other(by))->tls && tunnel_close_if_done(c))
		return;
	stream_finish(conn_stream(c, side_other(by)));
	if (tunnel_close_if_done(c))
		return;
	if (c->state == CS_TUNNEL)
		conn_set_state(c, CS_HALF);
	tunnel_set_deadline(c);
}

/*
 * A side's connection was reset, or its TLS is broken: it takes nothing any
 * more, so the other one is not read either.  What it said before, here or
 * still in the kernel, goes to the other side first, as far as that takes it.
 */
void
tunnel_on_reset(struct conn *c, enum side by)
{
	tunnel_note_end(c, conn_loss(c, by), by);
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
	if (!tunnel_close_if_done(c))
		tunnel_set_deadline(c);
}

bool
tunnel_cut(struct conn *c)
{
	bool told = tunnel_is_ending(c);

	if (told)
		conn_close(c, c->ended, c->ended_by);
	else
		conn_close(c, &reason_cut, BY_PROXY);
	return !told;
}
