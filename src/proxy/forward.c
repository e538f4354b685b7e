/* SPDX-License-Identifier: ISC */
/*
 * forward.c: what is changed in the heads that pass, and nothing else is.
 *
 * Every change is an edit at an offset of the bytes that came.  Additions go
 * just before the empty line, so that the order of what was there stays.
 */
#include "proxy/forward.h"

#include <ctype.h>

#include "base/log.h"
#include "proto/body.h"
#include "proto/fault.h"
#include "proto/field.h"
#include "proxy/trust.h"

#define REQUEST_ID_MAX 128 /* bytes; a longer one is replaced */
#define REQUEST_ID_OURS 32

/* ---- names ---- */

static bool
claims_forwarding(struct slice name, enum field_id id)
{
	static const struct slice ours[] = {
		{ "X-Forwarded-For", 15 },   { "X-Forwarded-Host", 16 },
		{ "X-Forwarded-Proto", 17 }, { "X-Forwarded-Port", 16 },
		{ "X-Real-IP", 9 },	     { "X-Request-Id", 12 },
	};

	switch (id) {
	case F_X_FORWARDED_FOR:
	case F_X_FORWARDED_HOST:
	case F_X_FORWARDED_PORT:
	case F_X_FORWARDED_PROTO:
	case F_X_REAL_IP:
	case F_FORWARDED:
		return true;
	case F_OTHER:
		break;
	default:
		return false;
	}
	if (!memchr(name.p, '_', name.n))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (field_same_name(name, ours[i]))
			return true;
	return false;
}

/*
 * Connection may name fields to be dropped on the way (RFC 9110 7.6.1), but
 * not those by which requests are told apart or allowed.
 */
static bool
is_end_to_end(struct slice name, enum field_id id)
{
	switch (id) {
	case F_HOST:
	case F_COOKIE:
	case F_SET_COOKIE:
	case F_AUTHORIZATION:
	case F_ORIGIN:
	case F_CONTENT_LENGTH:
	case F_TRANSFER_ENCODING:
	case F_TRAILER:
	case F_X_FORWARDED_FOR:
	case F_X_FORWARDED_HOST:
	case F_X_FORWARDED_PORT:
	case F_X_FORWARDED_PROTO:
	case F_X_REAL_IP:
	case F_X_REQUEST_ID:
	case F_FORWARDED:
		return true;
	default:
		break;
	}
	return slice_ieq(name, SLICE("Content-Type")) ||
	       slice_ieq(name, SLICE("Content-Encoding"));
}

/* Is it the business of this connection only? */
static bool
is_hop_by_hop(const struct head *h, const struct head_field *f)
{
	struct slice name = field_name(h, f);

	switch ((enum field_id)f->id) {
	case F_CONNECTION:
	case F_KEEP_ALIVE:
	case F_PROXY_CONNECTION:
	case F_TE:
		return true;
	default:
		break;
	}
	return head_lists(h, F_CONNECTION, name) &&
	       !is_end_to_end(name, f->id);
}

/* ---- headers of the operator's ---- */

static void
drop_field(struct splice *s, const struct head_field *f)
{
	splice_drop(s, f->at, f->end - f->at);
}

/* What the operator sets or removes is dropped, and what is set added. */
static void
drop_ruled(struct splice *s, const struct head *h,
	   const struct conf_headers *rules)
{
	for (uint32_t i = 0; rules->n > 0 && i < h->nfields; i++)
		if (conf_headers_have(rules, field_name(h, &h->fields[i])))
			drop_field(s, &h->fields[i]);
}

static void
add_ruled(struct splice *s, uint32_t end, const struct conf_headers *rules)
{
	for (size_t i = 0; i < rules->n; i++)
		if (rules->list[i].line)
			splice_insert(s, end, slice_str(rules->list[i].line));
}

/* ---- the request ---- */

/* Says once for each peer why its X-Forwarded-* do not get through. */
static void
warn_forged(struct conn *c, struct slice name)
{
	struct worker *w = c->worker;
	char text[ADDR_TEXT];

	for (unsigned i = 0; i < w->nwarned && i < WARNED_PEERS; i++)
		if (addr_same_host(&w->warned[i], &c->peer))
			return;
	w->warned[w->nwarned++ % WARNED_PEERS] = c->peer;
	addr_host_text(&c->peer, text);
	log_say(LOG_WARN, "%.*s from %s was removed, since that peer is not "
		"trusted; if it is a proxy of yours, add \"%s\" to "
		"trusted_proxies", name.n < 64 ? (int)name.n : 64, name.p,
		text, text);
}

