/* SPDX-License-Identifier: ISC */
/*
 * access.c: the log lines of requests and tunnels, one an event.
 *
 * Their words are those of the Node server.js that bowsprit replaces, so that
 * what people grep for is still found.
 */
#include "proxy/access.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/redact.h"
#include "proxy/tunnel.h"

#define SLOW_MS 1000
#define HEADERS_MAX 100 /* the first of a head that are shown */

/* ---- fields ---- */

static void
put_target(struct log_line *l, const char *key, struct slice target)
{
	char shown[REDACT_MAX];

	log_slice(l, key, redact_target(target, shown));
}

static void
put_addr(struct log_line *l, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT];

	log_str(l, key, addr_host_text(a, text));
}

static bool
is_alike(const struct head *h, const struct head_field *a,
	 const struct head_field *b)
{
	return a->id == b->id &&
	       (a->id != F_OTHER ||
		slice_ieq(field_name(h, a), field_name(h, b)));
}

/* Has an earlier line of the head the same name? */
static bool
is_repeated(const struct head *h, const struct head_field *f)
{
	for (const struct head_field *e = h->fields; e < f; e++)
		if (is_alike(h, e, f))
			return true;
	return false;
}

/* The next line of the head that has the same name, or NULL. */
static const struct head_field *
next_alike(const struct head *h, const struct head_field *f)
{
	const struct head_field *next = f;

	while (++next < h->fields + h->nfields)
		if (is_alike(h, f, next))
			return next;
	return NULL;
}

static struct slice
shown_value(const struct head *h, const struct head_field *f,
	    char room[REDACT_MAX])
{
	return redact_header(f->id, field_name(h, f), field_value(h, f), room);
}

/* The values of f and those alike, joined with ", ", as far as there is room. */
static struct slice
join(const struct head *h, const struct head_field *f, char joined[REDACT_MAX])
{
	char shown[REDACT_MAX];
	size_t n = 0;

	for (const char *between = ""; f; f = next_alike(h, f), between = ", ") {
		struct slice value = shown_value(h, f, shown);

		n += (size_t)snprintf(joined + n, REDACT_MAX - n, "%s%.*s",
				      between, SLICE_ARG(value));
		if (n >= REDACT_MAX)
			return slice_of(joined, REDACT_MAX - 1);
	}
	return slice_of(joined, n);
}

/* One field a name, as Node shows it: of several lines the values joined. */
static void
put_header(struct log_line *l, const struct head *h,
	   const struct head_field *f)
{
	char room[REDACT_MAX];

	log_header(l, field_name(h, f),
		   next_alike(h, f) ? join(h, f, room)
				    : shown_value(h, f, room));
}

/* The headers by which an upgrade is routed, and those that make it one. */
static const enum field_id routing_headers[] = { F_UPGRADE, F_CONNECTION,
						 F_HOST };
static const enum field_id upgrade_headers[] = {
	F_UPGRADE,
	F_CONNECTION,
	F_SEC_WEBSOCKET_VERSION,
	F_SEC_WEBSOCKET_KEY,
	F_SEC_WEBSOCKET_PROTOCOL,
	F_SEC_WEBSOCKET_EXTENSIONS,
};

static void
put_some_headers(struct log_line *l, const struct head *h,
		 const enum field_id *ids, size_t n)
{
	log_object(l, "headers");
	for (size_t i = 0; i < n; i++)
		if (h->first[ids[i]])
			put_header(l, h, head_first(h, ids[i]));
	log_object_end(l);
}

static void
put_all_headers(struct log_line *l, const struct head *h)
{
	log_object(l, "headers");
	for (uint32_t i = 0; i < h->nfields && i < HEADERS_MAX; i++)
		if (!is_repeated(h, &h->fields[i]))
			put_header(l, h, &h->fields[i]);
	log_object_end(l);
}

static void
put_hint(struct log_line *l, const struct conn *c, const char *hint)
{
	char text[REASON_HINT_MAX];

	if (hint)
		log_str(l, "hint",
			reason_hint(hint, conn_server_text(c), text));
}

static const char *
route_name(const struct conn *c)
{
	return c->hs && c->hs->route ? c->hs->route->name : "";
}

