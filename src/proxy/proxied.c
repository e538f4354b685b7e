/* SPDX-License-Identifier: ISC */
/*
 * proxied.c: a client for whom another proxy speaks, by a PROXY header.
 *
 * It stands before all else, TLS too, and only who is trusted may send one:
 * anybody else could pass for any address.  Without it there is no connection,
 * since a client that the proxy cannot name must not pass for the proxy.
 */
#include "proxy/proxied.h"

#include <stdio.h>

#include "proto/proxyhdr.h"
#include "proxy/client.h"
#include "proxy/finish.h"
#include "proxy/trust.h"

void
proxied_begin(struct conn *c)
{
	conn_set_state(c, CS_PROXY);
	conn_set_deadline(c, c->worker->conf->timeouts.header,
			  &reason_header_timeout);
	stream_set_reading(&c->client, true);
}

static void
refuse(struct conn *c, const struct reason *why, const char *text)
{
	struct refusal r = { .why = why, .text = text };

	c->id = worker_next_id(c->worker);
	c->close_after = true;
	finish_refuse(c, &r);
}

static void
refuse_peer(struct conn *c)
{
	char peer[ADDR_TEXT], text[256];

	addr_host_text(&c->peer, peer);
	snprintf(text, sizeof(text), "this listener takes PROXY headers, and "
		 "only from trusted_proxies; if %s is a proxy of yours, add it "
		 "there", peer);
	refuse(c, &reason_proxy_untrusted, text);
}

/* Takes n bytes, which were seen there, out of the socket. */
static bool
take(struct conn *c, size_t n)
{
	if (stream_read_in(&c->client, c->worker->tools.scratch, n) == (ssize_t)n)
		return true;
	conn_close(c, &reason_no_memory, BY_PROXY);
	return false;
}

/* Its last byte is there, and nothing behind it was taken. */
static void
introduce(struct conn *c, const struct proxyhdr *h)
{
	buf_free(&c->client.in);
	if (h->has_client)
		c->peer = h->client;
	conn_set_state(c, CS_HEAD);
	client_begin(c);
}

/*
 * What belongs to the header is taken as it comes, and nothing else: bytes
 * that were only looked at would wake us again and again.
 */
static void
look(struct conn *c, const char *p, size_t had, size_t n)
{
	struct proxyhdr h;

	switch (proxyhdr_look(&h, p, had + n)) {
	case PROXYHDR_MORE:
		(void)!take(c, n);
		break;
	case PROXYHDR_WHOLE:
		if (take(c, h.len - had))
			introduce(c, &h);
		break;
	case PROXYHDR_BAD:
		if (take(c, n))
			refuse(c, &reason_bad_proxy_header, h.fault);
		break;
	}
}

void
proxied_on_event(struct conn *c, unsigned news)
{
	char *p = c->worker->tools.scratch;
	size_t had = buf_len(c->client.in);
	ssize_t got;

	if (!(news & NEWS_READ))
		return;
	if (had > 0)
		memcpy(p, buf_data(c->client.in), had);
	got = stream_peek(&c->client, p + had, PROXYHDR_MAX - had);
	if (got == -1)
		return;
	if (got == 0)
		conn_close(c, &reason_client_gone, BY_CLIENT);
	else if (got < 0)
		conn_close(c, &reason_client_reset, BY_CLIENT);
	else if (!trust_has(c->worker->conf, &c->peer))
		refuse_peer(c);
	else
		look(c, p, had, (size_t)got);
}

void
proxied_on_deadline(struct conn *c)
{
	refuse(c, c->due, "no whole PROXY header came in time");
}

void
proxied_drain(struct conn *c)
{
	proxied_on_event(c, NEWS_READ);
	if (c->state == CS_HEAD)
		client_drain(c);
	else if (c->state == CS_PROXY)
		conn_close(c, &reason_drain, BY_PROXY);
}