static void
edit_fields(struct conn *c, bool trusted)
{
	struct handshake *hs = c->hs;
	const struct head *h = &hs->req;
	bool ordinary = hs->upgrade != UPGRADE_WEBSOCKET;

	for (uint32_t i = 0; i < h->nfields; i++) {
		const struct head_field *f = &h->fields[i];
		struct slice name = field_name(h, f);

		if (!trusted && claims_forwarding(name, f->id)) {
			warn_forged(c, name);
			drop_field(&hs->edits, f);
		} else if (ordinary &&
			   (is_hop_by_hop(h, f) || f->id == F_UPGRADE ||
			    f->id == F_HTTP2_SETTINGS)) {
			drop_field(&hs->edits, f);
		}
	}
}

/*
 * The field to which the next proxy's view is appended, or NULL: the last
 * X-Forwarded-For of a trusted peer.
 */
static const struct head_field *
last_forwarded_for(const struct head *h)
{
	const struct head_field *last = NULL;

	for (uint32_t i = 0; i < h->nfields; i++)
		if (h->fields[i].id == F_X_FORWARDED_FOR)
			last = &h->fields[i];
	return last;
}

/* The port in "host:port" or "[::1]:port"; empty if there is none. */
static struct slice
port_of(struct slice authority)
{
	for (size_t i = authority.n; i > 0 && authority.p[i - 1] != ']'; i--)
		if (authority.p[i - 1] == ':')
			return slice_of(authority.p + i, authority.n - i);
	return SLICE_NONE;
}

/*
 * The port that the browser asked for: Host's, or the scheme's.  A trusted
 * proxy before us may know both better than we do.
 */
static struct slice
asked_port(const struct head *h, bool trusted, bool is_https)
{
	struct slice host = h->authority, port;
	struct slice proto = is_https ? SLICE("https") : SLICE("http");

	if (trusted) {
		if (h->first[F_X_FORWARDED_PROTO])
			proto = head_value(h, F_X_FORWARDED_PROTO);
		if (h->first[F_X_FORWARDED_HOST])
			host = head_value(h, F_X_FORWARDED_HOST);
	}
	port = port_of(host);
	if (port.n > 0)
		return port;
	return slice_ieq(proto, SLICE("https")) ? SLICE("443") : SLICE("80");
}

/* Has the operator said what becomes of it? */
static bool
is_ruled(const struct handshake *hs, struct slice name)
{
	const struct conf_headers *rules = &hs->route->request;

	return rules->n > 0 && conf_headers_have(rules, name);
}

/* A unix socket's peer has no address: what it says of others stays. */
static void
add_forwarded_for(struct conn *c, uint32_t end, bool trusted)
{
	struct handshake *hs = c->hs;
	const struct head_field *chain =
		trusted ? last_forwarded_for(&hs->req) : NULL;
	char peer[ADDR_TEXT];

	if (c->peer.family == 0 ||
	    is_ruled(hs, SLICE("X-Forwarded-For")))
		return;
	addr_host_text(&c->peer, peer);
	if (!chain) {
		splice_insert_field(&hs->edits, end, SLICE("X-Forwarded-For"),
				    slice_str(peer));
		return;
	}
	end = chain->value + chain->value_len;
	if (chain->value_len > 0)
		splice_insert(&hs->edits, end, SLICE(", "));
	splice_insert(&hs->edits, end, slice_str(peer));
}

/* Adds it unless a trusted peer has. */
static void
add_missing(struct handshake *hs, uint32_t end, bool trusted,
	    enum field_id id, struct slice name, struct slice value)
{
	if (!(trusted && hs->req.first[id]) && !is_ruled(hs, name))
		splice_insert_field(&hs->edits, end, name, value);
}

static void
add_forwarded(struct conn *c, uint32_t end, bool trusted)
{
	struct handshake *hs = c->hs;
	const struct head *h = &hs->req;
	bool is_https = c->client.tls != NULL;

	add_forwarded_for(c, end, trusted);
	add_missing(hs, end, trusted, F_X_FORWARDED_PROTO,
		    SLICE("X-Forwarded-Proto"),
		    is_https ? SLICE("https") : SLICE("http"));
	if (h->authority.n > 0)
		add_missing(hs, end, trusted, F_X_FORWARDED_HOST,
			    SLICE("X-Forwarded-Host"), h->authority);
	add_missing(hs, end, trusted, F_X_FORWARDED_PORT,
		    SLICE("X-Forwarded-Port"),
		    asked_port(h, trusted, is_https));
}

