/* SPDX-License-Identifier: ISC */
/*
 * finish.c: our own answers, and endings that do not cut them off.
 */
#include "proxy/finish.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "net/relay.h"
#include "proxy/access.h"
#include "proxy/client.h"
#include "proxy/server.h"

#define LINGER_MS 2000
#define LINGER_DRAIN_MS 200
#define LINGER_BYTES (16 * 1024 * 1024)

static const char *
phrase(unsigned status)
{
	switch (status) {
	case 308:
		return "Permanent Redirect";
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 408:
		return "Request Timeout";
	case 414:
		return "URI Too Long";
	case 421:
		return "Misdirected Request";
	case 426:
		return "Upgrade Required";
	case 429:
		return "Too Many Requests";
	case 431:
		return "Request Header Fields Too Large";
	case 501:
		return "Not Implemented";
	case 502:
		return "Bad Gateway";
	case 503:
		return "Service Unavailable";
	case 504:
		return "Gateway Timeout";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return status < 500 ? "Client Error" : "Server Error";
	}
}

/* For those who may know: cause and remedy; the id leads to the log line. */
static bool
write_body(struct buf **b, const struct conn *c, const struct refusal *r)
{
	bool detail = c->hs ? c->hs->detail : addr_is_loopback(&c->peer);
	const char *text = r->text ? r->text : r->why->message;
	char hint[REASON_HINT_MAX];

	if (!buf_printf(b, "%u %s\n", r->status, phrase(r->status)))
		return false;
	if (detail && text && !buf_printf(b, "%s: %s\n", r->word, text))
		return false;
	if (detail && r->hint &&
	    !buf_printf(b, "%s\n",
			reason_hint(r->hint, conn_server_text(c), hint)))
		return false;
	return buf_printf(b, "(bowsprit, id %" PRIu64 ")\n", c->id);
}

/* host of "http://host:port" or of "host:port" */
static struct slice
host_of(struct slice s)
{
	const char *p = s.n ? memmem(s.p, s.n, "://", 3) : NULL;
	size_t n;

	if (p) {
		s.n -= (size_t)(p + 3 - s.p);
		s.p = p + 3;
	}
	for (n = s.n; n > 0 && s.p[n - 1] >= '0' && s.p[n - 1] <= '9'; n--)
		;
	if (n > 0 && s.p[n - 1] == ':')
		s.n = n - 1;
	return s;
}

/*
 * A browser hides an answer from a page of another origin, and shows a CORS
 * error instead, unless the answer allows it.  A page of the same host, on
 * whatever port, may see why it failed.
 */
static bool
write_cors(struct buf **b, const struct conn *c)
{
	struct slice origin;

	if (!c->hs)
		return true;
	origin = head_value(&c->hs->req, F_ORIGIN);
	if (origin.n == 0 || !slice_ieq(host_of(origin),
					host_of(c->hs->req.authority)))
		return true;
	return buf_printf(b, "Access-Control-Allow-Origin: %.*s\r\n"
			  "Vary: Origin\r\n", SLICE_ARG(origin));
}

/* To clients we are an origin server, with a clock (RFC 9110 6.6.1). */
static bool
write_date(struct buf **b)
{
	time_t now = (time_t)(clock_wall_ms() / 1000);
	char text[sizeof("Sun, 06 Nov 1994 08:49:37 GMT")];
	struct tm tm;

	return gmtime_r(&now, &tm) &&
	       strftime(text, sizeof(text), "%a, %d %b %Y %T GMT", &tm) > 0 &&
	       buf_printf(b, "Date: %s\r\n", text);
}

/*
 * The answer to HEAD has no content (RFC 9110 9.3.2), nor has that to one
 * which was refused before it was a request.
 */
static bool
is_head_only(const struct conn *c)
{
	struct slice in = buf_slice(c->client.in);

	if (c->hs)
		return slice_eq(c->hs->req.method, SLICE("HEAD"));
	while (slice_starts(in, SLICE("\r\n")))
		in = slice_of(in.p + 2, in.n - 2);
	return slice_starts(in, SLICE("HEAD "));
}

