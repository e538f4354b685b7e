/* SPDX-License-Identifier: ISC */
/*
 * url.c: where a backend is, and where we listen, as people write it.
 */
#include "conf/url.h"

#include <ctype.h>
#include <stdlib.h>
#include <sys/un.h>

#include "base/mem.h"
#include "conf/text.h"

#define LONGEST_HOST 253 /* RFC 1035 2.3.4, without the final dot */

/* What a scheme that we do not speak is answered with; NULL: we do. */
struct scheme {
	const char *name, *refusal;
};

static const char no_tcp[] =
	"a backend that speaks no HTTP is not built yet; run websockify "
	"before it and write http:// with websockify's port";

static const struct scheme schemes[] = {
	{ "http", NULL },
	{ "ws", NULL },
	{ "https", NULL },
	{ "wss", NULL },
	{ "tcp", no_tcp },
	{ "vnc", no_tcp },
	{ "unix", NULL },
};

/* The scheme at the beginning, or an empty slice. */
static struct slice
scheme_of(const char *text)
{
	size_t n = 0;

	while (isalnum((unsigned char)text[n]) || (n > 0 && text[n] != '\0' &&
						   strchr("+-.", text[n])))
		n++;
	if (strncmp(text + n, "://", 3) == 0)
		return slice_of(text, n);
	if (slice_ieq(slice_of(text, n), SLICE("unix")) && text[n] == ':')
		return slice_of(text, n);
	return SLICE_NONE;
}

bool
url_has_scheme(const char *text)
{
	return scheme_of(text).n > 0;
}

const char *
url_after_pattern(const char *text)
{
	const char *eq = text;

	while ((eq = strchr(eq, '=')) != NULL) {
		if (url_has_scheme(eq + 1))
			return eq;
		eq++;
	}
	return NULL;
}

static char *
refuse_scheme(const char *text, struct slice name)
{
	if (name.n == 0)
		return xasprintf("\"%s\" is no URL; write http://host:port",
				 text);
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		if (!slice_ieq(name, slice_str(schemes[i].name)))
			continue;
		if (!schemes[i].refusal)
			return NULL;
		return xasprintf("\"%s\": %s", text, schemes[i].refusal);
	}
	return xasprintf("\"%s\": unknown scheme \"%.*s\"; write http://, "
			 "https:// or unix:/", text, SLICE_ARG(name));
}

static bool
parse_port(struct slice text, uint16_t *port)
{
	uint64_t n;

	if (!text_number(text, &n) || n < 1 || n > UINT16_MAX)
		return false;
	*port = (uint16_t)n;
	return true;
}

static bool
is_ip6(struct slice host)
{
	struct addr a;

	return memchr(host.p, ':', host.n) && addr_parse(&a, host);
}

/* Of "10.0.0.256" a resolver would only say that it is unknown. */
static bool
is_bad_ip4(struct slice host)
{
	struct addr a;

	for (size_t i = 0; i < host.n; i++)
		if (!isdigit((unsigned char)host.p[i]) && host.p[i] != '.')
			return false;
	return !addr_parse(&a, host);
}

/* How many bytes of a capture, "{name}", there are; 0: none. */
static size_t
capture_length(const char *p, const char *end)
{
	const char *close = p < end && *p == '{'
			    ? memchr(p, '}', (size_t)(end - p)) : NULL;

	return close ? (size_t)(close + 1 - p) : 0;
}

/* The host with an "x" in place of each capture, to be judged by. */
static char *
without_captures(struct slice host)
{
	char *copy = xstrndup(host.p, host.n), *to = copy;
	const char *from = host.p, *end = host.p + host.n;
	size_t n;

	for (; from < end; from += n) {
		n = capture_length(from, end);
		*to++ = n > 0 ? 'x' : *from;
		n += n == 0;
	}
	*to = '\0';
	return copy;
}

