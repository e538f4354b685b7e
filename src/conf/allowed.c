/* SPDX-License-Identifier: ISC */
/*
 * allowed.c: the servers that captures may choose.
 *
 * Host and port are filled in apart and never put together to be split again,
 * so that what a capture holds cannot move the line between them.
 */
#include "conf/allowed.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "conf/check.h"
#include "conf/target.h"
#include "conf/text.h"
#include "conf/url.h"


/* ---- the list ---- */

/* "80" or "5900-5999" */
static bool
parse_ports(struct slice text, struct conf_target *t)
{
	const char *dash = text.n ? memchr(text.p, '-', text.n) : NULL;
	struct slice first = text, last = text;
	uint64_t from, to;

	if (dash) {
		first.n = (size_t)(dash - text.p);
		last = slice_of(dash + 1, text.n - first.n - 1);
	}
	if (!text_number(first, &from) || !text_number(last, &to) ||
	    from < 1 || to > UINT16_MAX || from > to)
		return false;
	t->from = (uint16_t)from;
	t->to = (uint16_t)to;
	return true;
}

/*
 * Takes ":ports" off the end of *text; false if they are none.  In an IPv6
 * network without brackets no colon is theirs.
 */
static bool
take_ports(struct slice *text, struct conf_target *t)
{
	const char *close = memchr(text->p, ']', text->n);
	const char *from = close ? close : text->p;
	const char *colon = memchr(from, ':', text->n - (size_t)(from -
								 text->p));
	size_t n;

	t->from = 1;
	t->to = UINT16_MAX;
	if (!colon || (!close && memrchr(text->p, ':', text->n) != colon))
		return true;
	n = (size_t)(colon - text->p);
	if (!parse_ports(slice_of(colon + 1, text->n - n - 1), t))
		return false;
	text->n = n;
	return true;
}

static bool
parse_network(struct slice text, struct addr *net)
{
	char plain[ADDR_TEXT];
	size_t n = 0;

	if (text.n >= sizeof(plain))
		return false;
	for (size_t i = 0; i < text.n; i++) /* "[fd00::]/8" */
		if (text.p[i] != '[' && text.p[i] != ']')
			plain[n++] = text.p[i];
	return addr_parse_network(net, slice_of(plain, n));
}

/* A name as in a URL; "10.0.0.256" is none, whatever a resolver says. */
static bool
is_name(struct slice s)
{
	bool has_letter = false;

	for (size_t i = 0; i < s.n; i++) {
		if (!isalnum((unsigned char)s.p[i]) &&
		    !memchr("-._", s.p[i], 3))
			return false;
		has_letter |= isalpha((unsigned char)s.p[i]) != 0;
	}
	return has_letter;
}

static bool
parse_target(struct slice text, struct conf_target *t)
{
	if (!take_ports(&text, t))
		return false;
	if (parse_network(text, &t->net))
		return true;
	if (!is_name(text))
		return false;
	t->name = xstrndup(text.p, text.n);
	return true;
}

char *
allowed_add(struct conf_targets *to, const char *text)
{
	struct slice list = slice_str(text), element;

	while (slice_next_element(&list, &element)) {
		struct conf_target t = { .name = NULL };

		if (!parse_target(element, &t))
			return xasprintf("\"%.*s\" is no target; write "
					 "\"10.0.0.0/24:5900-5999\" or "
					 "\"vm1.example.com:80\"",
					 SLICE_ARG(element));
		t.text = xstrndup(element.p, element.n);
		*xgrow(to->list, to->n) = t;
	}
	return NULL;
}

void
allowed_fini(struct conf_targets *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->list[i].text);
		free(t->list[i].name);
	}
	free(t->list);
}

/* ---- a request's choice ---- */

/* By its name or, where the list has a network, by its address. */
static bool
permits(const struct conf_target *t, const char *host, uint16_t port,
	const struct addr *a)
{
	if (port < t->from || port > t->to)
		return false;
	if (t->name)
		return strcasecmp(host, t->name) == 0;
	return a && addr_in_network(a, &t->net);
}

/* The first target that permits it, or NULL. */
static const struct conf_target *
find_target(const struct conf_targets *allowed, const struct conf_server *s,
	    const struct addr *a)
{
	for (size_t i = 0; i < allowed->n; i++)
		if (permits(&allowed->list[i], s->host, s->port, a))
			return &allowed->list[i];
	return NULL;
}

