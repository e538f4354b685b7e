/* SPDX-License-Identifier: ISC */
/*
 * invariants.c: what must hold of any bytes that pass between two peers.
 *
 *  1. A server hears a request only if the client has sent it, in its order,
 *     with that body, and twice only where asking again is safe.
 *  2. Every head and chunk line that reaches a server or a client can be read
 *     in one way only.
 *  3. A tunnel opens only on the 101 that belongs to the request; before it,
 *     and without it, nothing behind an upgrade's head reaches the server.
 *     Then all bytes pass, each in its place; ours among them are Pings, where
 *     the route says so, and one Close.
 *  4. An answer is the one to its request; a server that has said more than it
 *     was asked is not asked again.
 */
#include "peers.h"
#include "unping.h"

static struct slice
since(const struct flow *f, size_t at)
{
	return slice_of(f->bytes + at, f->n - at);
}

/* Both as they would be without Pings, where some may be ours. */
static void
leave_out_pings(const struct request *r, struct slice *heard,
		struct slice *said)
{
	static char plain[2][PEER_BYTES];

	if (!slice_starts(r->head.target, SLICE(PEERS_PINGED)))
		return;
	*heard = slice_of(plain[0], unping(*heard, plain[0]));
	*said = slice_of(plain[1], unping(*said, plain[1]));
}

/* ---- what the client asks for */

static void
follow_body(struct client_peer *c, struct request *r)
{
	uint64_t payload;
	enum strict found = strict_body(r->head.framing, r->head.length,
					since(&c->said, r->body_at),
					&r->body_len, &payload);

	r->whole = found == STRICT_WHOLE;
	c->lost = found == STRICT_BAD || (r->whole && r->upgrade);
	/* Of a bad body a part may go on, before it is known to be bad. */
	if (found == STRICT_BAD)
		r->body_len = c->said.n - r->body_at;
	c->read_to = r->body_at + r->body_len;
}

/* Empty lines before a request do no harm (RFC 9112 2.2). */
static void
skip_empty_lines(struct client_peer *c)
{
	while (slice_starts(since(&c->said, c->read_to), SLICE("\r\n")))
		c->read_to += 2;
}

static void
read_requests(struct client_peer *c)
{
	struct request *r = c->nrequests > 0 ? &c->requests[c->nrequests - 1]
					     : NULL;
	enum strict found;

	if (r && !r->whole && !c->lost)
		follow_body(c, r);
	while ((!r || r->whole) && !c->lost && c->nrequests < REQUESTS) {
		skip_empty_lines(c);
		r = &c->requests[c->nrequests];
		*r = (struct request){ .client = c };
		found = strict_head(STRICT_REQUEST,
				    since(&c->said, c->read_to), &r->head);
		c->lost = found == STRICT_BAD;
		if (found != STRICT_WHOLE)
			return;
		c->nrequests++;
		r->upgrade = strict_is_upgrade(&r->head);
		r->body_at = c->read_to + r->head.all.n;
		follow_body(c, r);
	}
}

/* ---- what a server hears */

/* "http://a/b?c" without what names the host; *root where no path is left. */
static struct slice
without_host(struct slice asked, bool *root)
{
	const char *p = memmem(asked.p, asked.n, "://", 3);
	size_t n = p ? (size_t)(p - asked.p) + 3 : asked.n;

	*root = false;
	if (asked.p[0] == '/' || !p)
		return asked;
	while (n < asked.n && asked.p[n] != '/' && asked.p[n] != '?')
		n++;
	*root = n == asked.n || asked.p[n] == '?';
	return slice_of(asked.p + n, asked.n - n);
}

/* As the client asked, or as the one route that rewrites asks. */
static bool
is_target_of(struct slice heard, struct slice asked)
{
	static const struct slice ours = SLICE("/base/"), theirs =
							  SLICE("/app/");
	struct slice tail;
	bool root;

	if (slice_eq(heard, asked))
		return true;
	asked = without_host(asked, &root);
	if (root)
		return heard.n == 1 + asked.n &&
		       memcmp(heard.p + 1, asked.p, asked.n) == 0;
	if (slice_eq(heard, asked))
		return true;
	if (!slice_starts(heard, ours))
		return false;
	tail = slice_of(heard.p + ours.n, heard.n - ours.n);
	return asked.n == theirs.n + tail.n && slice_starts(asked, theirs) &&
	       slice_eq(slice_of(asked.p + theirs.n, tail.n), tail);
}

