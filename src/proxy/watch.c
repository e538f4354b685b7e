/* SPDX-License-Identifier: ISC */
/*
 * watch.c: what a tunnel's two relays show of the frames that go by.
 */
#include "proxy/watch.h"

#include "proxy/access.h"
#include "proxy/keepalive.h"

bool
watch_is_at_fault(struct conn *c, enum side by)
{
	const struct frame_watch *w = conn_frames(c, by);

	return w->over || (w->lost && c->terms->strict);
}

bool
watch_is_told(const struct conn *c, enum side s)
{
	return s == BY_CLIENT ? c->told_client : c->told_server;
}

void
watch_set_told(struct conn *c, enum side s)
{
	if (s == BY_CLIENT)
		c->told_client = true;
	else
		c->told_server = true;
}

/*
 * How many bytes go on, of earlier reads too.  Where we end the tunnel, that
 * is the rest of a frame; behind it comes our Close.
 */
static size_t
see(struct conn *c, enum side by, char *p, size_t n, size_t *pass)
{
	struct frame_watch *w = conn_frames(c, by);
	size_t good, all = n;

	*pass = 0;
	if (watch_is_at_fault(c, by) || watch_is_told(c, side_other(by)))
		return 0;
	if (c->cut)
		return *pass = frame_watch_one(w, p, n);
	if (c->keepalive)
		all = keepalive_watch(c, by, p, n, pass, &good);
	else
		good = frame_watch(w, p, *pass = n, c->terms->message);
	if (watch_is_at_fault(c, by)) {
		all -= *pass - good;
		*pass = good;
	}
	return all;
}

/*
 * A Ping that waits for a place goes to the first that these bytes lead to;
 * how many that is, or n.  Those behind it stay until it is sent.
 */
static size_t
before_ping(struct conn *c, enum side by, const char *p, size_t n)
{
	if (!c->keepalive || !keepalive_waits(c, by))
		return n;
	return frame_place(conn_frames(c, by), p, n, true);
}

static size_t
see_client(void *arg, char *p, size_t n, size_t *pass)
{
	struct conn *c = arg;

	n = before_ping(c, BY_CLIENT, p, n);
	c->traffic.bytes += see(c, BY_CLIENT, p, n, pass);
	return n;
}

static size_t
see_server(void *arg, char *p, size_t n, size_t *pass)
{
	struct conn *c = arg;
	size_t most, passed;

	most = n = before_ping(c, BY_SERVER, p, n);
	/* Where our Close will stand, and what comes behind that, goes nowhere. */
	if (c->goodbye_due)
		most = frame_place(&c->from_server, p, n, c->worker->hurried);
	*pass = 0;
	if (most == 0)
		return n;
	passed = see(c, BY_SERVER, p, most, pass);
	c->server->traffic.bytes += passed;
	if (passed > 0)
		access_data(c, passed);
	return n;
}

/* What need not be seen: the payload of large data frames. */
static uint64_t
ahead_of(struct conn *c, enum side by, const char *p, size_t n)
{
	const struct frame_watch *w = conn_frames(c, by);

	if (c->cut || watch_is_at_fault(c, by) ||
	    (c->keepalive && keepalive_holds(c, by)))
		return 0;
	if (w->lost)
		return UINT64_MAX;
	if (n > 0 && ((by == BY_SERVER && c->goodbye_due) ||
		      (c->keepalive && keepalive_waits(c, by))))
		return 0;
	if (n == 0)
		return w->message >= RELAY_LARGE ? frame_payload_left(w) : 0;
	return frame_ahead(w, p, n, c->terms->message);
}

static void
skip_of(struct conn *c, enum side by, const char *p, size_t n, size_t k)
{
	struct frame_watch *w = conn_frames(c, by);
	size_t seen = n < k ? n : k;

	if (!w->lost) {
		if (seen > 0)
			(void)frame_watch(w, p, seen, c->terms->message);
		frame_skip(w, k - seen);
	}
	if (c->keepalive)
		keepalive_skipped(c, by);
	conn_traffic(c, by)->bytes += k;
	if (by == BY_SERVER)
		access_data(c, k);
}

static uint64_t
client_ahead(void *arg, const char *p, size_t n)
{
	return ahead_of(arg, BY_CLIENT, p, n);
}

static uint64_t
server_ahead(void *arg, const char *p, size_t n)
{
	return ahead_of(arg, BY_SERVER, p, n);
}

static void
skip_client(void *arg, const char *p, size_t n, size_t k)
{
	skip_of(arg, BY_CLIENT, p, n, k);
}

static void
skip_server(void *arg, const char *p, size_t n, size_t k)
{
	skip_of(arg, BY_SERVER, p, n, k);
}

const struct relay_watch watch_client = {
	.see = see_client,
	.ahead = client_ahead,
	.skip = skip_client,
	.peek = FRAME_HEADER_MAX,
};

const struct relay_watch watch_server = {
	.see = see_server,
	.ahead = server_ahead,
	.skip = skip_server,
	.peek = FRAME_HEADER_MAX,
};
