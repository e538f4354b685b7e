/* SPDX-License-Identifier: ISC */
/*
 * exchange.c: one ordinary request and its response, bodies streamed both ways.
 */
#include "proxy/exchange.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/relay.h"
#include "proxy/access.h"
#include "proxy/client.h"
#include "proxy/finish.h"
#include "proxy/forward.h"
#include "proxy/server.h"

#define HELD_MAX (16 * 1024) /* of a request's body, for a retry */
/* A client that sent FIN may wait for an answer, or be gone: silence tells. */
#define FIN_SILENCE 5000

static const struct conf_timeouts *
times(const struct conn *c)
{
	return &c->hs->route->timeouts;
}

/* What the exchange waits for now, and how long it may. */
static const struct reason *
awaited(const struct conn *c, uint64_t *ms)
{
	const struct handshake *hs = c->hs;
	bool asked = hs->req_body.done || hs->request_dead;

	*ms = times(c)->stall;
	if (c->client.out)
		return &reason_stall_client;
	if (c->server->s.out)
		return &reason_stall_server;
	*ms = times(c)->response;
	if (c->state == CS_ANSWER)
		return asked ? &reason_response_timeout
			     : &reason_body_timeout;
	*ms = FIN_SILENCE;
	if (c->state == CS_BODY && c->client.eof && !hs->res_body.done &&
	    hs->res_body.kind != BODY_LENGTH)
		return &reason_client_gone;
	*ms = 0;
	return NULL;
}

/* Time starts anew when something else is waited for, or on progress. */
static void
set_deadline(struct conn *c, bool progress)
{
	uint64_t ms;
	const struct reason *why = awaited(c, &ms);

	if (why != c->due || progress)
		conn_set_deadline(c, ms, why);
}

/* ---- the request's body ---- */

static void
hold(struct handshake *hs, const char *p, size_t n)
{
	if (!hs->held_all)
		return;
	if (buf_len(hs->held) + n > HELD_MAX || !buf_add(&hs->held, p, n)) {
		hs->held_all = false;
		buf_free(&hs->held);
	}
}

static size_t
watch_request(void *arg, char *p, size_t n, size_t *pass)
{
	struct conn *c = arg;
	size_t used = body_feed(&c->hs->req_body, p, n, pass);

	hold(c->hs, p, *pass);
	return used;
}

static uint64_t
request_ahead(void *arg, const char *p, size_t n)
{
	const struct conn *c = arg;

	(void)p;
	return n == 0 && !c->hs->held_all ? body_ahead(&c->hs->req_body) : 0;
}

static void
skip_request(void *arg, const char *p, size_t n, size_t k)
{
	struct conn *c = arg;

	(void)p;
	(void)n;
	body_skip(&c->hs->req_body, k);
}

static const struct relay_watch of_request = {
	.see = watch_request,
	.ahead = request_ahead,
	.skip = skip_request,
};

/*
 * The server takes no more.  It may have answered before: what it said is read
 * to its end, and only then is this a failure.
 */
static void
request_lost(struct conn *c)
{
	c->hs->request_dead = true;
	stream_forget(&c->server->s);
	stream_set_reading(&c->client, false);
	stream_set_reading(&c->server->s, true);
	set_deadline(c, true);
}

static void
refuse_body(struct conn *c)
{
	struct refusal r = { .why = &reason_bad_body,
			     .text = c->hs->req_body.bad };

	if (c->hs->answered)
		conn_close(c, &reason_bad_body, BY_CLIENT);
	else {
		c->close_after = true;
		finish_refuse(c, &r);
	}
}

static void
pump_request(struct conn *c)
{
	struct handshake *hs = c->hs;
	uint64_t before = hs->req_body.total;
	enum relay r;

	if (hs->req_body.done || hs->request_dead)
		return;
	r = relay_move(&c->client, &c->server->s, &c->worker->tools,
		       &of_request, c);
	if (hs->req_body.bad) {
		refuse_body(c);
	} else if (r == RELAY_SINK_LOST) {
		request_lost(c);
	} else if (r == RELAY_SOURCE_LOST) {
		conn_close(c, conn_loss(c, BY_CLIENT), BY_CLIENT);
	} else if (r == RELAY_EOF && !hs->req_body.done) {
		conn_close(c, &reason_client_gone, BY_CLIENT);
	} else {
		if (r == RELAY_EOF)
			stream_set_reading(&c->client, false);
		set_deadline(c, c->due == &reason_body_timeout &&
				hs->req_body.total != before);
	}
}

void
exchange_begin(struct conn *c)
{
	c->hs->held_all = c->hs->from_pool;
	c->client.bulk = request_ahead(c, NULL, 0) >= RELAY_SCRATCH;
	pump_request(c);
	if (c->state != CS_ANSWER)
		return;
	if (c->hs->req_body.done)
		stream_set_reading(&c->client, !c->client.eof);
	set_deadline(c, true);
}

