/* SPDX-License-Identifier: ISC */
/*
 * check.c: does a configuration make sense as a whole?
 */
#include "conf/check.h"

#define NODE_KEEPALIVE 5000 /* ms; of Node's http server, by default */
#define DOCKER_STOP 10000   /* ms until `docker stop` kills */

static bool
is_any(const char *host)
{
	return !host || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

/* Connecting to "any address" is connecting to this machine. */
static bool
is_localhost(const char *host)
{
	struct addr a;

	if (strcasecmp(host, "localhost") == 0 || is_any(host))
		return true;
	return addr_parse(&a, slice_str(host)) && addr_is_loopback(&a);
}

/*
 * Does who connects to `host` reach the listener?  Without asking a resolver:
 * names other than localhost are only compared.
 */
static bool
is_reached_by(const struct conf_listener *l, const char *host)
{
	struct addr a, b;

	if (l->path || !host)
		return false;
	if (is_localhost(host) && (is_any(l->host) ||
				   strcasecmp(l->host, "localhost") == 0))
		return true;
	if (!l->host)
		return false;
	if (strcasecmp(host, "localhost") == 0)
		return is_localhost(l->host);
	if (addr_parse(&a, slice_str(host)) &&
	    addr_parse(&b, slice_str(l->host)))
		return addr_same_host(&a, &b);
	return strcasecmp(host, l->host) == 0;
}

bool
check_is_ours(const struct conf *c, const char *host, uint16_t port)
{
	for (size_t i = 0; i < c->nlisteners; i++)
		if (c->listeners[i].port == port &&
		    is_reached_by(&c->listeners[i], host))
			return true;
	return false;
}

static bool
is_same_socket(const struct conf_listener *l, const struct conf_server *s)
{
	return l->path && s->path && strcmp(l->path, s->path) == 0;
}

void
check_conf(const struct conf *c, struct mistakes *m)
{
	for (size_t i = 0; i < c->nbackends; i++) {
		const struct conf_backend *b = c->backends[i];

		for (size_t j = 0; j < c->nlisteners; j++) {
			const struct conf_listener *l = &c->listeners[j];

			if (!is_same_socket(l, &b->server) &&
			    (b->server.port != l->port ||
			     !is_reached_by(l, b->server.host)))
				continue;
			mistake(m, b->where, "backend %s is our own listener "
				"%s: requests would go round in circles; "
				"give one of them another %s", b->server.text,
				l->text, l->path ? "path" : "port");
			break;
		}
	}
}

static bool
ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* Express and Next write captures so. */
static bool
has_foreign_capture(const char *path)
{
	return strstr(path, "/:") || strstr(path, "/[");
}

static void
remark_on_route(struct conf_tree *t, const struct conf_route *r)
{
	const char *path = pattern_text(r->pattern);

	if (ends_with(path, "/"))
		conf_tree_remark(t, r->where, "'%s' matches only itself; did "
				 "you mean '%s**'?", path, path);
	if (has_foreign_capture(path))
		conf_tree_remark(t, r->where, "'%s' matches ':id' or '[id]' "
				 "as it is; did you mean '{id}'?", path);
	if (r->target && pattern_captures(r->pattern, SLICE("**")) &&
	    !strstr(r->target, "{**}"))
		conf_tree_remark(t, r->where, "all of '%s' goes to the one "
				 "path '%s'; did you mean '%s%s{**}'?", path,
				 r->target, r->target,
				 ends_with(r->target, "/") ? "" : "/");
}

static bool
is_literal(const char *host)
{
	struct addr a;

	return addr_parse(&a, slice_str(host));
}

/* Of a server that is named most know themselves by that name only. */
static void
remark_on_host(struct conf_tree *t, const struct conf_route *r)
{
	const struct conf_server *s = &r->backend->server;

	if (s->tls && !r->change_origin && !is_localhost(s->host) &&
	    !is_literal(s->host) && !conf_server_is_open(s))
		conf_tree_remark(t, r->where, "%s is asked with the client's "
				 "own Host; if it knows itself as %s only, add "
				 "change_origin", s->text, s->host);
}

static void
remark_on_verify(struct conf_tree *t, const struct conf_backend *b)
{
	if (b->server.tls && !b->tls.verify)
		conf_tree_remark(t, b->where, "nobody makes sure that %s is "
				 "who it says: with tls_verify = false whoever "
				 "is in between can read and change all",
				 b->server.text);
}

static bool
is_used(const struct conf *c, const struct conf_backend *b)
{
	for (size_t i = 0; i < c->nroutes; i++)
		if (c->routes[i].backend == b)
			return true;
	return false;
}

static void
remark_on_times(struct conf_tree *t)
{
	const struct conf_timeouts *times = &t->conf.timeouts;
	struct conf_where where = {
		t->conf.source ? t->conf.source : "timeouts", 0,
	};

	if (times->handshake && times->connect > times->handshake)
		conf_tree_remark(t, where, "connect is longer than handshake, "
				 "which covers it for upgrades");
	if (times->backend_keepalive >= NODE_KEEPALIVE)
		conf_tree_remark(t, where, "backend_keepalive is 5s or more: "
				 "Node closes idle connections after 5s, and "
				 "a request may meet that");
	if (times->drain >= DOCKER_STOP)
		conf_tree_remark(t, where, "drain is 10s or more: docker stop "
				 "kills after 10s unless told otherwise");
}

void
check_remarks(struct conf_tree *t)
{
	const struct conf *c = &t->conf;

	for (size_t i = 0; i < c->nroutes; i++) {
		remark_on_route(t, &c->routes[i]);
		remark_on_host(t, &c->routes[i]);
	}
	for (size_t i = 0; i < c->nbackends; i++)
		remark_on_verify(t, c->backends[i]);
	for (size_t i = 0; i < c->nbackends; i++)
		if (!is_used(c, c->backends[i]))
			conf_tree_remark(t, c->backends[i]->where, "no route "
					 "uses backend \"%s\"",
					 c->backends[i]->name);
	remark_on_times(t);
}