static bool
write_reply(struct buf **b, const struct conn *c, const struct refusal *r)
{
	struct buf *body = NULL;
	bool head_only = is_head_only(c);
	bool ok = write_body(&body, c, r) &&
		  buf_printf(b, "HTTP/1.1 %u %s\r\n"
			     "Content-Type: text/plain; charset=utf-8\r\n"
			     "Content-Length: %zu\r\n"
			     "Cache-Control: no-store\r\n",
			     r->status, phrase(r->status), buf_len(body)) &&
		  write_date(b) && write_cors(b, c);

	if (ok && r->location)
		ok = buf_printf(b, "Location: %s\r\n", r->location);
	if (ok && (r->status == 503 || r->status == 429))
		ok = buf_printf(b, "Retry-After: 2\r\n");
	if (ok && r->status == 405)
		ok = buf_printf(b, "Allow: GET, HEAD, POST, PUT, PATCH, "
				"DELETE, OPTIONS\r\n");
	if (ok && c->close_after)
		ok = buf_printf(b, "Connection: close\r\n");
	ok = ok && buf_add(b, "\r\n", 2) &&
	     (head_only || buf_add(b, buf_data(body), buf_len(body)));
	buf_free(&body);
	return ok;
}

/* After it the connection can serve another request only if we know where
 * that begins. */
static bool
must_close(const struct conn *c)
{
	const struct handshake *hs = c->hs;

	return c->close_after || c->worker->draining || !hs || !hs->req_body.done ||
	       hs->upgrade == UPGRADE_WEBSOCKET;
}

static void
replied(struct conn *c)
{
	if (c->close_after)
		finish_linger(c);
	else
		client_next(c);
}

static void
await_taker(struct conn *c)
{
	conn_set_deadline(c, c->worker->conf->timeouts.stall,
			  &reason_stall_client);
}

static void
send_reply(struct conn *c, const struct refusal *r)
{
	struct buf *b = NULL;
	bool ok = write_reply(&b, c, r) &&
		  stream_send(&c->client, buf_data(b), buf_len(b));

	buf_free(&b);
	if (!ok) {
		conn_close(c, &reason_client_gone, BY_CLIENT);
		return;
	}
	stream_set_reading(&c->client, false);
	conn_set_state(c, CS_REPLY);
	await_taker(c);
	if (!c->client.out)
		replied(c);
}

void
finish_refuse(struct conn *c, const struct refusal *refusal)
{
	struct refusal r = *refusal;
	bool answered = c->hs && c->hs->answered;

	if (!r.status)
		r.status = r.why->status;
	if (!r.word)
		r.word = r.why->word;
	if (!r.hint)
		r.hint = r.why->hint;
	if (answered || !r.status) {
		conn_close(c, r.why, BY_PROXY);
		return;
	}
	c->close_after = must_close(c);
	access_refused(c, &r);
	limit_leave(c);
	server_drop(c);
	send_reply(c, &r);
}

void
finish_fail(struct conn *c, const struct reason *why)
{
	struct refusal r = { .why = why };

	finish_refuse(c, &r);
}

void
finish_fault(struct conn *c, const struct head_fault *fault)
{
	struct refusal r = { .why = &reason_bad_request,
			     .status = fault->status,
			     .word = fault->word,
			     .text = fault->why };

	finish_refuse(c, &r);
}

void
finish_on_reply(struct conn *c, unsigned news)
{
	if (c->client.out)
		await_taker(c);
	else if (news & NEWS_WRITE)
		replied(c);
}

void
finish_on_deadline(struct conn *c)
{
	if (conn_is_slow_only(c, c->due))
		await_taker(c);
	else
		conn_close(c, c->due, BY_PROXY);
}

void
finish_linger(struct conn *c)
{
	handshake_free(c);
	stream_finish(&c->client);
	conn_set_state(c, CS_LINGER);
	if (c->client.eof) {
		conn_close(c, &reason_done, BY_CLIENT);
		return;
	}
	buf_free(&c->client.in);
	c->traffic.bytes = 0;
	conn_set_deadline(c, c->worker->draining ? LINGER_DRAIN_MS : LINGER_MS,
			  &reason_done);
	stream_set_reading(&c->client, true);
}

void
finish_drain(struct conn *c)
{
	conn_set_deadline(c, LINGER_DRAIN_MS, &reason_done);
}

void
finish_on_linger(struct conn *c, unsigned news)
{
	ssize_t got = -1;

	if (news & NEWS_READ)
		got = stream_read(&c->client, c->worker->tools.scratch,
				  RELAY_SCRATCH);
	if (got > 0)
		c->traffic.bytes += (uint64_t)got;
	if (got == 0 || got == -2 || c->traffic.bytes > LINGER_BYTES)
		conn_close(c, &reason_done, BY_CLIENT);
}