static bool
is_good_id(struct slice id)
{
	if (id.n == 0 || id.n > REQUEST_ID_MAX)
		return false;
	for (size_t i = 0; i < id.n; i++)
		if (!isalnum((unsigned char)id.p[i]) &&
		    !memchr("._-", id.p[i], 3))
			return false;
	return true;
}

/* 16 digits. */
static void
put_hex(char *to, uint64_t n)
{
	for (int i = 15; i >= 0; i--, n >>= 4)
		to[i] = "0123456789abcdef"[n & 0xf];
}

static void
edit_request_id(struct conn *c, uint32_t end)
{
	struct handshake *hs = c->hs;
	const struct head_field *f = head_first(&hs->req, F_X_REQUEST_ID);
	char ours[REQUEST_ID_OURS];

	if (is_ruled(hs, SLICE("X-Request-Id")))
		return;
	if (f && is_good_id(field_value(&hs->req, f)) &&
	    !head_next(&hs->req, f))
		return;
	for (; f; f = head_next(&hs->req, f))
		drop_field(&hs->edits, f);
	put_hex(ours, worker_random(c->worker));
	put_hex(ours + REQUEST_ID_OURS / 2, worker_random(c->worker));
	splice_insert_field(&hs->edits, end, SLICE("X-Request-Id"),
			    slice_of(ours, sizeof(ours)));
}

/*
 * Host as the backend's own, with change_origin; an HTTP/1.0 request may lack
 * one, and gets its absolute-form target's.
 */
static void
edit_host(struct conn *c, uint32_t end)
{
	struct handshake *hs = c->hs;
	const struct head_field *f = head_first(&hs->req, F_HOST);
	struct slice host = slice_str(conn_server(c)->host_port);

	if (!f && !hs->route->change_origin && hs->req.authority.n > 0)
		host = hs->req.authority;
	if (!f)
		splice_insert_field(&hs->edits, end, SLICE("Host"), host);
	else if (hs->route->change_origin)
		splice_replace(&hs->edits, f->value, f->value_len, host);
}

/*
 * A server is asked in origin-form: "/b" of "http://a/b" (RFC 9112 3.2.1).
 * Some take the URL for an order to fetch it (Next.js, CVE-2026-44578).
 */
static void
edit_absolute_form(struct handshake *hs)
{
	struct slice target = hs->req.target, path = SLICE("/");
	const char *host = target.p[0] == '/' ? NULL
					      : memmem(target.p, target.n,
						       "://", 3);
	size_t n;

	if (!host)
		return;
	n = (size_t)(host - target.p) + 3 + hs->req.authority.n;
	if (n < target.n && target.p[n] == '/')
		path = SLICE_NONE;
	else if (n == target.n && slice_eq(hs->req.method, SLICE("OPTIONS")))
		path = SLICE("*"); /* RFC 9112 3.2.4 */
	splice_replace(&hs->edits, (uint32_t)(target.p - hs->req.base),
		       (uint32_t)n, path);
}

/* The route may ask its backend for another path. */
static bool
edit_target(struct handshake *hs)
{
	struct buf *target = NULL;

	if (!hs->route->target) {
		edit_absolute_form(hs);
		return true;
	}
	if (!route_target(hs->route, &hs->caps, hs->req.query, &target)) {
		buf_free(&target);
		return false;
	}
	splice_replace(&hs->edits, (uint32_t)(hs->req.target.p - hs->req.base),
		       (uint32_t)hs->req.target.n, buf_slice(target));
	buf_free(&target);
	return true;
}

/* The version is ours on each side (RFC 9110 2.5); one digit may differ. */
static void
edit_version(struct handshake *hs)
{
	uint32_t minor = hs->req.line_end - 3;

	if (hs->req.base[minor] != '1')
		splice_replace(&hs->edits, minor, 1, SLICE("1"));
}

/*
 * Some servers overlook the body of a GET and take it for the next request
 * (Python's http.server, and with it websockify): RFC 9112 11.2.  They are to
 * close behind the answer.
 */
static void
edit_connection(struct handshake *hs, uint32_t end)
{
	static const struct slice names[] = {
		SLICE("GET"), SLICE("HEAD"), SLICE("OPTIONS"), SLICE("DELETE")
	};

	if (hs->req_body.done)
		return;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		hs->asks_close |= slice_eq(hs->req.method, names[i]);
	if (hs->asks_close)
		splice_insert(&hs->edits, end, SLICE("Connection: close\r\n"));
}

