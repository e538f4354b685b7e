/* SPDX-License-Identifier: ISC */
/*
 * build_listener.c: where we listen.
 */
#include "conf/build.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "conf/text.h"
#include "conf/url.h"

#define DEFAULT_HOST "localhost"
#define DEFAULT_PORT "3000"
#define DEFAULT_MODE 660 /* as it is written */

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

/* Every address is also each single one. */
static bool
overlap(const struct conf_listener *a, const struct conf_listener *b)
{
	return a->port == b->port && same(a->path, b->path) &&
	       (same(a->host, b->host) || !a->host || !b->host);
}

static bool
is_known(const struct conf *c, const struct conf_listener *l,
	 struct mistakes *m, bool by_option)
{
	for (size_t i = 0; i < c->nlisteners; i++) {
		const struct conf_listener *other = &c->listeners[i];
		char *there;

		if (!overlap(other, l))
			continue;
		/* An option may say once more what the file says. */
		if (by_option && other->where.line &&
		    same(other->host, l->host))
			return true;
		there = where_text(other->where);
		mistake(m, l->where, "%s is listened on already by %s; leave "
			"one out", l->text, there);
		free(there);
		return true;
	}
	return false;
}


/* 660, which libconfig takes for a decimal number, is 0660. */
static bool
parse_mode(unsigned written, unsigned *mode)
{
	*mode = 0;
	for (unsigned unit = 1; written > 0; written /= 10, unit *= 8) {
		if (written % 10 > 7)
			return false;
		*mode += written % 10 * unit;
	}
	return true;
}

static bool
parse_id(const char *text, uid_t *id)
{
	uint64_t n;

	if (!text_number(slice_str(text), &n) || n >= CONF_OURS)
		return false;
	*id = (uid_t)n;
	return true;
}

/* By name, or by number. */
static bool
find_owner(struct conf_listener *l, const struct draft_listener *said,
	   struct mistakes *m)
{
	const struct passwd *user = NULL;
	const struct group *group = NULL;

	l->owner = l->group = CONF_OURS;
	if (said->owner && !parse_id(said->owner, &l->owner)) {
		if (!(user = getpwnam(said->owner))) {
			mistake(m, l->where, "there is no user \"%s\"; write "
				"one of /etc/passwd, or a number", said->owner);
			return false;
		}
		l->owner = user->pw_uid;
	}
	if (said->group && !parse_id(said->group, &l->group)) {
		if (!(group = getgrnam(said->group))) {
			mistake(m, l->where, "there is no group \"%s\"; write "
				"one of /etc/group, or a number", said->group);
			return false;
		}
		l->group = group->gr_gid;
	}
	return true;
}

/* What concerns the file of a unix socket, or only other listeners. */
static bool
check_file(struct conf_listener *l, const struct draft_listener *said,
	   struct mistakes *m)
{
	if (!l->path && (said->mode || said->owner || said->group)) {
		mistake(m, l->where, "%s is for unix sockets; leave it out",
			said->mode ? "mode" : said->owner ? "owner" : "group");
		return false;
	}
	if (l->path && said->port) {
		mistake(m, l->where, "a unix socket has no port; leave it out");
		return false;
	}
	if (!parse_mode(said->mode ? said->mode : DEFAULT_MODE, &l->mode)) {
		mistake(m, l->where, "mode must be octal digits such as "
			"\"0660\", not %u", said->mode);
		return false;
	}
	return find_owner(l, said, m);
}

/*
 * A key for each certificate; one that is not named is in its certificate's
 * file.
 */
static bool
check_certificates(struct conf_listener *l, const struct draft_listener *said,
		   struct mistakes *m)
{
	const struct draft_texts *certs = &said->certificate, *keys = &said->key;

	if (keys->n > 0 && keys->n != certs->n) {
		mistake(m, l->where, "%zu of certificate and %zu of key; write "
			"one key for each certificate, in the same order, or "
			"none where they are in one file", certs->n, keys->n);
		return false;
	}
	for (size_t i = 0; i < certs->n; i++)
		*xgrow(l->certs, l->ncerts) = (struct conf_certificate){
			xstrdup(certs->list[i]),
			xstrdup(keys->n ? keys->list[i] : certs->list[i]),
		};
	return true;
}

