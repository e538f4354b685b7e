/* SPDX-License-Identifier: ISC */
/*
 * keepalive.c: Pings of ours to the sides of a tunnel that are silent.
 *
 * A Ping goes between two frames, and only when nothing else is owed.  One of
 * ours is on its way to a side at most; what it says meanwhile puts off the
 * verdict, as if we had to ask again.
 */
#include "proxy/keepalive.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/sockopt.h"
#include "proto/ping.h"

#define NEVER UINT64_MAX
#define NAME "bowsprit" /* a tag begins with it; the rest is random */

struct side_state {
	struct pinged pinged;
	bool wanted;     /* is to be pinged at all */
	bool blocked;    /* its Ping waits for a place */
	uint64_t seen;   /* ms: its last byte */
	uint64_t sent;   /* ms: our Ping taken by the kernel; 0: not yet */
	uint64_t owing;  /* ms: it has owed a Pong to the other side since */
};

struct keepalive {
	uint32_t interval, timeout; /* ms */
	bool moved; /* something happened that sets the deadline anew */
	bool lost;  /* the sink, while bytes went to it */
	struct side_state sides[2];
};

static struct side_state *
state_of(const struct conn *c, enum side by)
{
	return &c->keepalive->sides[by == BY_CLIENT ? 0 : 1];
}

static bool
is_owed(const struct conn *c, enum side to)
{
	return to == BY_CLIENT ? c->client.out : c->server->s.out;
}

/* A Ping is of use only if it does not wait behind megabytes. */
static void
begin_side(struct conn *c, enum side s, bool wanted, uint64_t now)
{
	*state_of(c, s) = (struct side_state){ .wanted = wanted, .seen = now };
	if (wanted)
		sock_set_unsent_limit(stream_fd(conn_stream(c, s)),
				      SOCK_UNSENT_LIMIT);
}

bool
keepalive_start(struct conn *c)
{
	const struct conf_route *r = c->hs->route;
	uint64_t now = clock_ms();
	struct keepalive *k;

	if (r->timeouts.ping_interval == 0 ||
	    r->timeouts.ping_interval > UINT32_MAX)
		return true;
	k = calloc(1, sizeof(*k));
	if (!k)
		return false;
	k->interval = (uint32_t)r->timeouts.ping_interval;
	k->timeout = r->timeouts.ping_timeout < UINT32_MAX
		     ? (uint32_t)r->timeouts.ping_timeout : 0;
	c->keepalive = k;
	begin_side(c, BY_CLIENT, r->ping & PING_CLIENT, now);
	begin_side(c, BY_SERVER, r->ping & PING_BACKEND, now);
	return true;
}

size_t
keepalive_watch(struct conn *c, enum side by, char *p, size_t n, size_t *pass,
		size_t *good)
{
	struct side_state *from = state_of(c, by);
	struct side_state *to = state_of(c, side_other(by));
	bool waited = from->pinged.waiting, owed = from->pinged.owes;
	bool owes = to->pinged.owes;
	uint8_t back[PING_MAX];
	size_t nback;

	*pass = ping_filter(&from->pinged, &to->pinged, conn_frames(c, by),
			    (uint8_t *)p, n, c->terms->message, back, &nback,
			    good);
	from->seen = clock_ms();
	if (!owes && to->pinged.owes)
		to->owing = from->seen;
	if (waited != from->pinged.waiting || owed != from->pinged.owes)
		c->keepalive->moved = true;
	if (nback > 0 && !stream_send(conn_stream(c, side_other(by)), back,
				      nback)) {
		c->keepalive->lost = true;
		*pass = *good = 0;
	}
	return nback + *pass;
}

void
keepalive_skipped(struct conn *c, enum side by)
{
	state_of(c, by)->seen = clock_ms();
}

bool
keepalive_settle(struct conn *c, enum side by, bool end)
{
	struct pinged *s = &state_of(c, by)->pinged;
	size_t n = s->nheld;

	if (c->keepalive->lost)
		return false;
	if (!end || n == 0)
		return true;
	s->nheld = 0;
	conn_traffic(c, by)->bytes += n;
	return stream_send(conn_stream(c, side_other(by)), s->held, n);
}

bool
keepalive_holds(const struct conn *c, enum side by)
{
	return state_of(c, by)->pinged.nheld > 0;
}