static bool
is_one_of(struct slice name, const char *const *names)
{
	for (; *names; names++)
		if (slice_ieq(name, slice_str(*names)))
			return true;
	return false;
}

/* Nothing is there but what the client sent, in its order, and our own. */
static bool
is_made_of(const struct strict_head *heard, const struct strict_head *sent)
{
	static const char *const ours[] = {
		"Host", "X-Forwarded-For", "X-Forwarded-Proto",
		"X-Forwarded-Host", "X-Forwarded-Port", "X-Request-Id",
		"X-Set", "Connection", NULL
	};
	struct slice rest = heard->fields, left = sent->fields, name, value;

	while (strict_next_field(&rest, &name, &value)) {
		struct slice scan = left, n, v;
		bool found = false;

		while (!found && strict_next_field(&scan, &n, &v))
			found = slice_eq(n, name) && slice_eq(v, value);
		if (found)
			left = scan;
		else if (!is_one_of(name, ours))
			return false;
	}
	return true;
}

static bool
is_that(const struct strict_head *heard, const struct request *r)
{
	return slice_eq(heard->method, r->head.method) &&
	       is_target_of(heard->target, r->head.target) &&
	       heard->framing == r->head.framing &&
	       heard->length == r->head.length &&
	       strict_is_upgrade(heard) == r->upgrade;
}

/* RFC 9110 9.2.2; the kept connection must have failed meanwhile. */
static bool
may_be_asked_again(const struct request *r)
{
	static const struct slice safe[] = {
		SLICE("GET"), SLICE("HEAD"), SLICE("OPTIONS"), SLICE("PUT"),
		SLICE("DELETE"),
	};

	if (!r->carrier || r->carrier->nheard < 2)
		return false;
	if (!peers_starved && (!r->carrier->spoilt || r->answered))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(safe); i++)
		if (slice_eq(r->head.method, safe[i]))
			return true;
	return false;
}

/*
 * The last request of some client, once more: also of one that has gone, for
 * what looked like its FIN.  The proxy's id says which one it is.
 */
static struct request *
find_again(const struct strict_head *heard)
{
	struct slice id;

	strict_count(heard, "X-Request-Id", &id);
	for (unsigned i = 0; i < peers_nclients; i++) {
		struct client_peer *c = &peers_clients[i];
		struct request *r = c->passed ? &c->requests[c->passed - 1]
					      : NULL;

		if (r && is_that(heard, r) && slice_eq(id, r->id) &&
		    is_made_of(heard, &r->head) && may_be_asked_again(r))
			return r;
	}
	return NULL;
}

/* The client's request that this is; there must be one. */
static struct request *
find_request(struct client_peer *c, const struct strict_head *heard)
{
	struct request *r = find_again(heard);

	for (unsigned i = c->passed; !r && i < c->nrequests; i++) {
		if (!is_that(heard, &c->requests[i]) ||
		    !is_made_of(heard, &c->requests[i].head))
			continue;
		r = &c->requests[i];
		strict_count(heard, "X-Request-Id", &r->id);
		c->passed = i + 1;
	}
	MUST(r && "a server hears what no client has asked");
	return r;
}

/* A body that servers overlook must be the last on its connection. */
static bool
asks_close(const struct request *r)
{
	static const char *const methods[] = {
		"GET", "HEAD", "OPTIONS", "DELETE", NULL
	};

	return is_one_of(r->head.method, methods) &&
	       (r->head.framing == FRAMED_CHUNKED || r->head.length > 0);
}

/* What belongs to one connection, or is claimed by those who may not. */
static void
check_edits(const struct client_peer *c, const struct request *r,
	    const struct strict_head *heard)
{
	static const char *const hops[] = {
		"Connection", "Keep-Alive", "Proxy-Connection", "TE",
		"Upgrade", "HTTP2-Settings", NULL
	};
	static const char *const claims[] = {
		"Forwarded", "X-Real-IP", "X_Forwarded_For", "X_Real_IP",
		"X-Forwarded_For", "X_Forwarded-For", "X_Request_Id", NULL
	};
	struct slice rest = heard->fields, name, value;

	MUST(heard->minor == 1);
	MUST(heard->target.p[0] == '/' || slice_eq(heard->target, SLICE("*")));
	MUST(strict_count(heard, "X-Request-Id", &value) == 1);
	if (!c->trusted) {
		MUST(strict_count(heard, "X-Forwarded-For", &value) == 1);
		MUST(slice_eq(value, SLICE(PEERS_ADDRESS)));
		MUST(strict_count(heard, "X-Forwarded-Proto", &value) == 1);
		MUST(strict_count(heard, "X-Forwarded-Host", &value) <= 1);
		MUST(strict_count(heard, "X-Forwarded-Port", &value) == 1);
	}
	while (strict_next_field(&rest, &name, &value)) {
		MUST(r->upgrade || !is_one_of(name, hops) ||
		     (asks_close(r) && slice_ieq(name, SLICE("Connection")) &&
		      slice_eq(value, SLICE("close"))));
		MUST(c->trusted || !is_one_of(name, claims));
	}
}