/* A sentence about a host that is none, or NULL. */
static char *
refuse_host(const char *text, struct slice host, bool bracketed)
{
	if (host.n == 0)
		return xasprintf("\"%s\" has no host; write http://host:port",
				 text);
	if (bracketed)
		return is_ip6(host) ? NULL :
		       xasprintf("\"%s\": \"%.*s\" is no IPv6 address", text,
				 SLICE_ARG(host));
	if (host.n > LONGEST_HOST)
		return xasprintf("\"%s\": the host is longer than %d "
				 "characters", text, LONGEST_HOST);
	for (size_t i = 0; i < host.n; i++) {
		unsigned char c = (unsigned char)host.p[i];

		if (c >= 0x80)
			return xasprintf("\"%s\": write the host in ASCII, as "
					 "xn--…", text);
		if (!isalnum(c) && !strchr("-._", c))
			return xasprintf("\"%s\": a host has letters, digits, "
					 "\".\" and \"-\", but no \"%c\"",
					 text, c);
	}
	if (is_bad_ip4(host))
		return xasprintf("\"%s\": \"%.*s\" is no IPv4 address", text,
				 SLICE_ARG(host));
	return NULL;
}

/* The port of a URL, with its colon if there is one; false if it is none. */
static bool
take_port(struct slice rest, struct url *url)
{
	url->port = url->tls ? URL_HTTPS_PORT : URL_HTTP_PORT;
	if (rest.n == 0)
		return true;
	rest = slice_of(rest.p + 1, rest.n - 1);
	if (rest.n == 0 ||
	    capture_length(rest.p, rest.p + rest.n) != rest.n)
		return parse_port(rest, &url->port);
	url->port = 0;
	url->port_text = xstrndup(rest.p, rest.n);
	return true;
}

/*
 * Splits "host", "host:port" and "[ip6]:port"; rest is what follows the host,
 * with its colon.  False if a bracket is not closed.
 */
static bool
split_host(struct slice authority, struct slice *host, struct slice *rest)
{
	const char *end;
	size_t skip = 0;

	if (authority.n > 0 && authority.p[0] == '[') {
		end = memchr(authority.p, ']', authority.n);
		if (!end)
			return false;
		skip = 1;
		*host = slice_of(authority.p + 1,
				 (size_t)(end - authority.p - 1));
	} else {
		end = authority.n ? memchr(authority.p, ':', authority.n)
				  : NULL;
		*host = slice_of(authority.p, end ? (size_t)(end - authority.p)
						  : authority.n);
	}
	*rest = slice_of(authority.p + host->n + 2 * skip,
			 authority.n - host->n - 2 * skip);
	return true;
}

/* What no backend's URL may have, as a sentence, or NULL. */
static char *
refuse_characters(const char *text, struct slice authority)
{
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return xasprintf("\"%s\": a URL has no blanks; write "
					 "them as %%20", text);
	if (strchr(text, '#'))
		return xasprintf("\"%s\": what follows # never reaches a "
				 "server; leave it out", text);
	if (memchr(authority.p, '@', authority.n))
		return xasprintf("a URL with a user or password is not taken, "
				 "since the browser's own Authorization is "
				 "forwarded; leave out what is before the @");
	return NULL;
}

/* A sentence about a path that no socket can have, or NULL. */
static char *
refuse_socket(const char *path)
{
	struct sockaddr_un un;

	if (*path && strlen(path) < sizeof(un.sun_path))
		return NULL;
	return xasprintf("the path of a unix socket has 1 to %zu characters",
			 sizeof(un.sun_path) - 1);
}

static void
set_path(struct url *url, const char *from)
{
	if (*from && strcmp(from, "/") != 0)
		url->path = xasprintf("%s%s", *from == '/' ? "" : "/", from);
}

/* "/run/x.sock", and perhaps ":/path" as nginx has it. */
static bool
parse_socket(const char *text, const char *from, struct url *url,
	     char **error)
{
	const char *colon = strstr(from, ":/");
	size_t n = colon ? (size_t)(colon - from) : strlen(from);

	while (n > 1 && from[0] == '/' && from[1] == '/') { /* "unix:///x" */
		from++;
		n--;
	}
	url->socket = xstrndup(from, n);
	*error = refuse_socket(url->socket);
	if (!*error && strchr(url->socket, '{'))
		*error = xasprintf("\"%s\": captures choose no unix socket; "
				   "write a route for each", text);
	if (*error)
		return false;
	if (colon)
		set_path(url, colon + 1);
	return true;
}