static const char *
side_name(enum side by)
{
	switch (by) {
	case BY_CLIENT:
		return "client";
	case BY_SERVER:
		return "server";
	case BY_PROXY:
		return "proxy";
	case BY_OPERATOR:
		return "operator";
	case BY_NOBODY:
		break;
	}
	return "nobody";
}

/* ---- which lines are wanted ---- */

/* On a terminal a developer sees what went wrong, not what went well. */
static bool
is_terse(const struct conf *conf)
{
	return conf->log_access == ACCESS_ERRORS ||
	       (conf->log_access == ACCESS_AUTO && log_is_terminal());
}

/* Next's own assets and hot reload would drown everything else. */
static bool
is_noise(const struct handshake *hs)
{
	return slice_starts(hs->req.path, SLICE("/_next/"));
}

/* ---- upgrades ---- */

static void
log_handling(const struct conn *c, enum log_level level)
{
	const struct handshake *hs = c->hs;
	struct log_line l;

	if (!log_begin(&l, level,
		       "[WebSocket Upgrade] Handling %s connection:",
		       hs->route->name))
		return;
	log_id(&l, c->id);
	put_addr(&l, "client", &hs->client);
	log_slice(&l, "pathname", hs->req.path);
	put_some_headers(&l, &hs->req, routing_headers,
			 ARRAY_LEN(routing_headers));
	log_emit(&l);
}

static void
log_proxying(const struct conn *c, enum log_level level)
{
	const struct handshake *hs = c->hs;
	struct log_line l;

	if (!log_begin(&l, level,
		       "[WebSocket Proxy] Proxying WebSocket upgrade:"))
		return;
	log_id(&l, c->id);
	log_str(&l, "backend", conn_server(c)->text);
	put_target(&l, "url", hs->req.target);
	put_some_headers(&l, &hs->req, upgrade_headers,
			 ARRAY_LEN(upgrade_headers));
	log_emit(&l);
}

void
access_begun(struct conn *c)
{
	const struct conf *conf = c->hs->conf;
	enum log_level level =
		is_terse(conf) || is_noise(c->hs) ? LOG_DEBUG : LOG_INFO;

	if (c->hs->upgrade != UPGRADE_WEBSOCKET ||
	    conf->log_access == ACCESS_NONE)
		return;
	log_handling(c, level);
	log_proxying(c, level);
}

void
access_opened(struct conn *c, const struct head *res)
{
	const struct handshake *hs = c->hs;
	char shown[REDACT_MAX];
	struct log_line l;

	c->hs->logged = true;
	c->quiet = hs->conf->log_access == ACCESS_NONE || is_noise(hs);
	if (!log_begin(&l, c->quiet ? LOG_DEBUG : LOG_INFO,
		       "[WebSocket Proxy] Connection opened to backend:"))
		return;
	log_id(&l, c->id);
	log_str(&l, "backend", conn_server(c)->text);
	log_uint(&l, "ms", clock_ms() - hs->asked);
	log_slice(&l, "protocol",
		  redact_header(F_SEC_WEBSOCKET_PROTOCOL, SLICE_NONE,
				head_value(res, F_SEC_WEBSOCKET_PROTOCOL),
				shown));
	log_slice(&l, "extensions",
		  head_value(res, F_SEC_WEBSOCKET_EXTENSIONS));
	log_emit(&l);
}

void
access_data(const struct conn *c, size_t n)
{
	struct log_line l;

	if (!log_wants(LOG_DEBUG))
		return;
	if (!log_begin(&l, LOG_DEBUG,
		       "[WebSocket Proxy] Received data from backend: %zu "
		       "bytes", n))
		return;
	log_id(&l, c->id);
	log_emit(&l);
}

/* The side whose Close is told of: the one that ended it, if it did so. */
static const struct frame_watch *
whose_close(const struct conn *c)
{
	if (c->ended_by == BY_SERVER && c->from_server.closed)
		return &c->from_server;
	return c->from_client.closed ? &c->from_client : &c->from_server;
}

/* Is the first Close one that says goodbye, whatever came later? */
static bool
is_goodbye(const struct reason *why)
{
	return why == &reason_drain || why == &reason_tunnel_lifetime ||
	       why == &reason_kill;
}