static bool
check_clients(struct conf_listener *l, const struct draft_listener *said,
	      struct mistakes *m)
{
	l->verify_client = (enum conf_verify)said->verify_client;
	if (l->verify_client == VERIFY_NONE) {
		if (said->client_ca)
			mistake(m, l->where, "client_ca is for verify_client "
				"= \"optional\" or \"required\"; write one, or "
				"leave it out");
		return !said->client_ca;
	}
	if (l->ncerts == 0)
		mistake(m, l->where, "verify_client is for listeners with TLS; "
			"write certificate and key as well");
	else if (!said->client_ca)
		mistake(m, l->where, "verify_client needs the CAs that clients "
			"may have certificates of; write client_ca = a file");
	else
		l->client_ca = xstrdup(said->client_ca);
	return l->client_ca != NULL;
}

/* What concerns TLS, or only listeners without. */
static bool
check_tls(struct conf_listener *l, const struct draft_listener *said,
	  bool self_signed, struct mistakes *m)
{
	if (!check_certificates(l, said, m) || !check_clients(l, said, m))
		return false;
	l->redirects = said->redirect;
	if (l->redirects && l->ncerts > 0) {
		mistake(m, l->where, "redirect is for listeners without TLS; "
			"leave out either redirect or certificate");
		return false;
	}
	l->self_signed = self_signed && l->ncerts == 0 && !l->redirects;
	return true;
}

static void
add_listener(struct draft *d, const char *address,
	     const struct draft_listener *said)
{
	struct conf *c = &d->tree->conf;
	struct conf_listener l = {
		.proxied = said->proxied == TRUTH_TRUE,
		.where = said->where,
	};
	char *error = NULL;

	if (!url_parse_listener(address, &l, &error)) {
		mistake(&d->mistakes, l.where, "%s", error);
	} else if (!check_file(&l, said, &d->mistakes) ||
		   !check_tls(&l, said, c->self_signed, &d->mistakes)) {
		; /* told */
	} else if (!is_known(c, &l, &d->mistakes, said->by_option)) {
		l.number = (unsigned)c->nlisteners + 1;
		*xgrow(c->listeners, c->nlisteners) = l;
		return;
	}
	free(error);
	conf_listener_fini(&l);
}

/* $HOST and $PORT, as hosting platforms and `next start` have them. */
static void
add_default(struct draft *d)
{
	const char *host = getenv("HOST"), *port = getenv("PORT");
	bool has_host = host && *host, has_port = port && *port;
	struct draft_listener said = { .where = { "default", 0 } };
	unsigned mistakes = d->mistakes.count;
	char *address;

	if (has_host || has_port)
		said.where.file = has_host && has_port ? "$HOST and $PORT"
				  : has_port	       ? "$PORT"
						       : "$HOST";
	address = join(has_host ? host : DEFAULT_HOST,
		       has_port ? port : DEFAULT_PORT);
	add_listener(d, address, &said);
	free(address);
	if (d->mistakes.count > mistakes)
		mistake(&d->mistakes, said.where, "that is in the environment; "
			"unset it, or say with --listen where to listen");
}

void
build_listeners(struct draft *d)
{
	struct conf_where where = { d->tree->conf.source, 0 };

	d->tree->conf.listeners_given = d->listeners_said;
	if (!d->listeners_said) {
		add_default(d);
		return;
	}
	for (size_t i = 0; i < d->nlisteners; i++) {
		char *address = whole_address(&d->listeners[i]);

		add_listener(d, address, &d->listeners[i]);
		free(address);
	}
	if (d->nlisteners == 0 && d->mistakes.count == 0)
		mistake(&d->mistakes, where, "listeners is empty: nobody could "
			"connect; add { port = 3000; }");
}