FAULT(hides_field, 400, "connection-hides-field",
      "Connection lists a field that is not the connection's own "
      "(RFC 9110 7.6.1)");

/* What it lists wrongly the next proxy might drop (Apache, CVE-2022-31813). */
const struct head_fault *
forward_fault(const struct conn *c)
{
	const struct head *h = &c->hs->req;
	const struct head_field *f = head_first(h, F_CONNECTION);
	struct slice list, name;

	if (c->hs->upgrade != UPGRADE_WEBSOCKET)
		return NULL;
	for (; f; f = head_next(h, f)) {
		list = field_value(h, f);
		while (slice_next_element(&list, &name))
			if (is_end_to_end(name, field_id_of(name)) ||
			    is_ruled(c->hs, name))
				return &hides_field;
	}
	return NULL;
}

static bool
is_ruled_by(const void *rules, struct slice name)
{
	return conf_headers_have(rules, name);
}

void
forward_body(struct handshake *hs)
{
	body_of_request(&hs->req_body, &hs->req);
	hs->req_body.forbids = is_ruled_by;
	hs->req_body.forbids_arg = &hs->route->request;
}

bool
forward_request(struct conn *c)
{
	struct handshake *hs = c->hs;
	bool trusted = trust_has(hs->conf, &c->peer);
	uint32_t end = hs->req.len - 2; /* before the empty line */

	forward_body(hs);
	if (hs->req.start > 0)
		splice_drop(&hs->edits, 0, hs->req.start);
	if (!edit_target(hs))
		return false;
	edit_version(hs);
	edit_fields(c, trusted);
	edit_host(c, end);
	add_forwarded(c, end, trusted);
	edit_request_id(c, end);
	edit_connection(hs, end);
	drop_ruled(&hs->edits, &hs->req, &hs->route->request);
	add_ruled(&hs->edits, end, &hs->route->request);
	return !hs->edits.failed;
}

/* ---- the response ---- */

/*
 * Upgrade stays in the answer to an upgrade, and in a 426, which must name
 * what it wants (RFC 9110 15.5.22).
 */
static bool
drops_from_response(const struct conn *c, const struct head *res,
		    const struct head_field *f,
		    const struct forward_answer *how)
{
	if (f->id == F_UPGRADE)
		return c->hs->upgrade != UPGRADE_WEBSOCKET &&
		       res->status != 426;
	if ((how->to_http10 || body_is_claimed(res)) &&
	    (f->id == F_TRANSFER_ENCODING || f->id == F_TRAILER))
		return true;
	if (f->id == F_CONTENT_LENGTH)
		return body_is_claimed(res);
	return is_hop_by_hop(res, f);
}

/* Of an HTTP/1.x message; ours is the one that the client hears. */
static void
edit_response_version(struct splice *s, const struct head *res)
{
	if (!forward_is_our_version(res))
		splice_replace(s, 0, 8, SLICE("HTTP/1.1"));
}

bool
forward_response(struct conn *c, const struct head *res,
		 const struct forward_answer *how, struct buf **out)
{
	struct splice s;
	uint32_t end = res->len - 2;
	bool ok;

	splice_init(&s);
	edit_response_version(&s, res);
	for (uint32_t i = 0; i < res->nfields; i++)
		if (drops_from_response(c, res, &res->fields[i], how))
			drop_field(&s, &res->fields[i]);
	drop_ruled(&s, res, &c->hs->route->response);
	if (res->status >= 200)
		add_ruled(&s, end, &c->hs->route->response);
	if (res->status == 426 && res->first[F_UPGRADE])
		splice_insert(&s, end, SLICE("Connection: upgrade\r\n"));
	if (how->closes)
		splice_insert(&s, end, SLICE("Connection: close\r\n"));
	else if (c->hs->req.minor == 0)
		splice_insert(&s, end, SLICE("Connection: keep-alive\r\n"));
	ok = splice_render(&s, res->base, res->len, out);
	splice_fini(&s);
	return ok;
}

bool
forward_switching(struct conn *c, const struct head *res, struct buf **out)
{
	const struct conf_headers *rules = &c->hs->route->response;
	struct splice s;
	bool ok;

	splice_init(&s);
	edit_response_version(&s, res);
	drop_ruled(&s, res, rules);
	add_ruled(&s, res->len - 2, rules);
	ok = splice_render(&s, res->base, res->len, out);
	splice_fini(&s);
	return ok;
}
