/* SPDX-License-Identifier: ISC */
/*
 * tree.c: the life of a configuration.
 */
#include "conf/tree.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "conf/allowed.h"
#include "conf/header.h"
#include "conf/mistake.h"
#include "conf/setting.h"

static char **
copy_strings(int n, char **from)
{
	char **copy = xcalloc((size_t)n + 1, sizeof(*copy));

	for (int i = 0; i < n; i++)
		copy[i] = xstrdup(from[i]);
	return copy;
}

static void
free_strings(char **strings, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(strings[i]);
	free(strings);
}

/* trusted_proxies: bowsprit itself is reached on localhost. */
static void
trust_loopback(struct conf *c)
{
	bool good = addr_parse_network(xgrow(c->trusted, c->ntrusted),
				       SLICE("127.0.0.0/8")) &&
		    addr_parse_network(xgrow(c->trusted, c->ntrusted),
				       SLICE("::1"));

	assert(good);
	(void)good;
}

struct conf_tree *
conf_tree_new(int argc, char **argv)
{
	struct conf_tree *t = xcalloc(1, sizeof(*t));

	t->argc = argc;
	t->argv = copy_strings(argc, argv);
	t->conf.refs = 1;
	for (int i = SECTION_TOP; i <= SECTION_ADMIN; i++)
		setting_presets((enum section_id)i, &t->conf);
	trust_loopback(&t->conf);
	return t;
}

static void
server_fini(struct conf_server *s)
{
	free(s->host);
	free(s->port_text);
	free(s->path);
	free(s->host_port);
	free(s->text);
	free(s->addrs);
}

void
conf_server_free(struct conf_server *s)
{
	if (s)
		server_fini(s);
	free(s);
}

static void
backend_free(struct conf_backend *b)
{
	free(b->name);
	server_fini(&b->server);
	free(b->tls.ca);
	free(b->tls.certificate);
	free(b->tls.key);
	if (b->tls_client)
		b->tls_client_free(b->tls_client);
	free(b);
}

void
conf_listener_fini(struct conf_listener *l)
{
	for (size_t i = 0; i < l->ncerts; i++) {
		free(l->certs[i].file);
		free(l->certs[i].key);
	}
	free(l->certs);
	free(l->client_ca);
	free(l->host);
	free(l->path);
	free(l->text);
}

static void
conf_fini(struct conf *c)
{
	for (size_t i = 0; i < c->nlisteners; i++)
		conf_listener_fini(&c->listeners[i]);
	free(c->listeners);
	for (size_t i = 0; i < c->nroutes; i++) {
		free(c->routes[i].name);
		free(c->routes[i].target);
		pattern_free(c->routes[i].pattern);
		header_fini(&c->routes[i].request);
		header_fini(&c->routes[i].response);
		allowed_fini(&c->routes[i].allowed);
	}
	free(c->routes);
	for (size_t i = 0; i < c->nbackends; i++)
		backend_free(c->backends[i]);
	free(c->backends);
	for (char **word = c->command; word && *word; word++)
		free(*word);
	free(c->command);
	header_fini(&c->request);
	header_fini(&c->response);
	free(c->trusted);
	free(c->log_file);
	free(c->admin_socket);
	free(c->source);
}

void
conf_tree_free(struct conf_tree *t)
{
	conf_fini(&t->conf);
	free_strings(t->argv, (size_t)t->argc);
	free_strings(t->names, t->nnames);
	free_strings(t->remarks, t->nremarks);
	free(t);
}

const char *
conf_tree_name(struct conf_tree *t, const char *file)
{
	for (size_t i = 0; i < t->nnames; i++)
		if (strcmp(t->names[i], file) == 0)
			return t->names[i];
	return *xgrow(t->names, t->nnames) = xstrdup(file);
}

void
conf_tree_remark(struct conf_tree *t, struct conf_where where,
		 const char *fmt, ...)
{
	char *place = where_text(where), *sentence;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&sentence, fmt, ap);
	va_end(ap);
	*xgrow(t->remarks, t->nremarks) =
		xasprintf("%s: %s", place, n < 0 ? "" : sentence);
	if (n >= 0)
		free(sentence);
	free(place);
}

struct conf *
conf_ref(struct conf *c)
{
	__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
	return c;
}

void
conf_unref(struct conf *c)
{
	/* The last one must see what all the others did with it. */
	if (c && __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) == 0)
		conf_tree_free((struct conf_tree *)c);
}
