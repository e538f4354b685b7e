/* SPDX-License-Identifier: ISC */
/*
 * worker.c: what the connections of one thread share.
 */
#include "proxy/worker.h"

#include <stdlib.h>
#include <strings.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/relay.h"
#include "proxy/client.h"
#include "proxy/conn.h"
#include "proxy/finish.h"
#include "proxy/proxied.h"
#include "proxy/server.h"
#include "proxy/shake.h"
#include "proxy/tunnel.h"

/* Of all workers: so many may all come back to another server at once. */
#define CROWD 200
#define FAREWELL_MS 100 /* from some of a crowd to the next */

static void
free_conn(struct worker *w, struct conn *c)
{
	CHECK_CONN(c);
	list_remove(&c->link);
	handshake_free(c);
	free(c->keepalive);
	frame_watch_fini(&c->from_client);
	frame_watch_fini(&c->from_server);
	c->magic = 0;
	chunks_put(c);
	worker_count(w, -1);
	ebb_go(&w->conns_ebb);
}

/* At the end of a turn: nobody up the stack holds a dead one any more. */
static void
reap(struct timer *t)
{
	struct worker *w = container_of(t, struct worker, reaper);

	list_each(it, &w->conns[CS_DEAD])
		free_conn(w, container_of(it, struct conn, link));
	if (w->draining && w->nconns == 0 && w->on_idle)
		w->on_idle(w);
}

static unsigned
count_tunnels(const struct worker *w)
{
	unsigned n = 0;

	list_each(it, &w->conns[CS_TUNNEL])
		if (tunnel_expects_goodbye(container_of(it, struct conn, link)))
			n++;
	return n;
}

/*
 * A drain's Closes: each time to an equal part of the tunnels that are left,
 * so that their clients do not all come back at the same moment.
 */
static void
say_goodbye(struct timer *t)
{
	struct worker *w = container_of(t, struct worker, farewell);
	unsigned n = count_tunnels(w);

	n = (n + w->farewells - 1) / w->farewells;
	list_each(it, &w->conns[CS_TUNNEL]) {
		struct conn *c = container_of(it, struct conn, link);

		if (n == 0)
			break;
		if (!tunnel_expects_goodbye(c))
			continue;
		tunnel_goodbye(c);
		n--;
	}
	if (--w->farewells > 0)
		timer_set(&w->farewell, clock_ms() + FAREWELL_MS);
}

static void
let_go_silent(struct worker *w)
{
	list_each(it, &w->conns[CS_PROXY])
		proxied_drain(container_of(it, struct conn, link));
	list_each(it, &w->conns[CS_TLS])
		shake_drain(container_of(it, struct conn, link));
	list_each(it, &w->conns[CS_HEAD])
		client_drain(container_of(it, struct conn, link));
}

/* There is not much time left: within a message is a place as well. */
static void
hurry(struct timer *t)
{
	struct worker *w = container_of(t, struct worker, impatience);

	w->hurried = true;
	let_go_silent(w);
	for (unsigned i = CS_TUNNEL; i <= CS_HALF; i++) {
		list_each(it, &w->conns[i]) {
			struct conn *c = container_of(it, struct conn, link);

			if (c->goodbye_due)
				tunnel_goodbye(c);
		}
	}
}

static uint64_t
seed(unsigned index)
{
	uint64_t s = 0;

	/* A start that no other process, and no other worker, has. */
	if (getentropy(&s, sizeof(s)) < 0)
		s = clock_wall_ms() << 20 ^ (uint64_t)getpid();
	return (s ^ index) | 1;
}

bool
worker_init(struct worker *w, struct poller *p, struct conf *conf,
	    unsigned index, unsigned count)
{
	*w = (struct worker){ .poller = p,
			      .index = index,
			      .count = count,
			      .close_code = CLOSE_GOING_AWAY,
			      .random = seed(index) };
	for (unsigned i = 0; i < CS_COUNT; i++)
		list_init(&w->conns[i]);
	chunks_init(&w->conn_chunks, sizeof(struct conn));
	chunks_init(&w->server_chunks, sizeof(struct server));
	ebb_init(&w->conns_ebb, p);
	ebb_init(&w->handshakes_ebb, p);
	wheel_init(&w->wheel, p);
	repeat_init(&w->repeats);
	pool_init(&w->pool, w);
	hosts_init(&w->hosts);
	timer_init(&w->reaper, p, reap);
	timer_init(&w->farewell, p, say_goodbye);
	timer_init(&w->impatience, p, hurry);
	if (!relay_tools_init(&w->tools) ||
	    !pool_reset(&w->pool, conf->nbackends)) {
		relay_tools_fini(&w->tools);
		return false;
	}
	w->conf = conf_ref(conf);
	return true;
}

