/* SPDX-License-Identifier: ISC */
/*
 * client.c: the accepting side, up to the routed request.
 */
#include "proxy/client.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/relay.h"
#include "proto/host.h"
#include "proxy/access.h"
#include "proxy/finish.h"
#include "proxy/forward.h"
#include "proxy/proxied.h"
#include "proxy/server.h"
#include "proxy/shake.h"
#include "proxy/trust.h"
#include "proxy/witness.h"

/* What a client may send before its 101; then it is not read any more. */
#define EARLY_MAX 4096

static const struct conf_timeouts *
times(const struct conn *c)
{
	return &c->worker->conf->timeouts;
}

void
client_accept(struct worker *w, const struct arrival *a)
{
	struct conn *c = conn_new(w, a->fd, &a->peer);

	if (!c)
		return;
	c->gate = (uint16_t)a->gate;
	if (a->proxied)
		proxied_begin(c);
	else
		client_begin(c);
}

void
client_begin(struct conn *c)
{
	const struct gate *g = conn_gate(c);

	if (g && g->certs)
		shake_begin(c);
	else
		client_begin_http(c);
}

void
client_begin_http(struct conn *c)
{
	conn_set_deadline(c, times(c)->client_keepalive,
			  &reason_keepalive_timeout);
	stream_set_reading(&c->client, true);
}

/*
 * The path as a decoding server might see it must lead to the same route:
 * else a rule for /admin could be passed by with /%61dmin.
 */
static bool
routes_alike(const struct handshake *hs, const struct conf_route *route)
{
	struct slice path = hs->req.path;
	char *decoded;
	size_t n;
	bool alike;

	if (!memchr(path.p, '%', path.n) && !memchr(path.p, '\\', path.n) &&
	    !memmem(path.p, path.n, "//", 2))
		return true;
	if (!(decoded = malloc(path.n + 1)))
		return false;
	n = path_decode(path, decoded);
	alike = route_find(hs->conf, hs->req.authority, slice_of(decoded, n),
			   hs->upgrade == UPGRADE_WEBSOCKET, NULL) == route;
	free(decoded);
	return alike;
}

/* No route: the nearest pattern is named, to those who may know it. */
static void
refuse_unrouted(struct conn *c)
{
	struct handshake *hs = c->hs;
	bool upgrade = hs->upgrade == UPGRADE_WEBSOCKET;
	const struct conf_route *near =
		route_nearest(hs->conf, hs->req.path, upgrade);
	struct refusal r = { .why = &reason_no_route };
	char text[512], hint[512];

	snprintf(text, sizeof(text), "no route takes %s %.*s",
		 upgrade ? "an upgrade to" : "a request for",
		 hs->req.path.n < 256 ? (int)hs->req.path.n : 256,
		 hs->req.path.p);
	r.text = text;
	if (near) {
		snprintf(hint, sizeof(hint), "the nearest pattern is '%s'",
			 pattern_text(near->pattern));
		r.hint = hint;
	}
	finish_refuse(c, &r);
}

/* Who may be told why a request failed. */
static bool
may_know(const struct conn *c)
{
	switch (c->hs->conf->error_detail) {
	case DETAIL_ALL:
		return true;
	case DETAIL_LOCAL:
		return addr_is_loopback(&c->hs->client);
	case DETAIL_NONE:
		break;
	}
	return false;
}

/* Captures may choose a server, if it is one of those allowed. */
static bool
choose_server(struct conn *c)
{
	struct handshake *hs = c->hs;
	enum route_choice choice;

	if (!conf_server_is_open(&hs->route->backend->server))
		return true;
	choice = route_server(hs->conf, hs->route, &hs->caps, &hs->chosen);
	if (choice == CHOICE_GOOD)
		return true;
	finish_fail(c, choice == CHOICE_REFUSED ? &reason_target_refused
						: &reason_no_memory);
	return false;
}

