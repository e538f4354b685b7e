/* SPDX-License-Identifier: ISC */
/*
 * server.c: the backend side, up to the response head.
 */
#include "proxy/server.h"

#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "net/relay.h"
#include "net/sockopt.h"
#include "proto/proxyhdr.h"
#include "proxy/access.h"
#include "proxy/dial.h"
#include "proxy/exchange.h"
#include "proxy/finish.h"
#include "proxy/forward.h"
#include "proxy/secure.h"
#include "proxy/tunnel.h"

#define INTERIM_MAX 16
/*
 * An application that ends closes its listening socket last, and the news of
 * its end come after that: so long we wait before a second try, and so long
 * for the news where it refuses.
 */
#define PAUSE_MS 100
#define NEWS_MS 500

static void
on_server(struct watch *w, unsigned news)
{
	struct server *s = container_of(w, struct server, s.watch);

	CHECK_SERVER(s);
	if (s->s.connecting)
		dial_on_event(s);
	else if (!s->in_pool)
		conn_on_server(s->conn, news);
	else if (!s->s.tls || !stream_is_quiet(&s->s)) /* a session ticket */
		pool_discard(&s->worker->pool, s);
}

void
server_free(struct server *s)
{
	CHECK_SERVER(s);
	stream_close(&s->s);
	s->magic = 0;
	chunks_put(s);
}

void
server_watch(struct server *s, int fd, bool here)
{
	stream_init(&s->s, s->conn->worker->poller, fd, on_server);
	stream_connect(&s->s, here);
}

void
server_drop(struct conn *c)
{
	struct server *s = c->server;

	dial_stop(c);
	if (!s)
		return;
	c->server = NULL;
	server_free(s);
}

void
server_release(struct conn *c, uint64_t keep)
{
	struct server *s = c->server;

	/*
	 * Backends are numbered anew by each configuration, and one that
	 * captures choose has no number.  With a PROXY header it is one
	 * client's only.
	 */
	if (c->hs->conf != c->worker->conf || c->hs->chosen ||
	    c->hs->route->send_proxy != PROXY_NONE) {
		server_drop(c);
		return;
	}
	c->server = NULL;
	pool_put(&c->worker->pool, s, keep);
}

static const struct conf_timeouts *
times(const struct conn *c)
{
	return &c->hs->route->timeouts;
}

/* Until it is up; or for `ms`, if we have not heard that it is down. */
static void
wait_for_app(struct conn *c, uint64_t ms, const struct reason *due)
{
	c->hs->waits_app = true;
	if (c->worker->app_ready)
		conn_set_deadline(c, ms, due);
	else
		conn_set_deadline(c, times(c)->boot, &reason_booting);
}

bool
server_awaits_news(struct conn *c)
{
	if (!c->hs->route->backend->is_app || c->worker->draining)
		return false;
	dial_stop(c);
	wait_for_app(c, NEWS_MS, &reason_server_refused);
	return true;
}

/* What is left of an upgrade's time, which began when we could first ask. */
static uint64_t
handshake_left(const struct conn *c)
{
	uint64_t passed = clock_ms() - c->hs->asked;
	uint64_t limit = times(c)->handshake;

	if (limit == 0)
		return 0;
	return passed < limit ? limit - passed : 1;
}

/* A new connection: within its own time, and within an upgrade's. */
static void
dial(struct conn *c)
{
	uint64_t left = handshake_left(c), limit = times(c)->connect;

	if (c->hs->upgrade == UPGRADE_WEBSOCKET && left > 0 &&
	    (limit == 0 || left < limit))
		dial_start(c, left, &reason_handshake_timeout);
	else
		dial_start(c, limit, &reason_connect_timeout);
}