bool
exchange_rewind(struct conn *c)
{
	struct handshake *hs = c->hs;

	if (hs->held) {
		if (!buf_add(&hs->held, buf_data(c->client.in),
			     buf_len(c->client.in)))
			return false;
		buf_free(&c->client.in);
		c->client.in = hs->held;
		hs->held = NULL;
	}
	forward_body(hs);
	hs->request_dead = false;
	return true;
}

bool
exchange_flush_request(struct conn *c)
{
	struct stream *s = &c->server->s;

	if (!s->out)
		return true;
	if (c->hs->upgrade == UPGRADE_WEBSOCKET) {
		/* A failure is read off the socket: its deadline stays. */
		if (!stream_flush(s))
			stream_forget(s);
		return true;
	}
	if (!stream_flush(s)) {
		request_lost(c);
		return true;
	}
	c->hs->request_sent = true;
	if (!s->out)
		pump_request(c);
	if (c->state != CS_ANSWER && c->state != CS_BODY)
		return false;
	set_deadline(c, true);
	return true;
}

/* ---- the response ---- */

/* How long its connection may be kept: Keep-Alive: timeout=N, less 1 s. */
static uint64_t
keep_time(const struct conn *c, const struct head *res)
{
	struct slice list = head_value(res, F_KEEP_ALIVE), e;

	while (slice_next_element(&list, &e)) {
		uint64_t s = 0;

		if (e.n < 9 || !slice_ieq(slice_of(e.p, 8), SLICE("timeout=")))
			continue;
		for (size_t i = 8; i < e.n && isdigit((unsigned char)e.p[i]) &&
				   s < 86400; i++)
			s = s * 10 + (uint64_t)(e.p[i] - '0');
		return s > 1 ? (s - 1) * 1000 : 0;
	}
	return times(c)->backend_keepalive;
}

static size_t
watch_response(void *arg, char *p, size_t n, size_t *pass)
{
	struct conn *c = arg;
	size_t used = body_feed(&c->hs->res_body, p, n, pass);

	c->hs->sent += *pass;
	return used;
}

static uint64_t
response_ahead(void *arg, const char *p, size_t n)
{
	const struct conn *c = arg;

	(void)p;
	return n == 0 ? body_ahead(&c->hs->res_body) : 0;
}

static void
skip_response(void *arg, const char *p, size_t n, size_t k)
{
	struct conn *c = arg;

	(void)p;
	(void)n;
	body_skip(&c->hs->res_body, k);
	c->hs->sent += k;
}

static const struct relay_watch of_response = {
	.see = watch_response,
	.ahead = response_ahead,
	.skip = skip_response,
};

/* All of it is with the client: what becomes of the two connections? */
static void
finish(struct conn *c)
{
	struct handshake *hs = c->hs;
	bool whole = hs->req_body.done && !hs->request_dead;

	access_answered(c);
	if (whole && hs->keep > 0 && !c->server->s.in && !c->server->s.eof)
		server_release(c, hs->keep);
	else
		server_drop(c);
	if (whole && !c->close_after)
		client_next(c);
	else
		finish_linger(c);
}

static void
check_done(struct conn *c)
{
	if (c->hs->res_body.done && !c->client.out)
		finish(c);
	else
		set_deadline(c, false);
}

/* The response breaks off. */
static void
cut(struct conn *c, const struct reason *why)
{
	conn_close(c, why, BY_SERVER);
}

bool
exchange_is_cut(const struct conn *c)
{
	const struct body *b = &c->hs->res_body;

	return c->state == CS_BODY && !b->done &&
	       (b->kind == BODY_UNTIL_CLOSE || b->strip);
}

/*
 * The server has ended: was that all?  With TLS a FIN alone may be somebody
 * else's, so that it does not end a body whose end nothing else tells.
 */
static bool
is_whole(struct conn *c)
{
	return !stream_is_cut(&c->server->s) && body_eof(&c->hs->res_body);
}

static void
pump_response(struct conn *c)
{
	struct body *b = &c->hs->res_body;
	enum relay r = relay_move(&c->server->s, &c->client,
				  &c->worker->tools, &of_response, c);

	if (b->bad) {
		cut(c, &reason_bad_response);
		return;
	}
	switch (r) {
	case RELAY_SINK_LOST:
		conn_close(c, &reason_client_gone, BY_CLIENT);
		return;
	case RELAY_SOURCE_LOST:
	case RELAY_EOF:
		c->hs->keep = 0;
		/* Behind its last byte one end is as good as another. */
		if (!b->done && (r == RELAY_SOURCE_LOST || !is_whole(c))) {
			cut(c, stream_tls_fault(&c->server->s)
				       ? &reason_server_tls_fault
				       : &reason_server_truncated);
			return;
		}
		break;
	case RELAY_OWED:
		c->hs->choked = true;
		break;
	case RELAY_DRY:
	case RELAY_STOPPED:
		break;
	}
	if (c->due == &reason_client_gone)
		set_deadline(c, true);
	check_done(c);
}

