/* SPDX-License-Identifier: ISC */
/*
 * tunnel_times.c: what a tunnel may run out of, and what comes of it.
 */
#include "base/clock.h"
#include "proxy/keepalive.h"
#include "proxy/tunnel.h"
#include "proxy/tunnel_impl.h"

/* In a drain a silent server has this long to end after the client's end. */
#define SERVER_WAIT 1000
/* A FIN that is not followed by the other side's has this long. */
#define FIN_ALONE 1000

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
	if (l->idle && !tunnel_owes(c))
		sooner(&due, why, c->last + l->idle, &reason_tunnel_idle);
	if (c->expires)
		sooner(&due, why, c->expires, &reason_tunnel_lifetime);
	if (c->from_client.closed && c->from_server.closed)
		sooner(&due, why, c->last + TUNNEL_CLOSE_WAIT, &reason_close);
	else if (c->state == CS_HALF && l->half_close)
		sooner(&due, why, c->last + l->half_close,
		       &reason_half_close);
	if (c->state == CS_CLOSING)
		sooner(&due, why, c->last + (c->server->s.fin_sent
					     ? SERVER_WAIT : TUNNEL_CLOSE_WAIT),
		       c->ended);
	if (c->reset && !tunnel_owes(c))
		sooner(&due, why, c->last + TUNNEL_CLOSE_WAIT, c->ended);
	if (!c->reset &&
	    (is_unwatched(&c->client) || is_unwatched(&c->server->s)))
		sooner(&due, why, c->last + FIN_ALONE, NULL);
	if (c->keepalive) {
		ping = keepalive_due(c, &reason);
		sooner(&due, why, ping, reason);
	}
	return due == UINT64_MAX ? 0 : due;
}

void
tunnel_set_deadline(struct conn *c)
{
	const struct reason *why;
	uint64_t due = earliest(c, &why);

	if (due)
		deadline_set(&c->worker->wheel, &c->deadline, due);
	else
		deadline_clear(&c->deadline);
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
		tunnel_on_sink_lost(c, lost);
	else if (keepalive_due(c, &why) <= clock_ms() && why)
		tunnel_pump(c, why == &reason_client_ping_timeout
				       ? BY_CLIENT : BY_SERVER);
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

void
tunnel_begin_times(struct conn *c)
{
	c->expires = expiry(c, c->terms->lifetime);
	tunnel_set_deadline(c);
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
		tunnel_set_deadline(c);
	else if (why == &reason_tunnel_lifetime && !tunnel_is_ending(c))
		tunnel_end_soon(c, &reason_tunnel_lifetime, BY_PROXY);
	else if (tunnel_is_ending(c))
		conn_close(c, c->ended, c->ended_by);
	else
		conn_close(c, why, BY_PROXY);
}