/* RFC 9110 9.2.2 */
static bool
is_idempotent(struct slice method)
{
	static const struct slice names[] = {
		{ "GET", 3 },	 { "HEAD", 4 },	  { "OPTIONS", 7 },
		{ "PUT", 3 },	 { "DELETE", 6 }, { "TRACE", 5 },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (slice_eq(method, names[i]))
			return true;
	return false;
}

/* Before anything else it may want to know whose request comes. */
static bool
send_proxy_header(struct conn *c)
{
	enum conf_proxy version = c->hs->route->send_proxy;
	char header[PROXYHDR_OUT];
	struct addr here;
	size_t n;

	if (version == PROXY_NONE)
		return true;
	sock_local(stream_fd(&c->client), &here);
	n = proxyhdr_write(header, version == PROXY_V1 ? 1 : 2,
			   &c->hs->client, &here);
	return stream_send(&c->server->s, header, n);
}

/* It could not be sent the first that it gets: another address may do. */
static void
lost_at_once(struct conn *c)
{
	struct refusal r = {
		.why = reason_of_server_errno(c->server->s.error),
	};

	if (!dial_past(c, &r))
		server_lost(c, r.why);
}

void
server_connected(struct conn *c)
{
	if (!send_proxy_header(c))
		lost_at_once(c);
	else if (conn_server(c)->tls)
		secure_begin(c);
	else
		server_opened(c);
}

/* Sends the request head. */
void
server_opened(struct conn *c)
{
	struct handshake *hs = c->hs;
	struct buf *head = NULL;
	bool sent;

	if (!splice_render(&hs->edits, buf_data(hs->bytes), hs->req.len,
			   &head)) {
		finish_fail(c, &reason_no_memory);
		return;
	}
	hs->opened = clock_ms();
	sent = stream_send(&c->server->s, buf_data(head), buf_len(head));
	hs->request_sent =
		sent && stream_owed(&c->server->s) < buf_len(head);
	buf_free(&head);
	if (!sent) {
		lost_at_once(c);
		return;
	}
	dial_done(c);
	conn_set_state(c, CS_ANSWER);
	c->scanned = 0;
	stream_set_reading(&c->server->s, true);
	if (hs->upgrade == UPGRADE_WEBSOCKET)
		conn_set_deadline(c, handshake_left(c),
				  &reason_handshake_timeout);
	else
		exchange_begin(c);
}

/* Of a body perhaps too little is kept to send it again. */
static bool
is_repeatable(const struct handshake *hs)
{
	return is_idempotent(hs->req.method) && hs->req_body.done;
}

/*
 * An upgrade gets a connection of its own.  The pool's backends are numbered
 * by the worker's configuration: a request of an older one asks anew.
 */
static bool
may_reuse(const struct conn *c)
{
	return c->hs->upgrade != UPGRADE_WEBSOCKET && !c->hs->retried &&
	       c->hs->route->send_proxy == PROXY_NONE &&
	       c->hs->conf == c->worker->conf;
}

void
server_connect(struct conn *c)
{
	struct handshake *hs = c->hs;
	const struct conf_backend *b = hs->route->backend;
	struct server *s;

	if (c->state != CS_CONNECT)
		conn_set_state(c, CS_CONNECT);
	if (b->is_app && !c->worker->app_ready) {
		wait_for_app(c, NEWS_MS, &reason_server_refused);
		return;
	}
	hs->waits_app = false;
	hs->asked = clock_ms();
	s = may_reuse(c) ? pool_get(&c->worker->pool, b->index,
				    is_repeatable(hs))
			 : NULL;
	hs->from_pool = s != NULL;
	if (s) {
		s->conn = c;
		c->server = s;
		server_opened(c);
		return;
	}
	dial(c);
}

void
server_on_name(struct conn *c, const char *name)
{
	if (c->hs->waits_name &&
	    strcasecmp(conn_server(c)->host, name) == 0)
		dial(c);
}

void
server_on_deadline(struct conn *c)
{
	if (c->due == &reason_server_closed)
		server_connect(c);
	else if (c->hs->waits_app)
		finish_fail(c, c->due);
	else if (c->server)
		secure_on_deadline(c);
	else
		dial_on_deadline(c);
}

/*
 * A server may close a kept connection at the very moment we use it.  Asking
 * again is safe if nothing can have been done twice: nothing was sent, or the
 * method is idempotent and the whole request is still here (RFC 9110 9.2.2).
 */
static bool
may_retry(const struct conn *c)
{
	const struct handshake *hs = c->hs;

	if (!hs->from_pool || hs->status || hs->interim || c->server->s.in)
		return false;
	if (!hs->request_sent)
		return true;
	return is_idempotent(hs->req.method) && hs->held_all;
}

/* Why it is not asked again; NULL where the reason says all there is. */
static const char *
why_not_again(const struct handshake *hs)
{
	if (hs->upgrade == UPGRADE_WEBSOCKET || !hs->request_sent)
		return NULL;
	if (!is_idempotent(hs->req.method))
		return "{server} ended the connection before it answered; it "
		       "may have acted on the request, so that was not sent "
		       "again (RFC 9110 9.2.2)";
	if (hs->retried)
		return "{server} ended a kept connection, and then a new one, "
		       "before it answered: is it being restarted?";
	if (hs->from_pool && !hs->held_all)
		return "{server} ended the connection before it answered; the "
		       "request's body is too large to be kept for another try";
	return NULL;
}

/* A server may refuse ours only after its own handshake, with an alert. */
static const struct reason *
reason_of_tls_fault(const struct tls *t)
{
	return tls_end(t) == TLS_ALERT ? &reason_server_tls
				       : &reason_server_tls_fault;
}

void
server_lost(struct conn *c, const struct reason *why)
{
	struct handshake *hs = c->hs;

	if (!may_retry(c)) {
		struct refusal r = { .why = why, .hint = why_not_again(hs) };

		if (stream_tls_fault(&c->server->s)) {
			r.why = reason_of_tls_fault(c->server->s.tls);
			r.text = stream_tls_fault(&c->server->s);
			r.hint = NULL;
		}
		finish_refuse(c, &r);
		return;
	}
	server_drop(c);
	if (!exchange_rewind(c)) {
		finish_fail(c, &reason_no_memory);
		return;
	}
	hs->request_sent = false;
	hs->retried = true;
	conn_set_state(c, CS_CONNECT);
	if (hs->route->backend->is_app)
		wait_for_app(c, PAUSE_MS, &reason_server_closed);
	else
		server_connect(c);
}

/* The bytes that a server said before it closed show what it is. */
static void
on_answer_eof(struct conn *c)
{
	int error = c->server->s.error;

	/* A reset that a write has heard of is an end to whoever reads next. */
	if (!c->server->s.in)
		server_lost(c, error ? reason_of_server_errno(error)
				     : &reason_server_closed);
	else
		finish_fail(c, &reason_server_truncated);
}

/* 100, 103: to the client, if it speaks HTTP/1.1. */
static bool
pass_interim(struct conn *c, const struct head *res)
{
	static const struct forward_answer how = { .closes = false };
	static const struct refusal too_many = {
		.why = &reason_bad_response,
		.text = "the backend goes on with interim answers (RFC 9110 "
			"15.2); 16 are passed on",
	};
	struct buf *out = NULL;
	bool ok;

	if (++c->hs->interim > INTERIM_MAX) {
		finish_refuse(c, &too_many);
		return false;
	}
	if (c->hs->req.minor == 0) {
		buf_take(&c->server->s.in, res->len);
		return true;
	}
	if (!forward_response(c, res, &how, &out)) {
		buf_free(&out);
		finish_fail(c, &reason_no_memory);
		return false;
	}
	ok = stream_send(&c->client, buf_data(out), buf_len(out));
	buf_free(&out);
	buf_take(&c->server->s.in, res->len);
	if (!ok)
		conn_close(c, &reason_client_reset, BY_CLIENT);
	return ok;
}

static void
on_switching(struct conn *c, const struct head *res)
{
	const struct handshake *hs = c->hs;
	const char *wrong =
		hs->upgrade == UPGRADE_WEBSOCKET
			? upgrade_refute(&hs->req, res,
					 hs->route->verify_accept)
			: "nobody asked to switch protocols";
	struct refusal r = { .why = &reason_bad_upgrade, .text = wrong };

	if (wrong)
		finish_refuse(c, &r);
	else
		tunnel_start(c, res);
}

/* One head is whole.  True if another may follow it. */
static bool
on_head(struct conn *c, size_t len)
{
	struct head res;
	const struct head_fault *fault =
		head_parse(&res, HEAD_RESPONSE, buf_data(c->server->s.in), len);
	struct refusal r = { .why = &reason_bad_response };
	bool more = false;

	if (fault) {
		if (fault == &head_no_memory)
			r.why = &reason_no_memory;
		r.text = fault->why;
		finish_refuse(c, &r);
	} else if (res.status == 101) {
		on_switching(c, &res);
	} else if (res.status < 200) {
		more = pass_interim(c, &res);
	} else {
		exchange_answer(c, &res);
	}
	head_fini(&res);
	return more;
}

/* An alert, or the beginning of a handshake (RFC 8446 5.1). */
static bool
is_tls(const struct stream *s)
{
	struct slice in = buf_slice(s->in);

	return !s->tls && (slice_starts(in, SLICE("\x15\x03")) ||
			   slice_starts(in, SLICE("\x16\x03")));
}

/* Looks for heads in what has come. */
static void
look(struct conn *c)
{
	const struct head_fault *fault;
	size_t scanned, len;
	struct stream *s = &c->server->s;

	do {
		scanned = c->scanned;
		fault = head_look(HEAD_RESPONSE, buf_data(s->in),
				  buf_len(s->in), c->hs->conf->max_head,
				  &scanned, &len);
		c->scanned = (uint32_t)scanned;
		if (fault) {
			struct refusal r = { .why = &reason_bad_response,
					     .text = fault->why };

			if (fault == &head_not_http)
				r.why = &reason_not_http;
			if (is_tls(s))
				r.hint = "{server} answered in TLS: is this "
					 "its port for https? then write "
					 "https://";
			finish_refuse(c, &r);
			return;
		}
		if (len == 0)
			return;
		c->scanned = 0;
	} while (on_head(c, len) && s->in);
}

void
server_on_answer(struct conn *c, unsigned news)
{
	struct stream *s = &c->server->s;
	ssize_t got;

	if ((news & NEWS_WRITE) && !exchange_flush_request(c))
		return;
	if (!(news & NEWS_READ))
		return;
	c->server->idle_since = clock_ms();
	/* Most pages come with their head; of a large body no more is seen. */
	got = stream_read_in(s, c->worker->tools.scratch, RELAY_SCRATCH);
	if (got > 0)
		look(c);
	else if (got == 0)
		on_answer_eof(c);
	else if (got == -2)
		server_lost(c, s->in ? &reason_server_truncated
				     : reason_of_server_errno(s->error));
}