bool
route_permits(const struct conf_route *r, const struct conf_server *s,
	      const struct addr *a)
{
	return find_target(&r->allowed, s, a);
}

/* Adds those of the addresses that are allowed, with the chosen port. */
static bool
add_addresses(const struct conf_targets *allowed, struct conf_server *s,
	      const struct addr *from, size_t n)
{
	if (!(s->addrs = calloc(n ? n : 1, sizeof(*from))))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!find_target(allowed, s, &from[i]))
			continue;
		s->addrs[s->naddrs] = from[i];
		s->addrs[s->naddrs++].port = s->port;
	}
	return true;
}

/*
 * The addresses of what was chosen: a literal's own, or those that the main
 * thread knows for the route's host.  Names of the list, and the route's own,
 * are the dialler's to find; no other makes us ask a resolver.
 */
static enum route_choice
find_addresses(const struct conf_route *r, struct conf_server *s)
{
	const struct conf_server *open = &r->backend->server;
	const struct conf_target *t = find_target(&r->allowed, s, NULL);
	const struct addr *from = open->addrs;
	size_t n = open->naddrs;
	struct addr literal;

	if (addr_parse(&literal, slice_str(s->host))) {
		from = &literal;
		n = 1;
	} else if (strchr(open->host, '{')) {
		return t ? CHOICE_GOOD : CHOICE_REFUSED;
	} else if (n == 0) {
		return CHOICE_GOOD;
	}
	if (!add_addresses(&r->allowed, s, from, n))
		return CHOICE_NO_MEMORY;
	return s->naddrs > 0 || t ? CHOICE_GOOD : CHOICE_REFUSED;
}

static bool
fill_port(const struct conf_server *open, const struct captures *caps,
	  struct conf_server *s)
{
	struct buf *text = NULL;
	uint64_t port = open->port;
	bool filled = true;

	if (open->port_text) {
		filled = target_fill(open->port_text, caps, &text);
		if (!text_number(buf_slice(text), &port) || port > UINT16_MAX)
			port = 0; /* which no target permits */
		buf_free(&text);
	}
	s->port = (uint16_t)port;
	return filled;
}

/* Brackets of an IPv6 address may have come with the capture. */
static bool
fill_host(const struct conf_server *open, const struct captures *caps,
	  struct conf_server *s)
{
	struct buf *text = NULL;
	char *host;
	size_t n;

	if (target_fill(open->host, caps, &text) && buf_add(&text, "", 1)) {
		host = buf_data(text);
		n = strlen(host);
		if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
			host[n - 1] = '\0';
			host++;
		}
		s->host = strdup(host);
	}
	buf_free(&text);
	return s->host;
}

static bool
fill_texts(struct conf_server *s)
{
	bool ip6 = strchr(s->host, ':');
	struct buf *text = NULL;

	if (buf_printf(&text, "http%s://%s%s%s:%u", s->tls ? "s" : "",
		       ip6 ? "[" : "", s->host, ip6 ? "]" : "", s->port) &&
	    buf_add(&text, "", 1) && (s->text = strdup(buf_data(text))))
		s->host_port = strdup(conf_server_place(s));
	buf_free(&text);
	if (s->host_port &&
	    s->port == (s->tls ? URL_HTTPS_PORT : URL_HTTP_PORT))
		*strrchr(s->host_port, ':') = '\0';
	return s->host_port;
}

enum route_choice
route_server(const struct conf *c, const struct conf_route *r,
	     const struct captures *caps, struct conf_server **server)
{
	const struct conf_server *open = &r->backend->server;
	struct conf_server *s = calloc(1, sizeof(*s));
	enum route_choice choice = CHOICE_NO_MEMORY;

	if (s)
		s->tls = open->tls;
	if (s && fill_host(open, caps, s) && fill_port(open, caps, s) &&
	    fill_texts(s))
		choice = find_addresses(r, s);
	if (choice == CHOICE_NO_MEMORY) {
		conf_server_free(s);
		s = NULL;
	} else if (check_is_ours(c, s->host, s->port)) {
		choice = CHOICE_REFUSED;
	}
	*server = s;
	return choice;
}
