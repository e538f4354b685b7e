/* SPDX-License-Identifier: ISC */
/*
 * survey.c: what an operator may ask a worker about its connections, and to
 * end one.
 */
#include "proxy/survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "proxy/conn.h"
#include "proxy/finish.h"
#include "proxy/redact.h"
#include "proxy/tunnel.h"

/* ---- one connection ---- */

static void
copy_side(struct survey_side *to, struct conn *c, enum side by, uint32_t now)
{
	const struct frame_watch *w = conn_frames(c, by);
	const struct traffic *t = conn_traffic(c, by);

	*to = (struct survey_side){
		.bytes = t->bytes,
		.largest = w->largest,
		.unsent = stream_owed(conn_stream(c, side_other(by))),
		.texts = w->texts,
		.binaries = w->binaries,
		.pings = w->pings,
		.pongs = w->pongs,
		.last = now - t->last,
		.pong = t->pong ? now + 2 - t->pong : 0,
		.code = w->closed ? (uint16_t)frame_close_code(w) : 0,
		.tls = conn_stream(c, by)->tls != NULL,
		.lost = w->lost,
	};
}

static void
copy_tunnel(struct survey_row *r, struct conn *c)
{
	uint64_t age = clock_ms() - c->born;

	r->age = age;
	r->client = c->peer;
	r->route = c->terms->route;
	r->ending = c->goodbye_due;
	copy_side(&r->from_client, c, BY_CLIENT, (uint32_t)(age / 1000));
	copy_side(&r->from_server, c, BY_SERVER, (uint32_t)(age / 1000));
}

/*
 * What a handshake knows goes with it: it is copied, or without memory left
 * out.
 */
static void
copy_request(struct survey_row *r, const struct conn *c)
{
	const struct handshake *hs = c->hs;
	const char *route = hs->route ? hs->route->name : "";
	struct slice method = hs->req.method, target;
	size_t n = strlen(route) + 1, room;
	char shown[REDACT_MAX];

	r->age = clock_ms() - hs->began;
	r->client = hs->client;
	target = redact_target(hs->req.target, shown);
	room = n + method.n + 1 + target.n + 1;
	r->request = malloc(room);
	if (!r->request)
		return;
	memcpy(r->request, route, n);
	snprintf(r->request + n, room - n, "%.*s %.*s", SLICE_ARG(method),
		 SLICE_ARG(target));
	r->route = r->request;
	r->target = r->request + n;
}

/* Where it really is, which its configuration need not know any more. */
static void
copy_server(struct survey_row *r, const struct conn *c)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(ss);

	r->has_server = c->server &&
			getpeername(stream_fd(&c->server->s),
				    (struct sockaddr *)&ss,
				    &len) == 0;
	if (r->has_server)
		addr_of_sockaddr(&r->server, (struct sockaddr *)&ss);
}

static void
copy(struct survey *s, struct conn *c)
{
	struct survey_row *r = &s->rows[s->n++];

	*r = (struct survey_row){ .id = c->id, .state = c->state, .route = "",
				  .target = "" };
	if (c->opened)
		copy_tunnel(r, c);
	else
		copy_request(r, c);
	copy_server(r, c);
}

/* ---- all of them ---- */

/* Those that have a request under way, or a tunnel, are in one row of states. */
static enum conn_state
first_state(const struct survey *s)
{
	return s->kind.requests ? CS_CONNECT : CS_TUNNEL;
}

/* What is left of the present list, as far as there is room. */
static void
take_list(struct worker *w, struct survey *s)
{
	struct list *end = &w->conns[s->at];

	while (w->cursor != end && s->n < SURVEY_SLICE) {
		struct conn *c = container_of(w->cursor, struct conn, link);

		w->cursor = w->cursor->next;
		copy(s, c);
	}
}

static void
take_slice(struct worker *w, struct survey *s)
{
	if (!s->goes_on) {
		s->at = first_state(s);
		w->cursor = w->conns[s->at].next;
	}
	take_list(w, s);
	while (s->n < SURVEY_SLICE && s->at < CS_CLOSING) {
		s->at++;
		w->cursor = w->conns[s->at].next;
		take_list(w, s);
	}
	s->more = s->n == SURVEY_SLICE;
	s->goes_on = s->more;
	if (!s->more)
		w->cursor = NULL;
}

/* ---- a certain one ---- */

static struct conn *
find(struct worker *w, const struct survey *s)
{
	for (enum conn_state i = first_state(s); i <= CS_CLOSING; i++)
		list_each(it, &w->conns[i]) {
			struct conn *c = container_of(it, struct conn, link);

			if (c->id == s->kind.id)
				return c;
		}
	return NULL;
}

/* An answer that has begun can only be cut off. */
static void
end(struct conn *c)
{
	if (c->opened)
		tunnel_kill(c);
	else if (c->state == CS_BODY)
		conn_close(c, &reason_kill, BY_OPERATOR);
	else
		finish_fail(c, &reason_kill);
}

static void
take_one(struct worker *w, struct survey *s)
{
	struct conn *c = find(w, s);

	if (!c)
		return;
	copy(s, c);
	if (s->kind.kill)
		end(c);
}

void
survey_answer(struct worker *w, struct survey *s)
{
	s->n = 0;
	s->more = false;
	if (s->kind.id)
		take_one(w, s);
	else
		take_slice(w, s);
}

void
survey_clear(struct survey *s)
{
	for (unsigned i = 0; i < s->n; i++)
		free(s->rows[i].request);
	s->n = 0;
}
