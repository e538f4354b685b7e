/* SPDX-License-Identifier: ISC */
/*
 * build.c: backends and routes.
 *
 * Routes name backends, and what an option says stands over what the file
 * says; so the patterns are compiled first, then those that are overruled are
 * dropped, then the default is added if it is missing, and only then does each
 * that is left become a route of the tree.
 */
#include "conf/build.h"

#include <stdlib.h>

#include "base/mem.h"
#include "conf/header.h"
#include "conf/suggest.h"
#include "conf/target.h"
#include "conf/url.h"

#define EVERYTHING "/**"
#define DEFAULT_URL "http://127.0.0.1:3001"

static void
set_texts(struct conf_server *s)
{
	char *host_port;

	free(s->host_port);
	free(s->text);
	if (s->path) {
		s->text = xasprintf("unix:%s", s->path);
		s->host_port = xstrdup("localhost");
		return;
	}
	host_port = s->port_text ? xasprintf("%s:%s", s->host, s->port_text)
				 : url_host_port(s->host, s->port);
	s->text = xasprintf("http%s://%s", s->tls ? "s" : "", host_port);
	/* Browsers leave the scheme's own port out of Host, and so do we. */
	if (s->port == (s->tls ? URL_HTTPS_PORT : URL_HTTP_PORT))
		*strrchr(host_port, ':') = '\0';
	s->host_port = host_port;
}

void
conf_set_port(struct conf_backend *b, uint16_t port)
{
	b->server.port = port;
	set_texts(&b->server);
}

static char *
copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

/* Without a name it is called by its place. */
static struct conf_backend *
add_backend(struct draft *d, const char *name, const struct url *at,
	    const struct draft_tls *tls, struct conf_where where)
{
	struct conf *c = &d->tree->conf;
	struct conf_backend *b = xcalloc(1, sizeof(*b));

	b->server.host = copy(at->host);
	b->server.port_text = copy(at->port_text);
	b->server.path = copy(at->socket);
	b->server.tls = at->tls;
	b->send_proxy = PROXY_NONE;
	b->tls.verify = tls->verify != TRUTH_FALSE;
	b->tls.ca = copy(tls->ca);
	b->tls.certificate = copy(tls->certificate);
	b->tls.key = copy(tls->key ? tls->key : tls->certificate);
	b->where = where;
	b->index = (unsigned)c->nbackends;
	conf_set_port(b, at->port);
	b->name = xstrdup(name ? name : conf_server_place(&b->server));
	*xgrow(c->backends, c->nbackends) = b;
	return b;
}

static struct conf_backend *
find_backend(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->nbackends; i++)
		if (strcmp(c->backends[i]->name, name) == 0)
			return c->backends[i];
	return NULL;
}

