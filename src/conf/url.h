/* SPDX-License-Identifier: ISC */
/*
 * url.h: where a backend is, and where we listen, as people write it.
 */
#ifndef CONF_URL_H
#define CONF_URL_H

#include <stdbool.h>

#include "base/attrib.h"
#include "conf/conf.h"

/*
 * A backend's URL: http:// or ws://, which are the same, https:// or wss://,
 * which are so too, or the path of a unix socket, "unix:/run/x.sock", behind which ":/path" may stand.  A lone "/"
 * counts as no path, since nobody means by it that every request is for "/".
 * Host and port may have captures.
 */
struct url {
	bool tls;
	char *host; /* a name or a literal, without brackets */
	char *socket; /* of unix:, and then no host nor port; or NULL */
	char *port_text; /* with a capture, and the port is 0; or NULL */
	uint16_t port;
	char *path; /* with its query; NULL: there is none */
};

/* False on a mistake, and *error is a sentence to free. */
bool url_parse(const char *text, struct url *url, char **error) WUNRES;
void url_fini(struct url *url);

/* Does it begin with a scheme?  If not it is the name of a backend. */
bool url_has_scheme(const char *text);
/*
 * In 'PATTERN=URL setting…' the = between the two: the first that a scheme
 * follows, since a pattern may have one too.  NULL if there is none.
 */
const char *url_after_pattern(const char *text);

/*
 * Where to listen: "3000", ":3000", "host:3000", "[::1]:3000",
 * "unix:/run/x.sock".  Sets host, port, path and text of *l, which own their
 * memory.  False on a mistake, and *error is a sentence to free.
 */
bool url_parse_listener(const char *text, struct conf_listener *l,
			char **error) WUNRES;

#define URL_HTTP_PORT 80
#define URL_HTTPS_PORT 443

/* A name or a literal as it stands in a URL or in Host: "[::1]:80". */
char *url_host_port(const char *host, uint16_t port) WUNRES;

#endif