/* A new request begins.  False if its head is not whole yet. */
static bool
hear_head(struct server_peer *s)
{
	struct slice bytes = since(&s->heard, s->heard_to);
	struct strict_head head;
	enum strict found;

	MUST(peers_client && !s->spoilt && !s->asked);
	found = strict_head(STRICT_REQUEST, bytes, &head);
	MUST(found != STRICT_BAD);
	if (found == STRICT_MORE)
		return false;
	s->now = s->asked = find_request(peers_client, &head);
	s->client = s->now->client;
	check_edits(s->client, s->now, &head);
	s->now->carrier = s;
	s->now->answered = false;
	s->nheard++;
	s->body_at = s->heard_to + head.all.n;
	return true;
}

/* What follows a head is its body, byte for byte. */
static void
hear_body(struct server_peer *s)
{
	struct request *r = s->now;
	struct slice heard = since(&s->heard, s->body_at);
	struct slice said = since(&s->client->said, r->body_at);
	uint64_t payload;
	size_t len;

	if (r->upgrade) {
		MUST(heard.n == 0 || s->switched);
		leave_out_pings(r, &heard, &said);
		MUST(slice_starts(said, heard));
		return;
	}
	MUST(r->whole || heard.n <= r->body_len);
	MUST(strict_body(r->head.framing, r->head.length, heard, &len,
			 &payload) != STRICT_BAD);
	if (heard.n > r->body_len)
		heard.n = r->body_len;
	MUST(slice_starts(said, heard));
	if (!r->whole || heard.n < r->body_len)
		return;
	s->heard_to = s->body_at + r->body_len;
	s->now = NULL;
}

static void
check_server(struct server_peer *s)
{
	struct request *before = NULL;

	while (s->now != before || s->heard_to < s->heard.n) {
		if (!s->now && !hear_head(s))
			return;
		before = s->now;
		hear_body(s);
		if (s->now)
			return;
		before = NULL;
	}
}

/* ---- what a server answers */

/* One message of its answer.  False when there is no whole one. */
static bool
read_answer(struct server_peer *s)
{
	struct request *r = s->asked;
	struct strict_head head;
	uint64_t payload;
	size_t len;
	enum strict found = strict_head(STRICT_RESPONSE,
					since(&s->said, s->said_to), &head);

	if (found != STRICT_WHOLE) {
		s->spoilt |= found == STRICT_BAD;
		return false;
	}
	if (head.status == 101) {
		s->spoilt = true;
		s->switched = strict_is_switch(&r->head, &head);
		r->answer_at = s->said_to + head.all.n;
		return false;
	}
	if (head.status < 200) {
		s->said_to += head.all.n;
		return true;
	}
	r->answered = true;
	r->answer = head;
	r->answer_at = s->said_to + head.all.n;
	found = strict_body(strict_response_framing(&head, r->head.method),
			    head.length, since(&s->said, r->answer_at), &len,
			    &payload);
	s->spoilt |= found == STRICT_BAD || head.close || r->upgrade ||
		     asks_close(r);
	if (found != STRICT_WHOLE)
		return false;
	s->said_to = r->answer_at + len;
	s->asked = NULL;
	return true;
}

void
peers_read_answers(struct server_peer *s)
{
	while (s->asked && !s->switched && !s->spoilt && read_answer(s))
		;
	/* It speaks without having been asked. */
	if (!s->asked && s->said_to < s->said.n)
		s->spoilt = true;
}

/* ---- what the client hears */

