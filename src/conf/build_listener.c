/* SPDX-License-Identifier: ISC */
/*
 * build_listener.c: where we listen.
 */
#include "conf/build.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "conf/url.h"

#define DEFAULT_HOST "localhost"
#define DEFAULT_PORT "3000"

static bool
is_ip6(const char *host)
{
	struct addr a;

	return strchr(host, ':') && addr_parse(&a, slice_str(host));
}

/* A host alone, as the file may have it beside a port. */
static bool
is_host_only(const char *address)
{
	return is_ip6(address) ||
	       (!strchr(address, ':') && *address &&
		strspn(address, "0123456789") < strlen(address));
}

/* Host and port as one text: "[::1]:3000". */
static char *
join(const char *host, const char *port)
{
	const char *form = is_ip6(host) ? "[%s]:%s" : "%s:%s";

	return *form == '[' ? xasprintf("[%s]:%s", host, port)
			    : xasprintf("%s:%s", host, port);
}

/* The address as an option would have it. */
static char *
whole_address(const struct draft_listener *l)
{
	const char *host = l->address;
	char port[8];

	if (l->by_option)
		return xstrdup(host);
	/* An empty variable must not open every address. */
	if (!host || !*host)
		host = DEFAULT_HOST;
	if (l->port == 0)
		return is_host_only(host) ? join(host, DEFAULT_PORT)
					  : xstrdup(host);
	if (strncmp(host, "unix:", 5) == 0)
		return xstrdup(host);
	snprintf(port, sizeof(port), "%u", l->port);
	return join(host, port);
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a && b && strcasecmp(a, b) == 0);
}

static bool
is_known(const struct conf *c, const struct conf_listener *l,
	 struct mistakes *m, bool by_option)
{
	for (size_t i = 0; i < c->nlisteners; i++) {
		const struct conf_listener *other = &c->listeners[i];
		char *there;

		if (other->port != l->port || !same(other->host, l->host) ||
		    !same(other->path, l->path))
			continue;
		/* An option may say once more what the file says. */
		if (by_option && other->where.line)
			return true;
		there = where_text(other->where);
		mistake(m, l->where, "%s is listened on already by %s; leave "
			"one out", l->text, there);
		free(there);
		return true;
	}
	return false;
}

static void
listener_fini(struct conf_listener *l)
{
	free(l->host);
	free(l->path);
	free(l->text);
}

static void
add_listener(struct draft *d, const char *address, bool by_option,
	     struct conf_where where)
{
	struct conf *c = &d->tree->conf;
	struct conf_listener l = { .where = where };
	char *error = NULL;

	if (!url_parse_listener(address, &l, &error)) {
		mistake(&d->mistakes, where, "%s", error);
	} else if (l.path) {
		mistake(&d->mistakes, where, "listening on a unix socket "
			"comes with a later version; write a port, such as "
			"\"localhost:3000\"");
	} else if (!is_known(c, &l, &d->mistakes, by_option)) {
		*xgrow(c->listeners, c->nlisteners) = l;
		return;
	}
	free(error);
	listener_fini(&l);
}

/* $HOST and $PORT, as hosting platforms and `next start` have them. */
static void
add_default(struct draft *d)
{
	const char *host = getenv("HOST"), *port = getenv("PORT");
	bool has_host = host && *host, has_port = port && *port;
	struct conf_where where = { "default", 0 };
	unsigned mistakes = d->mistakes.count;
	char *address;

	if (has_host || has_port)
		where.file = has_host && has_port ? "$HOST and $PORT"
			     : has_port		  ? "$PORT"
						  : "$HOST";
	address = join(has_host ? host : DEFAULT_HOST,
		       has_port ? port : DEFAULT_PORT);
	add_listener(d, address, false, where);
	free(address);
	if (d->mistakes.count > mistakes)
		mistake(&d->mistakes, where, "that is in the environment; "
			"unset it, or say with --listen where to listen");
}

void
build_listeners(struct draft *d)
{
	struct conf_where where = { d->tree->conf.source, 0 };

	if (!d->listeners_said) {
		add_default(d);
		return;
	}
	for (size_t i = 0; i < d->nlisteners; i++) {
		char *address = whole_address(&d->listeners[i]);

		add_listener(d, address, d->listeners[i].by_option,
			     d->listeners[i].where);
		free(address);
	}
	if (d->nlisteners == 0 && d->mistakes.count == 0)
		mistake(&d->mistakes, where, "listeners is empty: nobody could "
			"connect; add { port = 3000; }");
}
