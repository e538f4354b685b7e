/* SPDX-License-Identifier: ISC */
/*
 * renew.c: certificates and keys that change while we run are read again.
 */
#include "run/renew.h"

#include <event2/event.h>

#include "base/log.h"
#include "net/tls_client.h"

#define PAUSE_S 2

static void
read_again(struct renewal *r, struct conf_backend *b)
{
	struct mistakes m = { 0 };

	mistakes_go_to_log(true);
	if (tls_client_renew(b, &m)) {
		r->cb(b, r->arg);
		log_say(LOG_INFO, "> Certificates for %s were read again",
			b->server.text);
	} else {
		log_say(LOG_ERROR, "the certificates for %s stay as they were",
			b->server.text);
	}
	mistakes_go_to_log(false);
}

static bool
has_files(const struct conf_backend *b)
{
	return b->tls_client && (b->tls.ca || b->tls.certificate);
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct renewal *r = arg;

	(void)fd;
	(void)what;
	gates_look(r->gates);
	for (size_t i = 0; i < r->conf->nbackends; i++) {
		struct conf_backend *b = r->conf->backends[i];

		if (has_files(b) && tls_client_is_stale(b))
			read_again(r, b);
	}
}

/* Whoever has no certificates is not to be woken up for them. */
static bool
is_needed(const struct renewal *r)
{
	bool needed = gates_have_tls(r->gates);

	for (size_t i = 0; i < r->conf->nbackends && !needed; i++)
		needed = has_files(r->conf->backends[i]);
	return needed;
}

void
renew_init(struct renewal *r, struct event_base *base, struct gates *gates,
	   renew_cb *cb, void *arg)
{
	*r = (struct renewal){ .gates = gates, .cb = cb, .arg = arg };
	event_assign(&r->ev, base, -1, EV_PERSIST, on_look, r);
}

void
renew_watch(struct renewal *r, const struct conf *conf)
{
	static const struct timeval pause = { .tv_sec = PAUSE_S };

	r->conf = conf;
	if (is_needed(r))
		event_add(&r->ev, &pause);
	else
		event_del(&r->ev);
}

void
renew_stop(struct renewal *r)
{
	if (r->gates)
		event_del(&r->ev);
}