/* The code of our Close, if that was the first; else 0. */
static unsigned
our_code(const struct conn *c)
{
	if (c->ended == &reason_close)
		return 0;
	if (c->cut && !is_goodbye(c->ended))
		return c->cut;
	return c->state == CS_CLOSING ? tunnel_goodbye_code(c) : 0;
}

/* What the first Close said. */
static void
put_close(struct log_line *l, const struct conn *c)
{
	const struct frame_watch *w = whose_close(c);
	unsigned ours = our_code(c), code = ours ? ours : frame_close_code(w);

	if (code)
		log_uint(l, "code", code);
	if (!ours && frame_close_reason(w).n > 0)
		log_slice(l, "close_reason", frame_close_reason(w));
}

static void
put_messages(struct log_line *l, const struct frame_watch *w)
{
	log_uint(l, "messages", (uint64_t)w->texts + w->binaries);
	log_uint(l, "text", w->texts);
	log_uint(l, "binary", w->binaries);
	log_uint(l, "largest", w->largest);
	if (w->pings)
		log_uint(l, "pings", w->pings);
	if (w->pongs)
		log_uint(l, "pongs", w->pongs);
}

/* What one side has said, and how long before the end it last did, in s. */
static void
put_traffic(struct log_line *l, const struct conn *c, enum side by,
	    uint64_t age)
{
	bool client = by == BY_CLIENT;
	const struct frame_watch *w = client ? &c->from_client
					     : &c->from_server;
	const struct traffic *t = client ? &c->traffic : &c->server->traffic;

	log_object(l, client ? "from_client" : "from_server");
	log_uint(l, "bytes", t->bytes);
	put_messages(l, w);
	log_uint(l, "last", age - t->last);
	if (t->pong)
		log_uint(l, "pong", age + 1 - t->pong);
	if (w->lost)
		log_str(l, "frames", "lost");
	log_object_end(l);
}

/* OpenSSL's words for it, if a side's TLS is the reason; else NULL. */
static const char *
tls_fault(const struct conn *c, const struct reason *why)
{
	if (why == &reason_client_tls_fault)
		return stream_tls_fault(&c->client);
	if (why == &reason_server_tls_fault)
		return stream_tls_fault(&c->server->s);
	return NULL;
}

void
access_closed(const struct conn *c, const struct reason *why, enum side by)
{
	uint64_t age = (clock_ms() - c->born) / 1000;
	const char *fault = tls_fault(c, why);
	struct log_line l;

	if (!log_begin(&l, c->quiet ? LOG_DEBUG : LOG_INFO,
		       "[WebSocket Proxy] Connection closed:"))
		return;
	log_id(&l, c->id);
	log_str(&l, "route", c->terms->route);
	log_str(&l, "by", side_name(by));
	log_str(&l, "reason", why->word);
	if (fault)
		log_str(&l, "message", fault);
	put_close(&l, c);
	log_uint(&l, "age", age);
	put_traffic(&l, c, BY_CLIENT, age);
	put_traffic(&l, c, BY_SERVER, age);
	log_emit(&l);
}

/* ---- what failed ---- */

struct failure {
	const char *message, *code, *reason, *hint;
	unsigned status;
};

static bool
passes(const struct conn *c, enum log_level level, const char *words,
       const char *reason)
{
	return repeat_passes(&c->worker->repeats, &c->worker->wheel, level,
			     words, route_name(c), reason);
}

static const char failed_to_proxy[] = "[WebSocket Upgrade] Failed to proxy";
static const char proxy_error[] = "[WebSocket Proxy Error]";
static const char no_tls[] = "[TLS] Handshake failed";
static const char no_server_tls[] = "[TLS] Handshake with a server failed";
static const char lost_at_once[] = "[HTTP] A server was lost before it had the "
				   "request";
static const char bad_head[] = "[HTTP] 4xx";
static const char failed_request[] = "[HTTP] 5xx";

