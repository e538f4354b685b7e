/* SPDX-License-Identifier: ISC */
/*
 * explain.c: what a configuration means, for --test.
 */
#include "conf/conf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "conf/mistake.h"
#include "conf/text.h"
#include "conf/tree.h"
#include "conf/url.h"

static void
explain_file(const struct conf_listener *l)
{
	printf("  %s, mode %04o", l->text, l->mode);
	if (l->owner != CONF_OURS)
		printf(", owner %u", l->owner);
	if (l->group != CONF_OURS)
		printf(", group %u", l->group);
}

static void
explain_address(const struct conf_listener *l)
{
	char *at = url_host_port(l->host ? l->host : "*", l->port);

	printf("  http%s://%s", conf_listener_has_tls(l) ? "s" : "", at);
	free(at);
}

static void
explain_tls(const struct conf *c, const struct conf_listener *l)
{
	if (l->path && conf_listener_has_tls(l))
		printf(", TLS");
	if (l->self_signed)
		printf(", self-signed certificate");
	for (size_t i = 0; i < l->ncerts; i++)
		printf("%s %s", i ? "," : ", certificate", l->certs[i].file);
	if (l->verify_client)
		printf(", client certificates %s: %s",
		       l->verify_client == VERIFY_REQUIRED ? "required"
							   : "optional",
		       l->client_ca);
	if (l->redirects)
		printf(", redirects to https, port %u", conf_https_port(c));
}

static void
explain_listeners(const struct conf *c)
{
	puts("\nlisteners");
	for (size_t i = 0; i < c->nlisteners; i++) {
		const struct conf_listener *l = &c->listeners[i];
		char *place = where_text(l->where);

		if (l->path)
			explain_file(l);
		else
			explain_address(l);
		if (l->proxied)
			printf(", after a PROXY header");
		explain_tls(c, l);
		printf("  (%s)\n", place);
		free(place);
	}
}

static const char *
takes_text(enum conf_upgrade takes)
{
	switch (takes) {
	case TAKES_BOTH:
		return "requests and upgrades";
	case TAKES_UPGRADES:
		return "upgrades";
	case TAKES_REQUESTS:
		return "requests";
	case TAKES_NEXT:
		return "requests, upgrades below /_next/";
	}
	return "";
}

/* "http://10.0.0.5:4000/websockify (novnc), Host: 10.0.0.5:4000" */
static void
explain_destination(const struct conf_route *r)
{
	const struct conf_backend *b = r->backend;
	bool named = strcmp(b->name, conf_server_place(&b->server)) != 0;

	if (b->server.port == 0 && !b->server.port_text && !b->server.path) {
		printf("%s, on a port of ours",
		       b->is_app ? "the COMMAND" : "the demonstration");
		return;
	}
	printf("%s%s%s", b->server.text, b->server.path && r->target ? ":"
								      : "",
	       r->target ? r->target : "");
	if (named)
		printf(" (%s)", b->name);
	if (b->is_app)
		printf(", the COMMAND");
	for (size_t i = 0; i < r->allowed.n; i++)
		printf("%s %s", i ? " or" : ", only", r->allowed.list[i].text);
	if (r->change_origin)
		printf(", Host: %s", b->server.host_port);
}

/* ", handshake 10s" for a time that is the route's own. */
static void
explain_own_time(const char *name, uint64_t own, uint64_t usual)
{
	char text[TEXT_TIME];

	if (own != usual)
		printf(", %s %s", name, text_of_time(own, text));
}

static void
explain_own_times(const struct conf_timeouts *own,
		  const struct conf_timeouts *usual)
{
	explain_own_time("connect", own->connect, usual->connect);
	explain_own_time("handshake", own->handshake, usual->handshake);
	explain_own_time("response", own->response, usual->response);
	explain_own_time("stall", own->stall, usual->stall);
	explain_own_time("tunnel_idle", own->tunnel_idle, usual->tunnel_idle);
	explain_own_time("tunnel_lifetime", own->tunnel_lifetime,
			 usual->tunnel_lifetime);
	explain_own_time("half_close", own->half_close, usual->half_close);
	explain_own_time("ping_interval", own->ping_interval,
			 usual->ping_interval);
	explain_own_time("ping_timeout", own->ping_timeout,
			 usual->ping_timeout);
}

static const char *
ping_text(enum conf_ping ping)
{
	switch (ping) {
	case PING_CLIENT:
		return "client";
	case PING_BACKEND:
		return "backend";
	case PING_BOTH:
		return "both";
	}
	return "";
}

static void
explain_limit(const char *name, uint64_t n)
{
	if (n)
		printf(", %s %" PRIu64, name, n);
}