bool
url_parse(const char *text, struct url *url, char **error)
{
	struct slice scheme = scheme_of(text), authority, host, rest;
	const char *from;
	char *judged;

	memset(url, 0, sizeof(*url));
	*error = refuse_scheme(text, scheme);
	if (*error)
		return false;
	if (slice_ieq(scheme, SLICE("unix")))
		return parse_socket(text, text + strlen("unix:"), url, error);
	url->tls = slice_ieq(scheme, SLICE("https")) ||
		   slice_ieq(scheme, SLICE("wss"));
	from = text + scheme.n + strlen("://");
	authority = slice_of(from, strcspn(from, "/?#"));
	*error = refuse_characters(text, authority);
	if (*error)
		return false;
	if (!split_host(authority, &host, &rest)) {
		*error = xasprintf("\"%s\": a ] is missing", text);
		return false;
	}
	judged = without_captures(host);
	*error = refuse_host(text, slice_str(judged), authority.p[0] == '[');
	free(judged);
	if (*error)
		return false;
	if ((rest.n > 0 && rest.p[0] != ':') || !take_port(rest, url)) {
		*error = xasprintf("\"%s\": a port is a number from 1 to "
				   "65535", text);
		return false;
	}
	url->host = xstrndup(host.p, host.n);
	set_path(url, from + authority.n);
	return true;
}

void
url_fini(struct url *url)
{
	free(url->host);
	free(url->socket);
	free(url->port_text);
	free(url->path);
}

/* NULL, or the sentence for a port that is none. */
static char *
refuse_port(const char *text, struct slice port)
{
	if (port.n == 0)
		return xasprintf("\"%s\" has no port; write 3000, :3000 or "
				 "host:3000", text);
	if (memchr(port.p, ':', port.n))
		return xasprintf("\"%s\": an IPv6 address stands in brackets; "
				 "write [::1]:3000", text);
	return xasprintf("\"%s\": a port is a number from 1 to 65535", text);
}

bool
url_parse_listener(const char *text, struct conf_listener *l, char **error)
{
	struct slice host, rest;
	bool bracketed = text[0] == '[';

	*error = NULL;
	if (strncmp(text, "unix:", 5) == 0) {
		l->text = xstrdup(text);
		l->path = xstrdup(text + 5);
		*error = refuse_socket(l->path);
		return !*error;
	}
	if (url_has_scheme(text))
		*error = xasprintf("\"%s\" is a URL; write only what follows "
				   "the //, as in localhost:3000", text);
	else if (!split_host(slice_str(text), &host, &rest))
		*error = xasprintf("\"%s\": a ] is missing", text);
	if (*error)
		return false;

	if (rest.n == 0 && !bracketed && parse_port(host, &l->port)) {
		host = SLICE("localhost");
	} else if (rest.n == 0 || rest.p[0] != ':' ||
		   !parse_port(slice_of(rest.p + 1, rest.n - 1), &l->port)) {
		if (rest.n > 0)
			rest = slice_of(rest.p + 1, rest.n - 1);
		else if (strspn(text, "0123456789") == strlen(text))
			rest = host; /* "99999" was meant as one */
		*error = refuse_port(text, rest);
		return false;
	}
	l->text = xstrdup(text);
	if (!bracketed && (host.n == 0 || slice_eq(host, SLICE("*"))))
		return true;
	*error = refuse_host(text, host, bracketed);
	if (*error)
		return false;
	l->host = xstrndup(host.p, host.n);
	return true;
}

char *
url_host_port(const char *host, uint16_t port)
{
	bool ip6 = strchr(host, ':') != NULL;

	return xasprintf("%s%s%s:%u", ip6 ? "[" : "", host, ip6 ? "]" : "",
			 port);
}