static bool
begin_failed_upgrade(struct log_line *l, const struct conn *c,
		     const struct failure *f)
{
	if (c->hs->route)
		return passes(c, LOG_ERROR, proxy_error, f->reason) &&
		       log_begin(l, LOG_ERROR, "%s:", proxy_error);
	return passes(c, LOG_WARN, failed_to_proxy, f->reason) &&
	       log_begin(l, LOG_WARN, "%s: %s:", failed_to_proxy, f->reason);
}

/* The one line that says why a WebSocket did not come about. */
static void
log_failed_upgrade(const struct conn *c, const struct failure *f)
{
	const struct handshake *hs = c->hs;
	struct log_line l;

	if (!begin_failed_upgrade(&l, c, f))
		return;
	log_id(&l, c->id);
	put_addr(&l, "client", &hs->client);
	log_str(&l, "message", f->message);
	if (f->code)
		log_str(&l, "code", f->code);
	log_str(&l, "reason", f->reason);
	if (f->status)
		log_uint(&l, "status", f->status);
	if (hs->route)
		log_str(&l, "backend", conn_server(c)->text);
	put_target(&l, "url", hs->req.target);
	put_all_headers(&l, &hs->req);
	put_hint(&l, c, f->hint);
	log_emit(&l);
}

/* ---- ordinary requests ---- */

static enum log_level
http_level(const struct conn *c, unsigned status, uint64_t ms)
{
	const struct handshake *hs = c->hs;

	if (status >= 500)
		return LOG_WARN;
	if (status >= 400)
		return LOG_INFO;
	if (is_noise(hs) || (is_terse(hs->conf) && ms < SLOW_MS))
		return LOG_DEBUG;
	return LOG_INFO;
}

/* One of many that fail alike?  Who asks for all of them gets all. */
static bool
is_one_of_many(const struct conn *c, enum log_level level, unsigned status,
	       const struct failure *f)
{
	return f && status >= 500 && c->hs->conf->log_access != ACCESS_ALL &&
	       !passes(c, level, failed_request, f->reason);
}

static void
log_http(const struct conn *c, unsigned status, const struct failure *f)
{
	const struct handshake *hs = c->hs;
	uint64_t ms = clock_ms() - hs->began;
	/* Of an answer that broke off the status alone looks good. */
	unsigned worst = f && f->status > status ? f->status : status;
	enum log_level level = http_level(c, worst, ms);
	struct log_line l;

	if (hs->conf->log_access == ACCESS_NONE ||
	    is_one_of_many(c, level, status, f) ||
	    !log_begin_peer(&l, level, "[HTTP] ", hs->req.method,
			    hs->req.path, status))
		return;
	log_id(&l, c->id);
	put_addr(&l, "client", &hs->client);
	if (hs->route)
		log_str(&l, "route", route_name(c));
	log_uint(&l, "ms", ms);
	log_uint(&l, "bytes", hs->sent);
	if (f) {
		log_str(&l, "reason", f->reason);
		if (f->message)
			log_str(&l, "message", f->message);
		put_hint(&l, c, f->hint);
	}
	log_emit(&l);
}

void
access_answered(struct conn *c)
{
	struct handshake *hs = c->hs;
	char message[64];
	struct failure f = { .message = message,
			     .reason = "refused",
			     .status = hs->status };

	hs->logged = true;
	if (hs->upgrade != UPGRADE_WEBSOCKET) {
		log_http(c, hs->status, NULL);
		return;
	}
	snprintf(message, sizeof(message), "Unexpected server response: %u",
		 hs->status);
	f.hint = "{server} refused the upgrade; its answer went to the "
		 "client as it was";
	log_failed_upgrade(c, &f);
}

/* The start line as it came, as far as there is one. */
static struct slice
start_line(const struct conn *c)
{
	struct slice s = buf_slice(c->hs ? c->hs->bytes : c->client.in);
	size_t n = 0;

	while (s.n > 0 && (s.p[0] == '\r' || s.p[0] == '\n'))
		s = slice_of(s.p + 1, s.n - 1);
	while (n < s.n && s.p[n] != '\r' && s.p[n] != '\n')
		n++;
	return slice_of(s.p, n);
}