void
keepalive_forget(struct conn *c, enum side by)
{
	state_of(c, by)->pinged.nheld = 0;
}

bool
keepalive_waits(const struct conn *c, enum side by)
{
	return state_of(c, side_other(by))->blocked;
}

bool
keepalive_is_free(struct conn *c, enum side by)
{
	struct side_state *to = state_of(c, side_other(by));
	bool moved = c->keepalive->moved;

	c->keepalive->moved = false;
	if (!to->blocked || is_owed(c, side_other(by)) ||
	    !frame_at_boundary(conn_frames(c, by)))
		return moved;
	to->blocked = false;
	return true;
}

void
keepalive_taken(struct conn *c, enum side to)
{
	struct side_state *s = state_of(c, to);

	if (s->pinged.waiting && s->sent == 0)
		s->sent = clock_ms();
	/* The other one was not read meanwhile: who knows what it said? */
	state_of(c, side_other(to))->seen = clock_ms();
}

/* Are there frames in both directions, and nobody's Close among them? */
static bool
has_place(const struct conn *c)
{
	const struct frame_watch *a = &c->from_client, *b = &c->from_server;

	return c->state == CS_TUNNEL && !c->reset && !a->lost && !b->lost &&
	       !a->closed && !b->closed;
}

static uint64_t
later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t
side_due(const struct conn *c, enum side to)
{
	const struct keepalive *k = c->keepalive;
	const struct side_state *s = state_of(c, to);

	/* Whom we do not read is not silent. */
	if (!s->wanted || s->blocked || !has_place(c) ||
	    is_owed(c, side_other(to)))
		return NEVER;
	if (s->pinged.waiting) {
		if (!s->sent || !k->timeout)
			return NEVER;
		return k->timeout + (s->seen > s->sent ? s->seen + k->interval
						       : s->sent);
	}
	if (!s->pinged.owes)
		return s->seen + k->interval;
	/* It does not answer the other side either: then let it be ours. */
	return k->timeout ? later(s->seen + k->interval,
				  s->owing + k->timeout) : NEVER;
}

uint64_t
keepalive_due(const struct conn *c, const struct reason **why)
{
	uint64_t client = side_due(c, BY_CLIENT);
	uint64_t server = side_due(c, BY_SERVER);
	enum side first = client <= server ? BY_CLIENT : BY_SERVER;

	*why = NULL;
	if (state_of(c, first)->pinged.waiting)
		*why = first == BY_CLIENT ? &reason_client_ping_timeout
					  : &reason_server_ping_timeout;
	return first == BY_CLIENT ? client : server;
}

/* Random bytes, of a batch. */
static bool
take_keys(struct worker *w, uint8_t *out, unsigned n)
{
	if (w->nkeys < n) {
		if (RAND_bytes(w->keys, KEYS) != 1)
			return false;
		w->nkeys = KEYS;
	}
	w->nkeys -= n;
	memcpy(out, w->keys + w->nkeys, n);
	return true;
}

/* False when that side's connection is lost. */
static bool
ping(struct conn *c, enum side to)
{
	struct side_state *s = state_of(c, to);
	struct stream *stream = conn_stream(c, to);
	uint8_t frame[PING_MAX], mask[4], tag[PING_TAG] = NAME;
	bool masked = to == BY_SERVER;
	size_t n;

	s->blocked = stream->out ||
		     !frame_at_boundary(conn_frames(c, side_other(to)));
	if (s->blocked)
		return true;
	if (!take_keys(c->worker, tag + strlen(NAME),
		       PING_TAG - strlen(NAME)) ||
	    !take_keys(c->worker, mask, sizeof(mask))) {
		s->seen = clock_ms(); /* another time */
		return true;
	}
	n = ping_frame(frame, tag, masked ? mask : NULL);
	ping_sent(&s->pinged, tag);
	if (!stream_send(stream, frame, n))
		return false;
	s->sent = stream->out ? 0 : clock_ms();
	if (stream->out)
		conn_traffic(c, to)->owed = clock_ms();
	return true;
}

enum side
keepalive_ping(struct conn *c)
{
	static const enum side all[] = { BY_CLIENT, BY_SERVER };
	uint64_t now = clock_ms();

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (!state_of(c, all[i])->pinged.waiting &&
		    side_due(c, all[i]) <= now && !ping(c, all[i]))
			return all[i];
	return BY_NOBODY;
}
