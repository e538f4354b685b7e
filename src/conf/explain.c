/* SPDX-License-Identifier: ISC */
/*
 * explain.c: what a configuration means, for --test.
 */
#include "conf/conf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "conf/mistake.h"
#include "conf/text.h"
#include "conf/tree.h"
#include "conf/url.h"

static void
explain_listeners(const struct conf *c)
{
	puts("\nlisteners");
	for (size_t i = 0; i < c->nlisteners; i++) {
		const struct conf_listener *l = &c->listeners[i];
		char *at = l->path ? xasprintf("%s, mode %04o", l->text,
					       l->mode)
				   : url_host_port(l->host ? l->host : "*",
						   l->port);
		char *place = where_text(l->where);

		printf("  %s%s  (%s)\n", l->path ? "" : "http://", at, place);
		free(at);
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
static char *
destination(const struct conf_route *r)
{
	const struct conf_backend *b = r->backend;
	const char *path = r->target ? r->target : "";
	char *host = r->change_origin
		     ? xasprintf(", Host: %s", b->server.host_port)
		     : xstrdup("");
	const char *accept = r->verify_accept ? "" : ", accept not verified";
	bool named = strcmp(b->name, b->server.text + strlen("http://")) != 0;
	const char *ours = b->is_app ? "the COMMAND" : "the demonstration";
	char *text;

	if (b->server.port == 0)
		text = xasprintf("%s, on a port of ours%s", ours, accept);
	else
		text = xasprintf("%s%s%s%s%s%s%s%s", b->server.text, path,
				 named ? " (" : "", named ? b->name : "",
				 named ? ")" : "",
				 b->is_app ? ", the COMMAND" : "", host,
				 accept);
	free(host);
	return text;
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
explain_routes(const struct conf *c)
{
	int wide = widest_pattern(c);

	puts("\nroutes, in the order tried");
	for (size_t i = 0; i < c->nroutes; i++) {
		const struct conf_route *r = &c->routes[i];
		char *to = destination(r), *place = where_text(r->where);

		bool named = strcmp(r->name, pattern_text(r->pattern)) != 0;

		printf("  %-*s  %-32s  %s%s%s  (%s)\n", wide,
		       pattern_text(r->pattern), takes_text(r->takes), to,
		       named ? ", name: " : "", named ? r->name : "", place);
		free(to);
		free(place);
	}
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