/* A head that never became a request. */
static void
log_bad_head(const struct conn *c, const struct refusal *r)
{
	struct log_line l;

	if (c->worker->conf->log_access == ACCESS_NONE ||
	    !passes(c, LOG_INFO, bad_head, r->word) ||
	    !log_begin(&l, LOG_INFO, "[HTTP] %u", r->status))
		return;
	log_id(&l, c->id);
	put_addr(&l, "client", &c->peer);
	put_target(&l, "request", start_line(c));
	log_str(&l, "reason", r->word);
	log_str(&l, "message", r->text ? r->text : r->why->message);
	log_emit(&l);
}

void
access_unshaken(const struct conn *c, const struct reason *why,
		const char *text)
{
	struct log_line l;

	if (c->worker->conf->log_access == ACCESS_NONE ||
	    !passes(c, LOG_INFO, no_tls, why->word) ||
	    !log_begin(&l, LOG_INFO, "%s:", no_tls))
		return;
	log_id(&l, c->id);
	put_addr(&l, "client", &c->peer);
	log_str(&l, "reason", why->word);
	log_str(&l, "message", text ? text : why->message);
	put_hint(&l, c, why->hint);
	log_emit(&l);
}

void
access_passed_over(const struct conn *c, const struct addr *at,
		   const struct refusal *r)
{
	const char *words = conn_server(c)->tls && !c->hs->opened
				    ? no_server_tls
				    : lost_at_once;
	char place[ADDR_TEXT];
	struct log_line l;

	if (!passes(c, LOG_WARN, words, r->why->word) ||
	    !log_begin(&l, LOG_WARN, "%s, the next address is tried:", words))
		return;
	log_id(&l, c->id);
	log_str(&l, "backend", conn_server(c)->text);
	log_str(&l, "address", addr_text(at, place));
	log_str(&l, "reason", r->why->word);
	log_str(&l, "message", r->text ? r->text : r->why->message);
	put_hint(&l, c, r->hint ? r->hint : r->why->hint);
	log_emit(&l);
}

void
access_refused(struct conn *c, const struct refusal *r)
{
	struct failure f = { .message = r->text ? r->text : r->why->message,
			     .code = r->why->code,
			     .reason = r->word,
			     .hint = r->hint,
			     .status = r->status };

	if (!c->hs || c->hs->req.method.n == 0) {
		log_bad_head(c, r);
		if (c->hs)
			c->hs->logged = true;
		return;
	}
	c->hs->logged = true;
	if (c->hs->upgrade == UPGRADE_WEBSOCKET)
		log_failed_upgrade(c, &f);
	else
		log_http(c, r->status, &f);
}

/* Whoever read a bad body knows better what is wrong with it. */
static const char *
what_is_wrong(const struct conn *c, const struct reason *why)
{
	const struct handshake *hs = c->hs;
	const char *fault = tls_fault(c, why);
	const struct body *b = why == &reason_bad_response ? &hs->res_body
							   : &hs->req_body;
	bool is_bad = why == &reason_bad_response || why == &reason_bad_body;

	if (fault)
		return fault;
	return is_bad && b->bad ? b->bad : why->message;
}

void
access_abandoned(struct conn *c, const struct reason *why)
{
	struct failure f = { .message = what_is_wrong(c, why),
			     .code = why->code,
			     .reason = why->word,
			     .hint = why->hint };
	struct log_line l;

	if (c->hs->logged || c->state == CS_REPLY)
		return;
	c->hs->logged = true;
	if (c->hs->upgrade != UPGRADE_WEBSOCKET) {
		f.status = why->status;
		/* 499 as nginx has it: no status was delivered whole. */
		log_http(c, c->hs->answered ? c->hs->status : 499, &f);
		return;
	}
	if (why != &reason_client_gone && why != &reason_client_reset &&
	    why != &reason_client_tls_fault) {
		log_failed_upgrade(c, &f);
		return;
	}
	if (c->hs->conf->log_access == ACCESS_NONE ||
	    !log_begin(&l, LOG_INFO, "[WebSocket Upgrade] Socket error: %s:",
		       f.message))
		return;
	log_id(&l, c->id);
	put_addr(&l, "client", &c->hs->client);
	put_target(&l, "url", c->hs->req.target);
	log_str(&l, "reason", why->word);
	log_emit(&l);
}