static void
explain_limits(const struct conf_limits *l)
{
	explain_limit("max_tunnels", l->tunnels);
	explain_limit("max_tunnels_per_address", l->per_address);
	explain_limit("max_message", l->message);
}

static void
explain_headers(const char *of, const struct conf_headers *h)
{
	for (size_t i = 0; i < h->n; i++)
		printf(", %s%s %s", of, h->list[i].line ? "sets" : "removes",
		       h->list[i].name);
}

static int
widest_pattern(const struct conf *c)
{
	size_t widest = 0;

	for (size_t i = 0; i < c->nroutes; i++) {
		size_t n = strlen(pattern_text(c->routes[i].pattern));

		widest = n > widest ? n : widest;
	}
	return widest > 60 ? 60 : (int)widest;
}

static void
explain_backend_tls(const struct conf_tls *t)
{
	if (!t->verify)
		printf(", certificate not verified");
	if (t->ca)
		printf(", ca %s", t->ca);
	if (t->certificate)
		printf(", certificate of ours %s", t->certificate);
}

static void
explain_route(const struct conf *c, const struct conf_route *r, int wide)
{
	const char *path = pattern_text(r->pattern);
	char *place = where_text(r->where);

	printf("  %-*s  %-32s  ", wide, path, takes_text(r->takes));
	explain_destination(r);
	explain_backend_tls(&r->backend->tls);
	if (r->send_proxy != PROXY_NONE)
		printf(", PROXY header v%d", r->send_proxy == PROXY_V1 ? 1
								       : 2);
	if (!r->verify_accept)
		printf(", accept not verified");
	explain_own_times(&r->timeouts, &c->timeouts);
	if (r->ping != c->ping)
		printf(", ping %s", ping_text(r->ping));
	explain_limits(&r->limits);
	if (r->strict)
		printf(", strict");
	explain_headers("", &r->request);
	explain_headers("response ", &r->response);
	if (strcmp(r->name, path) != 0)
		printf(", name: %s", r->name);
	printf("  (%s)\n", place);
	free(place);
}

static void
explain_routes(const struct conf *c)
{
	int wide = widest_pattern(c);

	puts("\nroutes, in the order tried");
	for (size_t i = 0; i < c->nroutes; i++)
		explain_route(c, &c->routes[i], wide);
}

/* A sum of phases, of which one that has no end makes the whole endless. */
static void
explain_sum(const char *what, uint64_t a, const char *a_name, uint64_t b,
	    const char *b_name)
{
	char sum[TEXT_TIME], first[TEXT_TIME], second[TEXT_TIME];

	printf("  %-44s %s (%s %s + %s %s)\n", what,
	       text_of_time(a && b ? a + b : 0, sum),
	       a_name, text_of_time(a, first),
	       b_name, text_of_time(b, second));
}

static void
explain_time(const char *what, uint64_t ms, const char *name)
{
	char text[TEXT_TIME];

	printf("  %-44s %s (%s)\n", what, text_of_time(ms, text), name);
}

static bool
has_app(const struct conf *c)
{
	for (size_t i = 0; i < c->nbackends; i++)
		if (c->backends[i]->is_app)
			return true;
	return false;
}

static void
explain_times(const struct conf *c)
{
	const struct conf_timeouts *t = &c->timeouts;

	puts("\ntimes, at most");
	explain_sum("a client that sends nothing is closed",
		    t->client_keepalive, "client_keepalive", t->header,
		    "header");
	explain_time("an upgrade is answered", t->handshake,
		     "handshake, connecting included");
	if (has_app(c))
		explain_sum("the same while the COMMAND starts", t->boot,
			    "boot", t->handshake, "handshake");
	explain_sum("a request's answer begins", t->connect, "connect",
		    t->response, "response");
	explain_time("a peer takes nothing of what waits for it", t->stall,
		     "stall");
	explain_time("a tunnel is silent", t->tunnel_idle, "tunnel_idle");
	if (t->ping_interval)
		explain_sum("a side of it that is gone is noticed",
			    t->ping_interval, "ping_interval",
			    t->ping_timeout, "ping_timeout");
	explain_time("a tunnel lives", t->tunnel_lifetime, "tunnel_lifetime");
	explain_time("after one side of a tunnel has ended", t->half_close,
		     "half_close");
	explain_time("after SIGTERM we are gone", t->drain, "drain");
}

void
conf_explain(const struct conf *c)
{
	const struct conf_tree *t = conf_tree_of(c);

	printf("configuration: %s\n",
	       c->source ? c->source : "options and defaults, no file");
	explain_listeners(c);
	explain_routes(c);
	explain_times(c);
	if (t->nremarks > 0)
		puts("\nremarks");
	for (size_t i = 0; i < t->nremarks; i++)
		printf("  %s\n", t->remarks[i]);
}
