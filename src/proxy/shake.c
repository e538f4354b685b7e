/* SPDX-License-Identifier: ISC */
/*
 * shake.c: a client's TLS handshake.
 *
 * OpenSSL comes into it with the first byte, and only if that can be one of
 * TLS: a connection that says nothing costs none of its memory, and whoever
 * speaks plain HTTP is answered so.
 */
#include "proxy/shake.h"

#include "proto/fault.h"
#include "proxy/access.h"
#include "proxy/client.h"
#include "proxy/finish.h"

#define HANDSHAKE_RECORD 0x16 /* RFC 8446 5.1 */
#define FIRST_WORDS (16 * 1024)

FAULT(plain_on_tls, 400, "plain-on-tls-port",
      "the client speaks plain HTTP, but this port is TLS: use https://");

void
shake_begin(struct conn *c)
{
	conn_set_state(c, CS_TLS);
	conn_set_deadline(c, c->worker->conf->timeouts.header,
			  &reason_tls_timeout);
	stream_set_reading(&c->client, true);
}

static void
fail(struct conn *c, const struct reason *why, const char *text)
{
	c->id = worker_next_id(c->worker);
	access_unshaken(c, why, text);
	conn_close(c, why, why == &reason_tls_timeout ? BY_PROXY : BY_CLIENT);
}

/* Plain HTTP gets its answer, as far as it can be told from noise. */
static void
on_plain(struct conn *c, char first)
{
	if ((first < 'A' || first > 'Z') && first != '\r') {
		fail(c, &reason_not_tls, NULL);
		return;
	}
	if (stream_read_in(&c->client, c->worker->tools.scratch, FIRST_WORDS) <= 0) {
		conn_close(c, &reason_client_gone, BY_CLIENT);
		return;
	}
	c->id = worker_next_id(c->worker);
	c->close_after = true;
	finish_fault(c, &plain_on_tls);
}

/* False, with the end of it, if it is not to be. */
static bool
begin_tls(struct conn *c)
{
	struct tls_desk *desk = worker_desk(c->worker);
	struct tls *t = NULL;
	char first;
	ssize_t got = stream_peek(&c->client, &first, 1);

	if (got == -1)
		return false;
	if (got <= 0) {
		conn_close(c, &reason_client_gone, BY_CLIENT);
		return false;
	}
	if (first != HANDSHAKE_RECORD) {
		on_plain(c, first);
		return false;
	}
	if (desk)
		t = tls_certs_accept(conn_gate(c)->certs, desk,
				     stream_fd(&c->client));
	if (!t) {
		conn_close(c, &reason_no_memory, BY_PROXY);
		return false;
	}
	stream_set_tls(&c->client, t);
	return true;
}

static const struct reason *
reason_of(const struct tls *t)
{
	switch (tls_end(t)) {
	case TLS_ALERT:
		return &reason_tls_alert;
	case TLS_UNVERIFIED:
		return &reason_tls_client_certificate;
	case TLS_LOST:
		return &reason_client_reset;
	case TLS_CUT:
	case TLS_CLOSED:
		return &reason_client_gone;
	case TLS_OPEN:
	case TLS_FAULT:
		break;
	}
	return &reason_tls_handshake;
}

void
shake_on_event(struct conn *c, unsigned news)
{
	const struct tls *t;

	if (!(news & NEWS_READ))
		return;
	if (!c->client.tls && !begin_tls(c))
		return;
	t = c->client.tls;
	switch (stream_shake(&c->client)) {
	case TLS_WAITS:
	case TLS_FULL:
		break;
	case TLS_FAILED:
		fail(c, reason_of(t), tls_why(t));
		break;
	case TLS_DONE:
		conn_set_state(c, CS_HEAD);
		client_begin_http(c);
	}
}

/* Who has not said a word is not worth one: a browser that opens ahead. */
void
shake_on_deadline(struct conn *c)
{
	if (c->client.tls)
		fail(c, c->due, NULL);
	else
		conn_close(c, c->due, BY_PROXY);
}

void
shake_drain(struct conn *c)
{
	shake_on_event(c, NEWS_READ);
	if (c->state == CS_HEAD)
		client_drain(c);
	else if (c->state == CS_TLS)
		conn_close(c, &reason_drain, BY_PROXY);
}