static bool
is_at(const struct conf_server *s, const struct url *url)
{
	if (s->path || url->socket)
		return s->path && url->socket &&
		       strcmp(s->path, url->socket) == 0;
	return s->port == url->port && !s->port_text && !url->port_text &&
	       s->tls == url->tls && strcasecmp(s->host, url->host) == 0;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool
has_tls(const struct conf_tls *t, const struct draft_tls *said)
{
	return t->verify == (said->verify != TRUTH_FALSE) &&
	       same_text(t->ca, said->ca) &&
	       same_text(t->certificate, said->certificate) &&
	       same_text(t->key, said->key ? said->key : said->certificate);
}

/*
 * One place is one backend, however many URLs name it: its idle connections
 * are shared, and so is its being the application.
 */
static struct conf_backend *
backend_at(struct draft *d, const struct url *url,
	   const struct draft_tls *tls, struct conf_where where)
{
	const struct conf *c = &d->tree->conf;

	for (size_t i = 0; i < c->nbackends; i++)
		if (is_at(&c->backends[i]->server, url) &&
		    has_tls(&c->backends[i]->tls, tls))
			return c->backends[i];
	return add_backend(d, NULL, url, tls, where);
}

/* A sentence about settings that have nothing to do there, or NULL. */
static char *
refuse_tls(const struct url *url, const struct draft_tls *said,
	   enum truth usual)
{
	const char *name = said->ca ? "ca"
			   : said->certificate ? "certificate"
			   : said->key ? "key"
			   : said->verify != usual ? "tls_verify"
						   : NULL;

	if (name && !url->tls)
		return xasprintf("%s is for backends with TLS; write https://, "
				 "or leave it out", name);
	if (said->key && !said->certificate)
		return xstrdup("key is that of certificate; write both, or "
			       "leave it out");
	if (said->ca && said->verify == TRUTH_FALSE)
		return xstrdup("ca says whom to trust, and tls_verify = false "
			       "that anybody is; leave one of them out");
	return NULL;
}

static void
build_backend(struct draft *d, const struct draft_backend *draft)
{
	struct conf_backend *b;
	struct url url = { .port = 0 };
	char *error = NULL;

	if (draft->broken)
		return;
	if (draft->nservers == 0)
		error = xasprintf("backend \"%s\" has no server; write "
				  "servers = ( \"%s\" );", draft->name,
				  DEFAULT_URL);
	else if (draft->nservers > 1)
		error = xasprintf("backend \"%s\": several servers come with "
				  "a later version; write one", draft->name);
	else if (url_parse(draft->servers[0], &url, &error) && url.path)
		error = xasprintf("\"%s\": a server has no path; write the "
				  "whole URL as the route's backend",
				  draft->servers[0]);
	else if (!error && (url.port_text ||
			    (url.host && strchr(url.host, '{'))))
		error = xasprintf("\"%s\": a server has no captures; write "
				  "the whole URL as the route's backend",
				  draft->servers[0]);
	else if (!error)
		error = refuse_tls(&url, &draft->tls, TRUTH_TRUE);
	if (error) {
		mistake(&d->mistakes, draft->where, "%s", error);
	} else {
		b = add_backend(d, draft->name, &url, &draft->tls,
				draft->where);
		b->change_origin = draft->change_origin == TRUTH_TRUE;
		b->send_proxy = (enum conf_proxy)draft->send_proxy;
	}
	free(error);
	url_fini(&url);
}

void
build_backends(struct draft *d)
{
	for (size_t i = 0; i < d->nbackends; i++)
		build_backend(d, &d->backends[i]);
}

/* Compiles the pattern and settles what the route takes. */
static void
prepare(struct draft *d, struct draft_route *r)
{
	char *error = NULL;

	if (r->dropped)
		return;
	if (!r->path)
		error = xstrdup("a route needs a path; write path = \"/**\" "
				"for everything");
	else if (!r->backend && r->to == TO_BACKEND)
		error = xasprintf("route \"%s\" has no backend; write "
				  "backend = \"name\" or a URL", r->path);
	else
		r->pattern = pattern_compile(r->path, &error);
	if (!r->pattern) {
		mistake(&d->mistakes, r->where, "%s", error);
		free(error);
		r->dropped = true;
		return;
	}
	/*
	 * Next leaves an upgrade that it does not know hanging for ever, so
	 * what is meant for everything gets only those that Next knows.
	 */
	if (r->upgrade == UPGRADE_OPEN)
		r->upgrade = strcmp(r->path, EVERYTHING) == 0 ? TAKES_NEXT
							      : TAKES_BOTH;
}

/* Would one of the two never be asked? */
static bool
are_rivals(const struct draft_route *a, const struct draft_route *b)
{
	return (a->upgrade == TAKES_UPGRADES) ==
		       (b->upgrade == TAKES_UPGRADES) &&
	       pattern_equal(a->pattern, b->pattern);
}

static void
settle(struct draft *d, struct draft_route *a, struct draft_route *b)
{
	char *here = where_text(a->where), *there = where_text(b->where);

	if (a->by_option == b->by_option) {
		mistake(&d->mistakes, b->where, "\"%s\" matches the same as "
			"\"%s\" of %s; take one of them out, or make one "
			"upgrade = \"websocket\"", b->path, a->path, here);
	} else {
		conf_tree_remark(d->tree, a->where, "\"%s\" is overruled by "
				 "%s", a->path, there);
		a->dropped = true;
	}
	free(here);
	free(there);
}

/* Options come after the file, so that it is always `a` that gives way. */
static void
settle_rivals(struct draft *d)
{
	for (size_t j = 1; j < d->nroutes; j++) {
		struct draft_route *b = &d->routes[j];

		for (size_t i = 0; i < j; i++) {
			struct draft_route *a = &d->routes[i];

			if (a->dropped || b->dropped || !are_rivals(a, b))
				continue;
			settle(d, a, b);
			break;
		}
	}
}

static bool
is_default(const struct draft_route *r)
{
	return !r->dropped && r->upgrade != TAKES_UPGRADES &&
	       strcmp(r->path, EVERYTHING) == 0;
}

/* What no route takes goes to the COMMAND, or where Next usually listens. */
static void
add_default(struct draft *d)
{
	struct conf_where where = { "default", 0 };
	struct draft_route *r;

	for (size_t i = 0; i < d->nroutes; i++)
		if (is_default(&d->routes[i]))
			return;
	if (d->tree->conf.command)
		where.file = "-- COMMAND";
	r = draft_add_route(d, where);
	r->path = xstrdup(EVERYTHING);
	r->to = d->tree->conf.command ? TO_APP : TO_BACKEND;
	r->backend = xstrdup(DEFAULT_URL);
	prepare(d, r);
}

/* A backend of ours, whose port the main program knows before it starts. */
static struct conf_backend *
own_backend(struct draft *d, const char *name, struct conf_where where)
{
	const struct conf_backend *taken = find_backend(&d->tree->conf, name);
	char host[] = "127.0.0.1";
	const struct url here = { .host = host };
	const struct draft_tls none = { .verify = TRUTH_OPEN };

	if (taken)
		mistake(&d->mistakes, taken->where, "\"%s\" is the name of a "
			"backend that bowsprit itself starts; call this one "
			"otherwise", name);
	return add_backend(d, name, &here, &none, where);
}

static void
tell_unknown(struct draft *d, const struct draft_route *r)
{
	struct suggestion s = { .typed = r->backend };

	for (size_t i = 0; i < d->nbackends; i++) {
		/* Its own mistake has been told. */
		if (strcmp(d->backends[i].name, r->backend) == 0)
			return;
		suggest_try(&s, d->backends[i].name);
	}
	if (s.best)
		mistake(&d->mistakes, r->where, "unknown backend \"%s\"; did "
			"you mean \"%s\"?", r->backend, s.best);
	else
		mistake(&d->mistakes, r->where, "unknown backend \"%s\"; add "
			"it to backends, or write a URL such as "
			"\"http://127.0.0.1:4000\"", r->backend);
}

static struct conf_backend *
resolve_url(struct draft *d, const struct draft_route *r, char **target)
{
	struct conf_backend *b = NULL;
	struct url url;
	char *error;

	if (url_parse(r->backend, &url, &error) &&
	    !(error = refuse_tls(&url, &r->tls, TRUTH_OPEN))) {
		b = backend_at(d, &url, &r->tls, r->where);
		*target = url.path;
		url.path = NULL;
	} else {
		mistake(&d->mistakes, r->where, "%s", error);
		free(error);
	}
	url_fini(&url);
	return b;
}

/* A backend with a name has its own word on TLS, for all its routes. */
static bool
has_tls_settings(const struct draft_route *r)
{
	return r->tls.verify != TRUTH_OPEN || r->tls.ca ||
	       r->tls.certificate || r->tls.key;
}

/* The backend, or NULL and a mistake told. */
static struct conf_backend *
resolve(struct draft *d, const struct draft_route *r, char **target)
{
	struct conf_backend *b;

	*target = NULL;
	switch (r->to) {
	case TO_APP:
		return own_backend(d, "app", r->where);
	case TO_DEMO:
		return own_backend(d, "demo", r->where);
	case TO_BACKEND:
		break;
	}
	/* An option names a URL; --route has made sure of it. */
	if (r->by_option || url_has_scheme(r->backend))
		return resolve_url(d, r, target);
	b = find_backend(&d->tree->conf, r->backend);
	if (!b)
		tell_unknown(d, r);
	else if (has_tls_settings(r))
		mistake(&d->mistakes, r->where, "tls_verify, ca, certificate "
			"and key of \"%s\" are for all its routes; write them "
			"in backends", r->backend);
	return b;
}

static void
overrule(uint64_t *usual, uint64_t own)
{
	if (own != NUMBER_OPEN)
		*usual = own;
}

static void
overrule_times(struct conf_timeouts *t, const struct conf_timeouts *own)
{
	overrule(&t->connect, own->connect);
	overrule(&t->handshake, own->handshake);
	overrule(&t->response, own->response);
	overrule(&t->stall, own->stall);
	overrule(&t->tunnel_idle, own->tunnel_idle);
	overrule(&t->tunnel_lifetime, own->tunnel_lifetime);
	overrule(&t->half_close, own->half_close);
	overrule(&t->ping_interval, own->ping_interval);
	overrule(&t->ping_timeout, own->ping_timeout);
}

static void
overrule_limits(struct conf_limits *l, const struct conf_limits *own)
{
	overrule(&l->tunnels, own->tunnels);
	overrule(&l->per_address, own->per_address);
	overrule(&l->message, own->message);
}

static void
build_route(struct draft *d, struct draft_route *draft)
{
	struct conf *c = &d->tree->conf;
	struct conf_backend *b;
	struct conf_route *r;
	bool by_name = draft->to == TO_BACKEND &&
		       !url_has_scheme(draft->backend);
	char *target, *error;

	b = resolve(d, draft, &target);
	if (!b)
		return;
	error = target_refuse(target, draft->pattern);
	if (!error)
		error = target_refuse_server(&b->server, draft->pattern,
					     &draft->allowed);
	if (error) {
		mistake(&d->mistakes, draft->where, "%s", error);
		free(error);
	}
	if (c->command && is_default(draft)) {
		b->is_app = true;
		c->backend_given = draft->to != TO_APP;
	}
	r = xgrow(c->routes, c->nroutes);
	r->name = xstrdup(draft->name ? draft->name : draft->path);
	r->pattern = draft->pattern;
	draft->pattern = NULL;
	r->takes = (enum conf_upgrade)draft->upgrade;
	r->backend = b;
	r->target = target;
	r->change_origin = draft->change_origin == TRUTH_OPEN
			   ? by_name && b->change_origin
			   : draft->change_origin == TRUTH_TRUE;
	r->send_proxy = draft->send_proxy ? (enum conf_proxy)draft->send_proxy
			: by_name	  ? b->send_proxy
					  : PROXY_NONE;
	r->verify_accept = draft->verify_accept == TRUTH_TRUE;
	r->timeouts = c->timeouts;
	overrule_times(&r->timeouts, &draft->times);
	r->ping = draft->ping ? (enum conf_ping)draft->ping : c->ping;
	r->limits = c->limits;
	overrule_limits(&r->limits, &draft->limits);
	r->strict = (draft->strict == TRUTH_OPEN ? c->strict
						  : draft->strict) ==
		    TRUTH_TRUE;
	r->request = draft->request;
	header_add_others(&r->request, &c->request);
	r->response = draft->response;
	header_add_others(&r->response, &c->response);
	draft->request = draft->response = (struct conf_headers){ NULL, 0 };
	r->allowed = draft->allowed;
	draft->allowed = (struct conf_targets){ NULL, 0 };
	r->where = draft->where;
}

/* Which of two equally specific routes is tried first: upgrades only. */
static unsigned
turn_of(const struct conf_route *r)
{
	return r->takes == TAKES_UPGRADES ? 0 : 1;
}

static bool
comes_before(const struct conf_route *a, const struct conf_route *b)
{
	int order = pattern_compare(a->pattern, b->pattern);

	return order < 0 || (order == 0 && turn_of(a) < turn_of(b));
}

/* By insertion: stable, and the routes of one file are few. */
static void
sort_routes(struct conf *c)
{
	for (size_t i = 1; i < c->nroutes; i++) {
		struct conf_route r = c->routes[i];
		size_t j = i;

		while (j > 0 && comes_before(&r, &c->routes[j - 1])) {
			c->routes[j] = c->routes[j - 1];
			j--;
		}
		c->routes[j] = r;
	}
}

void
build_routes(struct draft *d)
{
	for (size_t i = 0; i < d->nroutes; i++)
		prepare(d, &d->routes[i]);
	settle_rivals(d);
	add_default(d);
	for (size_t i = 0; i < d->nroutes; i++)
		if (!d->routes[i].dropped)
			build_route(d, &d->routes[i]);
	sort_routes(&d->tree->conf);
}
