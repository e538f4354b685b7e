/* SPDX-License-Identifier: ISC */
/*
 * secure.c: the TLS handshake with a server.
 */
#include "proxy/secure.h"

#include "net/tls_client.h"
#include "proxy/dial.h"
#include "proxy/server.h"

/* What its certificate lacks, of all that it may. */
static const struct reason *
reason_of_doubt(const struct tls *t)
{
	switch (tls_doubt(t)) {
	case TLS_DOUBT_TIME:
		return &reason_server_cert_expired;
	case TLS_DOUBT_NAME:
		return &reason_server_cert_name;
	case TLS_DOUBT_SELF:
		return &reason_server_cert_self;
	case TLS_DOUBT_ISSUER:
		return &reason_server_cert_issuer;
	case TLS_DOUBT_OTHER:
		break;
	}
	return &reason_server_cert;
}

static const struct reason *
reason_of(const struct stream *s)
{
	switch (tls_end(s->tls)) {
	case TLS_UNVERIFIED:
		return reason_of_doubt(s->tls);
	case TLS_LOST:
		return &reason_server_reset;
	case TLS_OPEN: /* what it is owed could not be sent */
		return reason_of_server_errno(s->error);
	case TLS_CUT:
	case TLS_CLOSED:
	case TLS_FAULT:
	case TLS_ALERT:
		break;
	}
	return &reason_server_tls;
}

/* Where the reason's own hint would lead astray. */
static const char *
hint_of(const struct tls *t)
{
	if (tls_is_plain(t))
		return "{server} did not answer in TLS: is this its port for "
		       "plain HTTP? then write http://";
	if (tls_end(t) == TLS_CUT)
		return "{server} ended the connection within the TLS "
		       "handshake: does it speak TLS on this port?";
	return NULL;
}

static void
fail(struct conn *c)
{
	const struct stream *s = &c->server->s;
	struct refusal r = { .why = reason_of(s), .hint = hint_of(s->tls) };
	bool says_why = tls_end(s->tls) != TLS_LOST &&
			tls_end(s->tls) != TLS_OPEN;

	r.text = says_why ? tls_why(s->tls) : NULL;
	if (!dial_past(c, &r))
		finish_refuse(c, &r);
}

static void
step(struct conn *c)
{
	switch (stream_shake(&c->server->s)) {
	case TLS_WAITS:
	case TLS_FULL:
		break;
	case TLS_DONE:
		server_opened(c);
		break;
	case TLS_FAILED:
		fail(c);
		break;
	}
}

void
secure_begin(struct conn *c)
{
	struct tls_desk *desk = worker_desk(c->worker);
	struct stream *s = &c->server->s;
	struct tls *t = NULL;

	if (desk)
		t = tls_client_connect(c->hs->route->backend, desk,
				       stream_fd(s),
				       conn_server(c)->host, !c->hs->chosen);
	if (!t) {
		finish_fail(c, &reason_no_memory);
		return;
	}
	stream_set_tls(s, t);
	stream_set_reading(s, true);
	step(c);
}

void
secure_on_event(struct conn *c, unsigned news)
{
	struct stream *s = &c->server->s;

	if ((news & NEWS_WRITE) && !stream_flush(s))
		fail(c);
	else if (news & NEWS_READ)
		step(c);
}

void
secure_on_deadline(struct conn *c)
{
	struct refusal r = { .why = c->due };

	if (c->due == &reason_connect_timeout)
		r.hint = "{server} took the connection, but the TLS handshake "
			 "was not whole within timeouts.connect: does it speak "
			 "TLS on this port?";
	dial_blame(c);
	finish_refuse(c, &r);
}
