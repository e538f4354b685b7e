/* SPDX-License-Identifier: ISC */
/*
 * announce.c: the lines that a start prints, in the words of server.js.
 */
#include "run/announce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "run/container.h"

struct conf_backend *
announce_app(const struct conf *conf)
{
	for (size_t i = 0; i < conf->nbackends; i++)
		if (conf->backends[i]->is_app)
			return conf->backends[i];
	return NULL;
}

void
announce_source(const struct conf *conf)
{
	if (conf->source)
		log_say(LOG_INFO, "> Configuration: %s", conf->source);
	else
		log_say(LOG_INFO, "> Configuration: none, options and "
			"defaults only");
}

/* A path, and what a service manager opened, are somebody's considered wish. */
static bool
is_loopback(const struct place *p)
{
	return !p->path && !p->passed && addr_is_loopback(&p->addr);
}

/* What to write so that every address is listened on; to be freed. */
static char *
wider(const struct conf *conf)
{
	const struct conf_listener *l = &conf->listeners[0];

	if (!conf->listeners_given)
		return xasprintf("-l :%u, or HOST=0.0.0.0", l->port);
	if (l->where.line == 0)
		return xasprintf("-l :%u in place of -l %s", l->port, l->text);
	return xasprintf("address = \"*\" in %s:%u", l->where.file,
			 l->where.line);
}

void
announce_reach(const struct conf *conf, const struct sockets *s)
{
	const char *sign = container_sign("");
	char *remedy;

	for (size_t i = 0; i < s->n; i++)
		if (!is_loopback(&s->places[i]))
			return;
	if (!sign || s->n == 0)
		return;
	remedy = wider(conf);
	log_say(LOG_WARN, "this is a container (%s), and nobody outside of it "
		"reaches a listener on loopback; listen on every address: %s",
		sign, remedy);
	free(remedy);
}

void
announce_routes(const struct conf *conf)
{
	for (size_t i = 0; i < conf->nroutes; i++) {
		const struct conf_route *r = &conf->routes[i];

		if (r->takes != TAKES_UPGRADES && r->takes != TAKES_BOTH)
			continue;
		log_say(LOG_INFO, "> WebSocket proxy enabled for %s "
			"connections", r->name);
		log_say(LOG_INFO, "> Proxying to: %s (%s)",
			r->backend->server.text, r->name);
	}
}

void
announce_doubts(const struct conf *conf)
{
	for (size_t i = 0; i < conf->nbackends; i++) {
		const struct conf_backend *b = conf->backends[i];

		if (b->server.tls && !b->tls.verify)
			log_say(LOG_WARN, "tls_verify = false: nobody makes "
				"sure that %s is who it says, and whoever is "
				"in between can read and change all",
				b->server.text);
	}
}

/* The host that a browser on this machine would use. */
static void
url_of(const struct conf_listener *l, char *out, size_t n)
{
	const char *host = l->host ? l->host : "localhost";
	bool v6 = strchr(host, ':') != NULL;

	if (l->path)
		snprintf(out, n, "unix:%s", l->path);
	else
		snprintf(out, n, "http%s://%s%s%s:%u",
			 conf_listener_has_tls(l) ? "s" : "", v6 ? "[" : "",
			 host, v6 ? "]" : "", l->port);
}

/* The same of a socket that was passed to us. */
static void
url_of_place(const struct place *p, char *out, size_t n)
{
	char text[ADDR_TEXT];

	if (p->path)
		snprintf(out, n, "unix:%s", p->path);
	else
		snprintf(out, n, "http://%s", addr_text(&p->addr, text));
}

static void
say_ready(const struct conf *conf, const char *url)
{
	const struct conf_backend *app = announce_app(conf);

	if (app && app->server.path)
		log_say(LOG_INFO, "> Ready on %s (open this one; %s is the "
			"application itself)", url, app->server.text);
	else if (app)
		log_say(LOG_INFO, "> Ready on %s (open this one; %u is the "
			"application itself)", url, app->server.port);
	else
		log_say(LOG_INFO, "> Ready on %s", url);
}

void
announce_ready(const struct conf *conf, const struct sockets *s)
{
	char url[300];

	for (size_t i = 0; i < conf->nlisteners && s->configured; i++) {
		url_of(&conf->listeners[i], url, sizeof(url));
		say_ready(conf, url);
	}
	for (size_t i = 0; i < s->n; i++) {
		if (!s->places[i].passed || s->places[i].named)
			continue;
		url_of_place(&s->places[i], url, sizeof(url));
		say_ready(conf, url);
	}
}