/* "example.com:80" and "EXAMPLE.com" are the same host. */
static bool
is_host(struct slice authority, struct slice name)
{
	return slice_ieq(host_without_port(authority), name);
}

/* A listener without TLS that is there to send clients to the one with it. */
static void
redirect(struct conn *c, uint16_t port)
{
	struct handshake *hs = c->hs;
	struct slice host = host_without_port(hs->req.authority);
	struct refusal r = { .why = &reason_redirect };
	char number[8] = "";
	char *to;

	if (port != 443)
		snprintf(number, sizeof(number), ":%u", port);
	if (asprintf(&to, "https://%.*s%s%.*s%.*s", SLICE_ARG(host), number,
		     SLICE_ARG(hs->req.path), SLICE_ARG(hs->req.query)) < 0) {
		finish_fail(c, &reason_no_memory);
		return;
	}
	r.location = to;
	finish_refuse(c, &r);
	free(to);
}

/*
 * Does its listener let the request pass?  With client certificates the name
 * of the handshake has decided whose are good: asking for another host then
 * would be asking behind its back (RFC 9110 7.4).
 */
static bool
may_come_here(struct conn *c)
{
	static const struct refusal where = {
		.why = &reason_bad_request,
		.text = "this port sends every request to https, but without "
			"a Host nobody knows where that is",
	};
	const struct gate *g = conn_gate(c);
	const struct tls *t = c->client.tls;

	if (g->https_port) {
		if (c->hs->req.authority.n > 0)
			redirect(c, g->https_port);
		else
			finish_refuse(c, &where);
		return false;
	}
	if (t && tls_asks_peer(t) && tls_name(t).n > 0 &&
	    !is_host(c->hs->req.authority, tls_name(t))) {
		finish_fail(c, &reason_misdirected);
		return false;
	}
	return true;
}

/* The head is whole: parse, route, and go for a server. */
static void
begin_request(struct conn *c, size_t head_len)
{
	struct handshake *hs = handshake_new(c, head_len);
	const struct head_fault *fault;
	const struct reason *full;

	if (!hs) {
		conn_close(c, &reason_no_memory, BY_PROXY);
		return;
	}
	c->scanned = 0;
	c->id = worker_next_id(c->worker);
	hs->began = clock_ms();
	fault = head_parse(&hs->req, HEAD_REQUEST, buf_data(hs->bytes),
			   head_len);
	hs->client = trust_client(c);
	hs->detail = may_know(c);
	c->close_after = fault || !hs->req.persistent || c->worker->draining;
	if (fault) {
		finish_fault(c, fault);
		return;
	}
	hs->upgrade = upgrade_of_request(&hs->req);
	body_of_request(&hs->req_body, &hs->req);
	if (conn_gate(c) && !may_come_here(c))
		return;
	hs->route = route_find(hs->conf, hs->req.authority, hs->req.path,
			       hs->upgrade == UPGRADE_WEBSOCKET, &hs->caps);
	if (!routes_alike(hs, hs->route)) {
		finish_fail(c, &reason_bad_forwarding);
		return;
	}
	if (!hs->route) {
		refuse_unrouted(c);
		return;
	}
	if (!choose_server(c))
		return;
	if ((fault = forward_fault(c))) {
		finish_fault(c, fault);
		return;
	}
	/* Its FIN came behind the request before, and cancels this one. */
	if (hs->upgrade == UPGRADE_WEBSOCKET && c->client.eof) {
		conn_close(c, &reason_client_gone, BY_CLIENT);
		return;
	}
	if (hs->upgrade == UPGRADE_WEBSOCKET && (full = limit_enter(c))) {
		finish_fail(c, full);
		return;
	}
	if (!forward_request(c)) {
		finish_fail(c, &reason_no_memory);
		return;
	}
	witness_asked(c);
	access_begun(c);
	server_connect(c);
}

