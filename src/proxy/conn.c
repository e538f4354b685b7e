/* SPDX-License-Identifier: ISC */
/*
 * conn.c: the life of a client connection.
 *
 *	accept -> (PROXY -> TLS ->) HEAD -> CONNECT -> ANSWER -> BODY -> HEAD ...
 *	                                  \-> TUNNEL -> HALF -> DEAD
 *	             (our own answer) REPLY -> LINGER -> DEAD
 *
 * The callbacks are installed once and switch on the state; what a state does
 * stands in client.c, server.c, exchange.c, tunnel.c and finish.c.
 */
#include "proxy/conn.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "proxy/access.h"
#include "proxy/client.h"
#include "proxy/exchange.h"
#include "proxy/finish.h"
#include "proxy/proxied.h"
#include "proxy/secure.h"
#include "proxy/server.h"
#include "proxy/shake.h"
#include "proxy/tunnel.h"

static void
on_client(struct watch *w, unsigned news)
{
	struct conn *c = container_of(w, struct conn, client.watch);

	CHECK_CONN(c);
	if (c->opened) {
		tunnel_on_client(c, news);
		return;
	}
	if ((news & NEWS_WRITE) && !stream_flush(&c->client)) {
		conn_close(c, &reason_client_reset, BY_CLIENT);
		return;
	}
	switch (c->state) {
	case CS_PROXY:
		proxied_on_event(c, news);
		break;
	case CS_TLS:
		shake_on_event(c, news);
		break;
	case CS_HEAD:
		client_on_head(c, news);
		break;
	case CS_CONNECT:
		client_on_wait(c, news);
		break;
	case CS_ANSWER:
		if (c->hs->upgrade == UPGRADE_WEBSOCKET)
			client_on_wait(c, news);
		else
			exchange_on_client(c, news);
		break;
	case CS_BODY:
		exchange_on_client(c, news);
		break;
	case CS_REPLY:
		finish_on_reply(c, news);
		break;
	case CS_LINGER:
		finish_on_linger(c, news);
		break;
	case CS_TUNNEL: /* opened, see above */
	case CS_HALF:
	case CS_CLOSING:
	case CS_DEAD:
	case CS_COUNT:
		assert(0 && "an event of a client in a state without one");
	}
}

void
conn_on_server(struct conn *c, unsigned news)
{
	switch (c->state) {
	case CS_CONNECT: /* there is a connection, see dial.c before that */
		secure_on_event(c, news);
		break;
	case CS_ANSWER:
		server_on_answer(c, news);
		break;
	case CS_BODY:
		exchange_on_server(c, news);
		break;
	case CS_TUNNEL:
	case CS_HALF:
	case CS_CLOSING:
		tunnel_on_server(c, news);
		break;
	case CS_PROXY:
	case CS_TLS:
	case CS_HEAD:
	case CS_REPLY:
	case CS_LINGER:
	case CS_DEAD:
	case CS_COUNT:
		assert(0 && "an event of a server in a state without one");
	}
}

static void
on_deadline(struct deadline *d)
{
	struct conn *c = container_of(d, struct conn, deadline);

	CHECK_CONN(c);
	switch (c->state) {
	case CS_PROXY:
		proxied_on_deadline(c);
		break;
	case CS_TLS:
		shake_on_deadline(c);
		break;
	case CS_HEAD:
		client_on_deadline(c);
		break;
	case CS_CONNECT:
		server_on_deadline(c);
		break;
	case CS_ANSWER:
	case CS_BODY:
		exchange_on_deadline(c);
		break;
	case CS_TUNNEL:
	case CS_HALF:
	case CS_CLOSING:
		tunnel_on_deadline(c);
		break;
	case CS_REPLY:
	case CS_LINGER:
		finish_on_deadline(c);
		break;
	case CS_DEAD:
	case CS_COUNT:
		assert(0 && "a deadline of a dead connection");
	}
}

struct conn *
conn_new(struct worker *w, int fd, const struct addr *peer)
{
	struct conn *c = chunks_get(&w->conn_chunks);

	if (!c) {
		close(fd);
		return NULL;
	}
	c->magic = CONN_MAGIC;
	c->worker = w;
	c->state = CS_HEAD;
	list_init(&c->link);
	list_push_back(&w->conns[CS_HEAD], &c->link);
	deadline_init(&c->deadline, on_deadline);
	c->peer = *peer;
	stream_init(&c->client, w->poller, fd, on_client);
	worker_count(w, +1);
	ebb_come(&w->conns_ebb);
	return c;
}

void
conn_set_state(struct conn *c, enum conn_state state)
{
	assert(c->state != CS_DEAD);
	if (c->worker->cursor == &c->link)
		c->worker->cursor = c->link.next;
	list_remove(&c->link);
	c->state = state;
	list_push_back(&c->worker->conns[state], &c->link);
}

void
conn_set_deadline(struct conn *c, uint64_t ms, const struct reason *due)
{
	c->due = due;
	if (ms == 0)
		deadline_clear(&c->deadline);
	else
		deadline_set(&c->worker->wheel, &c->deadline, clock_ms() + ms);
}

bool
conn_is_slow_only(struct conn *c, const struct reason *due)
{
	if (due == &reason_stall_client)
		return stream_is_taken(&c->client);
	return due == &reason_stall_server && stream_is_taken(&c->server->s);
}

void
conn_close(struct conn *c, const struct reason *why, enum side by)
{
	CHECK_CONN(c);
	if (conn_is_dead(c))
		return;
	if (c->opened)
		access_closed(c, why, by);
	else if (c->hs)
		access_abandoned(c, why);
	c->opened = false;
	limit_leave(c);
	deadline_clear(&c->deadline);
	server_drop(c);
	if (c->hs && exchange_is_cut(c))
		stream_set_reset(&c->client);
	stream_close(&c->client);
	conn_set_state(c, CS_DEAD);
	timer_set(&c->worker->reaper, 0);
}

struct handshake *
handshake_new(struct conn *c, size_t head_len)
{
	struct handshake *hs = malloc(sizeof(*hs));

	if (!hs)
		return NULL;
	/*
	 * calloc would pass by what malloc keeps at hand (glibc 2.36), and a
	 * memset here is made a calloc by gcc.
	 */
	*hs = (struct handshake){ 0 };
	/* A head alone, the usual case, is taken over rather than copied. */
	if (buf_len(c->client.in) == head_len) {
		hs->bytes = c->client.in;
		c->client.in = NULL;
	} else if (buf_add(&hs->bytes, buf_data(c->client.in), head_len)) {
		buf_take(&c->client.in, head_len);
	} else {
		free(hs);
		return NULL;
	}
	hs->conf = conf_ref(c->worker->conf);
	splice_init(&hs->edits);
	c->hs = hs;
	ebb_come(&c->worker->handshakes_ebb);
	return hs;
}

void
handshake_free(struct conn *c)
{
	struct handshake *hs = c->hs;

	if (!hs)
		return;
	c->hs = NULL;
	head_fini(&hs->req);
	splice_fini(&hs->edits);
	buf_free(&hs->bytes);
	buf_free(&hs->held);
	conf_server_free(hs->chosen);
	conf_unref(hs->conf);
	free(hs);
	ebb_go(&c->worker->handshakes_ebb);
}