/* The edited head, and what came of the body with it, in one piece. */
static bool
render_answer(struct conn *c, const struct head *res, struct buf **out)
{
	struct handshake *hs = c->hs;
	struct buf **in = &c->server->s.in;
	struct forward_answer how = { .to_http10 = hs->req.minor == 0,
				      .closes = c->close_after };
	size_t pass = 0, used;

	/* Room for both, unless much is added to the head. */
	if (!buf_reserve(out, buf_len(*in)) ||
	    !forward_response(c, res, &how, out))
		return false;
	buf_take(in, res->len);
	if (!*in || hs->res_body.done)
		return true;
	used = watch_response(c, buf_data(*in), buf_len(*in), &pass);
	if (!buf_add(out, buf_data(*in), pass))
		return false;
	buf_take(in, used);
	return true;
}

void
exchange_answer(struct conn *c, const struct head *res)
{
	struct handshake *hs = c->hs;
	struct buf *out = NULL;
	bool upgrade = hs->upgrade == UPGRADE_WEBSOCKET, ok;

	limit_leave(c); /* the upgrade is refused, if it was one */
	body_of_response(&hs->res_body, res, hs->req.method);
	hs->res_body.strip = hs->req.minor == 0 &&
			     hs->res_body.kind == BODY_CHUNKED;
	hs->status = res->status;
	hs->keep = res->persistent && !upgrade && !hs->asks_close &&
				   !c->worker->draining &&
				   hs->res_body.kind != BODY_UNTIL_CLOSE
			   ? keep_time(c, res)
			   : 0;
	if (upgrade || c->worker->draining || hs->res_body.strip ||
	    hs->res_body.kind == BODY_UNTIL_CLOSE || !hs->req_body.done)
		c->close_after = true;
	ok = render_answer(c, res, &out);
	hs->answered = true;
	c->server->s.bulk = body_ahead(&hs->res_body) >= RELAY_SCRATCH;
	conn_set_state(c, CS_BODY);
	if (!ok) {
		buf_free(&out);
		conn_close(c, &reason_no_memory, BY_PROXY);
		return;
	}
	ok = stream_send(&c->client, buf_data(out), buf_len(out));
	buf_free(&out);
	if (!ok)
		conn_close(c, &reason_client_gone, BY_CLIENT);
	else if (hs->res_body.bad)
		cut(c, &reason_bad_response);
	else if (c->server->s.eof && !hs->res_body.done && !is_whole(c))
		cut(c, &reason_server_truncated);
	else
		check_done(c);
}

/* ---- events ---- */

/* After the request: the next one's bytes are kept, up to a head's size. */
static void
read_ahead(struct conn *c)
{
	size_t len = buf_len(c->client.in), max = c->hs->conf->max_head;
	ssize_t got;

	if (len >= max) {
		stream_set_reading(&c->client, false);
		return;
	}
	got = stream_read_in(&c->client, c->worker->tools.scratch,
			     max - len < RELAY_SCRATCH ? max - len
						       : RELAY_SCRATCH);
	if (got == -2)
		conn_close(c, conn_loss(c, BY_CLIENT), BY_CLIENT);
	if (got == 0) {
		stream_set_reading(&c->client, false);
		set_deadline(c, true);
	}
}

void
exchange_on_client(struct conn *c, unsigned news)
{
	enum conn_state before = c->state;

	if ((news & NEWS_WRITE) && c->state == CS_BODY && !c->client.out) {
		if (c->hs->res_body.done)
			finish(c);
		else
			pump_response(c);
	}
	if (c->state != before)
		return;
	if (news & NEWS_WRITE)
		set_deadline(c, true);
	if (!(news & NEWS_READ)) {
		if (stream_is_silent(&c->client) &&
		    stream_end(&c->client) == END_GONE)
			conn_close(c, &reason_client_gone, BY_CLIENT);
	} else if (c->hs->req_body.done) {
		read_ahead(c);
	} else {
		pump_request(c);
	}
}

/* It has said all it had to: another word, and it is not kept. */
static void
on_surplus(struct conn *c)
{
	c->hs->keep = 0;
	stream_set_reading(&c->server->s, false);
}

void
exchange_on_server(struct conn *c, unsigned news)
{
	if ((news & NEWS_WRITE) && !exchange_flush_request(c))
		return;
	if (c->state != CS_BODY)
		return;
	if (c->hs->res_body.done) {
		on_surplus(c);
	} else if (news & NEWS_READ) {
		if (!c->hs->choked)
			c->server->idle_since = clock_ms();
		pump_response(c);
	} else if (stream_is_silent(&c->server->s) && !c->client.out &&
		   stream_end(&c->server->s) == END_GONE) {
		cut(c, &reason_server_truncated);
	}
}

void
exchange_on_deadline(struct conn *c)
{
	if (conn_is_slow_only(c, c->due))
		set_deadline(c, true);
	else if (c->state == CS_ANSWER)
		finish_fail(c, c->due);
	else
		conn_close(c, c->due, c->due == &reason_client_gone
					      ? BY_CLIENT : BY_PROXY);
}