/* Looks for a head in what has come; false if it is not whole yet. */
static bool
look(struct conn *c)
{
	const struct head_fault *fault;
	size_t scanned = c->scanned, len;

	fault = head_look(HEAD_REQUEST, buf_data(c->client.in),
			  buf_len(c->client.in), c->worker->conf->max_head,
			  &scanned, &len);
	c->scanned = (uint32_t)scanned;
	if (fault) {
		c->id = worker_next_id(c->worker);
		c->close_after = true;
		finish_fault(c, fault);
	} else if (len > 0) {
		begin_request(c, len);
	} else if (c->due != &reason_header_timeout) {
		conn_set_deadline(c, times(c)->header, &reason_header_timeout);
	}
	return fault || len > 0;
}

void
client_on_head(struct conn *c, unsigned news)
{
	ssize_t got;

	if (!(news & NEWS_READ))
		return;
	/*
	 * Of pipelined requests that lie here the first is begun before more
	 * is read: else they would pile up as fast as the client sends them.
	 */
	if (c->scanned == 0 && c->client.in && look(c))
		return;
	got = stream_read_in(&c->client, c->worker->tools.scratch,
			     RELAY_SCRATCH);
	if (got > 0)
		look(c);
	else if (got == 0)
		conn_close(c, &reason_client_gone, BY_CLIENT);
	else if (got == -2)
		conn_close(c, &reason_client_reset, BY_CLIENT);
}

void
client_drain(struct conn *c)
{
	client_on_head(c, NEWS_READ);
	if (c->state == CS_HEAD && !c->client.in)
		conn_close(c, &reason_drain, BY_PROXY);
}

void
client_on_deadline(struct conn *c)
{
	if (c->due == &reason_header_timeout) {
		c->id = worker_next_id(c->worker);
		c->close_after = true;
		finish_fail(c, c->due);
	} else {
		conn_close(c, c->due, BY_PROXY);
	}
}

/*
 * FIN: an upgrade is cancelled by it, and so is a request of which the body
 * is missing, or one that is held for the application; after a whole request
 * it only says that no other follows.
 */
static void
on_wait_fin(struct conn *c)
{
	struct body *b = &c->hs->req_body;

	if (c->hs->upgrade == UPGRADE_WEBSOCKET || c->hs->waits_app ||
	    (!b->done && !c->client.in))
		conn_close(c, &reason_client_gone, BY_CLIENT);
	else
		stream_set_reading(&c->client, false);
}

void
client_on_wait(struct conn *c, unsigned news)
{
	size_t len = buf_len(c->client.in);
	ssize_t got;

	if (!(news & NEWS_READ)) {
		if (stream_end(&c->client) == END_GONE)
			conn_close(c, &reason_client_gone, BY_CLIENT);
		else if (stream_end(&c->client) == END_FIN && !c->client.eof &&
			 c->hs->upgrade == UPGRADE_WEBSOCKET)
			conn_close(c, &reason_client_gone, BY_CLIENT);
		return;
	}
	if (len >= EARLY_MAX) {
		stream_set_reading(&c->client, false);
		return;
	}
	got = stream_read_in(&c->client, c->worker->tools.scratch, EARLY_MAX - len);
	if (got == -2)
		conn_close(c, conn_loss(c, BY_CLIENT), BY_CLIENT);
	else if (got == 0)
		on_wait_fin(c);
	else if (buf_len(c->client.in) >= EARLY_MAX)
		stream_set_reading(&c->client, false);
}

void
client_next(struct conn *c)
{
	if (worker_is_closing(c->worker)) {
		finish_linger(c);
		return;
	}
	handshake_free(c);
	c->scanned = 0; /* it may have counted in a response head */
	conn_set_state(c, CS_HEAD);
	conn_set_deadline(c, times(c)->client_keepalive,
			  &reason_keepalive_timeout);
	stream_set_reading(&c->client, !c->client.eof);
	/*
	 * A pipelined request lies here already.  It is begun by an event, not
	 * by a call: a thousand of them would nest a thousand calls deep.
	 */
	if (c->client.in || c->client.eof)
		watch_wake(&c->client.watch, NEWS_READ);
}