void
worker_fini(struct worker *w)
{
	w->on_idle = NULL;
	worker_cut(w);
	reap(&w->reaper);
	timer_clear(&w->reaper);
	timer_clear(&w->farewell);
	ebb_fini(&w->conns_ebb);
	ebb_fini(&w->handshakes_ebb);
	repeat_flush(&w->repeats);
	timer_clear(&w->impatience);
	pool_fini(&w->pool);
	hosts_fini(&w->hosts);
	wheel_fini(&w->wheel);
	conf_unref(w->conf);
	relay_tools_fini(&w->tools);
	chunks_fini(&w->conn_chunks);
	chunks_fini(&w->server_chunks);
	tls_desk_free(w->desk);
}

void
worker_set_conf(struct worker *w, struct conf *conf)
{
	struct conf *old = w->conf;

	/* Without memory for its pool the new one comes with the next reload. */
	if (!pool_reset(&w->pool, conf->nbackends))
		return;
	w->conf = conf_ref(conf);
	conf_unref(old);
}

void
worker_forget_kept(struct worker *w, const struct conf_backend *b)
{
	for (size_t i = 0; i < w->conf->nbackends; i++)
		if (w->conf->backends[i] == b)
			pool_forget(&w->pool, (unsigned)i);
}

void
worker_set_host(struct worker *w, struct host *h)
{
	hosts_set(&w->hosts, h);
	for (size_t i = 0; i < w->conf->nbackends; i++) {
		const struct conf_server *s = &w->conf->backends[i]->server;

		if (s->host && strcasecmp(s->host, h->name) == 0)
			pool_forget(&w->pool, (unsigned)i);
	}
	list_each(it, &w->conns[CS_CONNECT])
		server_on_name(container_of(it, struct conn, link), h->name);
}

void
worker_set_app(struct worker *w, bool ready)
{
	w->app_ready = ready;
	list_each(it, &w->conns[CS_CONNECT]) {
		struct conn *c = container_of(it, struct conn, link);

		if (c->hs->waits_app)
			server_connect(c);
	}
}

/* Nobody will answer those who are held for the application. */
static void
fail_held(struct worker *w, const struct reason *why)
{
	list_each(it, &w->conns[CS_CONNECT]) {
		struct conn *c = container_of(it, struct conn, link);

		if (c->hs->waits_app)
			finish_fail(c, why);
	}
}

void
worker_end_app(struct worker *w)
{
	w->app_ready = false;
	fail_held(w, &reason_app_ended);
}

void
worker_drain(struct worker *w, const struct drain *how)
{
	bool crowd = count_tunnels(w) * w->count > CROWD;
	/* The last of a crowd are told then, and have messages to end, too. */
	uint64_t patience = crowd ? how->spread + how->spread / 2
				  : how->spread;

	w->draining = true;
	w->close_code = how->close_code;
	w->replaced = how->replaced;
	fail_held(w, &reason_drain);
	if (!w->replaced)
		let_go_silent(w);
	list_each(it, &w->conns[CS_LINGER])
		finish_drain(container_of(it, struct conn, link));
	list_each(it, &w->conns[CS_HALF])
		tunnel_goodbye(container_of(it, struct conn, link));
	w->farewells = crowd ? (unsigned)(how->spread / FAREWELL_MS) + 1 : 1;
	say_goodbye(&w->farewell);
	timer_set(&w->impatience, clock_ms() + patience);
	pool_empty(&w->pool);
	timer_set(&w->reaper, 0);
}

void
worker_cut(struct worker *w)
{
	unsigned ncut = 0;

	for (unsigned i = 0; i < CS_DEAD; i++) {
		list_each(it, &w->conns[i]) {
			struct conn *c = container_of(it, struct conn, link);

			if (c->opened)
				ncut += tunnel_cut(c);
			else
				conn_close(c, &reason_drain, BY_PROXY);
		}
	}
	if (ncut > 0)
		log_say(LOG_WARN, "WebSockets that were cut, as no Close could "
			"be sent to them in time: %u", ncut);
}

struct tls_desk *
worker_desk(struct worker *w)
{
	if (!w->desk)
		w->desk = tls_desk_new();
	return w->desk;
}

/* xorshift64* */
uint64_t
worker_random(struct worker *w)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return w->random * 0x2545f4914f6cdd1dULL;
}

uint64_t
worker_next_id(struct worker *w)
{
	return w->next_id++ * w->count + w->index + 1;
}