/* An answer of the proxy's own has neither body nor length of a server's. */
static bool
is_own(const struct strict_head *answer)
{
	struct slice v;

	return answer->status >= 400 &&
	       strict_count(answer, "Cache-Control", &v) == 1 &&
	       slice_eq(v, SLICE("no-store")) &&
	       strict_count(answer, "Content-Type", &v) == 1 &&
	       slice_eq(v, SLICE("text/plain; charset=utf-8"));
}

/* `minor` is of the client that hears it. */
static bool
is_answer_to(const struct request *r, const struct strict_head *answer,
	     struct slice body, unsigned minor)
{
	static char plain[PEER_BYTES];
	struct slice said;

	if (!r->carrier || !r->answered || answer->status != r->answer.status)
		return false;
	said = since(&r->carrier->said, r->answer_at);
	/* An HTTP/1.0 client gets chunks without their lines. */
	if (r->answer.framing == FRAMED_CHUNKED && minor == 0)
		said = slice_of(plain, strict_unchunk(said, plain));
	return slice_starts(said, body);
}

/*
 * It is what a server said to this request, and to no other.  Of requests that
 * are alike, the proxy may have answered any itself.
 */
static void
check_origin(const struct client_peer *c, const struct request *r,
	     const struct strict_head *answer, struct slice body)
{
	bool found = is_own(answer);

	for (unsigned i = 0; !found && i < c->nrequests; i++)
		found = is_that(&c->requests[i].head, r) &&
			is_answer_to(&c->requests[i], answer, body,
				     r->head.minor);
	MUST(found && "an answer that no server has given to this");
}

/* What the server has said, and perhaps a Close of ours (code 1012). */
static bool
is_tunnelled(struct slice heard, struct slice said)
{
	static const struct slice goodbye = SLICE("\x88\x02\x03\xf4");

	for (size_t n = 0; n <= goodbye.n && n <= heard.n; n++)
		if (memcmp(heard.p + heard.n - n, goodbye.p, n) == 0 &&
		    slice_starts(said, slice_of(heard.p, heard.n - n)))
			return true;
	return false;
}

static void
check_tunnel(struct client_peer *c, const struct request *r,
	     const struct strict_head *head)
{
	struct slice heard = since(&c->heard, c->heard_to + head->all.n);
	struct slice said;

	MUST(r && r->upgrade && r->carrier && r->carrier->switched);
	MUST(strict_is_switch(&r->head, head) && head->minor == 1);
	said = since(&r->carrier->said, r->answer_at);
	leave_out_pings(r, &heard, &said);
	MUST(is_tunnelled(heard, said));
}

/* One message.  False when there is no whole one. */
static bool
hear_answer(struct client_peer *c)
{
	const struct request *r = c->answered < c->nrequests
					  ? &c->requests[c->answered]
					  : NULL;
	struct slice method = r ? r->head.method : SLICE_NONE, body;
	struct strict_head head;
	uint64_t payload;
	size_t len;
	enum strict found = strict_head(STRICT_RESPONSE,
					since(&c->heard, c->heard_to), &head);

	MUST(found != STRICT_BAD && !c->over);
	if (found == STRICT_MORE)
		return false;
	if (head.status == 101) {
		check_tunnel(c, r, &head);
		return false;
	}
	MUST(head.minor == 1 && !strict_claims_body(&head));
	if (head.status < 200) {
		MUST(r && r->head.minor > 0 && ++c->interim <= 16);
		c->heard_to += head.all.n;
		return true;
	}
	MUST(!r || r->head.minor > 0 || head.framing != FRAMED_CHUNKED);
	/* One more answer than requests: to what was none. */
	MUST(r || (is_own(&head) && head.status < 600));
	body = since(&c->heard, c->heard_to + head.all.n);
	found = strict_body(strict_response_framing(&head, method),
			    head.length, body, &len, &payload);
	MUST(found != STRICT_BAD);
	body.n = len;
	check_origin(c, r, &head, body);
	if (found == STRICT_MORE)
		return false;
	c->heard_to += head.all.n + len;
	c->over = head.close || !r;
	c->answered++;
	c->interim = 0;
	return true;
}

void
peers_check(void)
{
	struct client_peer *c = peers_client;

	if (!c)
		return;
	read_requests(c);
	for (unsigned i = 0; i < peers_nservers; i++) {
		check_server(&peers_servers[i]);
		peers_read_answers(&peers_servers[i]);
	}
	while (c->heard_to < c->heard.n && hear_answer(c))
		;
}
