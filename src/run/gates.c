/* SPDX-License-Identifier: ISC */
/*
 * gates.c: the listeners' gates, and what becomes of them when certificates
 * change.
 */
#include "run/gates.h"

#include <stdlib.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"

bool
gates_check(const struct conf *conf)
{
	struct mistakes m = { 0 };

	for (size_t i = 0; i < conf->nlisteners; i++)
		if (conf_listener_has_tls(&conf->listeners[i]))
			tls_certs_free(tls_certs_new(&conf->listeners[i],
						     &m));
	return m.count == 0;
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a && b && strcasecmp(a, b) == 0);
}

/* What is said of the i-th listener by now, or NULL if it has no TLS there. */
static const struct conf_listener *
find(const struct gates *g, size_t i)
{
	const struct conf_listener *old = &g->start->listeners[i];

	for (size_t j = 0; j < g->now->nlisteners; j++) {
		const struct conf_listener *l = &g->now->listeners[j];

		if (l->port == old->port && same(l->host, old->host) &&
		    same(l->path, old->path))
			return conf_listener_has_tls(l) ? l : NULL;
	}
	return NULL;
}

static void
read_again(struct tls_certs *certs, const struct conf_listener *l)
{
	struct mistakes m = { 0 };

	mistakes_go_to_log(true);
	if (tls_certs_replace(certs, l, &m))
		log_say(LOG_INFO, "> Certificates of %s were read again",
			l->text);
	else
		log_say(LOG_ERROR, "the certificates of %s stay as they were",
			l->text);
	mistakes_go_to_log(false);
}

/* False after mistakes, which have been told. */
static bool
open_gate(struct gate *gate, const struct conf_listener *l,
	  const struct conf *conf)
{
	struct mistakes m = { 0 };

	if (l->redirects)
		gate->https_port = conf_https_port(conf);
	if (!conf_listener_has_tls(l))
		return true;
	gate->certs = tls_certs_new(l, &m);
	return gate->certs != NULL;
}

bool
gates_open(struct gates *g, struct conf *conf)
{
	g->start = conf_ref(conf);
	g->now = conf_ref(conf);
	g->list = xcalloc(conf->nlisteners + 1, sizeof(*g->list));
	for (; g->n < conf->nlisteners; g->n++)
		if (!open_gate(&g->list[g->n], &conf->listeners[g->n], conf))
			return false;
	return true;
}

bool
gates_have_tls(const struct gates *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->list[i].certs)
			return true;
	return false;
}

/* Reads again those of all listeners, or of those whose files have changed. */
static void
read_all(struct gates *g, bool only_stale)
{
	for (size_t i = 0; i < g->n; i++) {
		struct tls_certs *certs = g->list[i].certs;
		const struct conf_listener *l = certs ? find(g, i) : NULL;

		if (l && (!only_stale || tls_certs_are_stale(certs, l)))
			read_again(certs, l);
	}
}

void
gates_look(struct gates *g)
{
	read_all(g, true);
}

void
gates_reload(struct gates *g, struct conf *conf)
{
	conf_unref(g->now);
	g->now = conf_ref(conf);
	read_all(g, false);
}

void
gates_close(struct gates *g)
{
	if (!g->start)
		return;
	for (size_t i = 0; i < g->n; i++)
		tls_certs_free(g->list[i].certs);
	free(g->list);
	conf_unref(g->start);
	conf_unref(g->now);
	*g = (struct gates){ 0 };
}
