/* SPDX-License-Identifier: ISC */
/*
 * test_url.c: URLs of backends, and addresses to listen on.
 */
#include "row.h"

#include <stdio.h>

#include "conf/url.h"

struct url_row {
	int line;
	const char *text;
	const char *host; /* NULL: a mistake, of which `path` is a part */
	uint16_t port;
	const char *path;
	const char *why;
};

static const struct url_row urls[] = {
	{ __LINE__, "http://10.0.0.5:4000", "10.0.0.5", 4000, NULL, "usual" },
	{ __LINE__, "ws://novnc", "novnc", 80, NULL, "ws is http" },
	{ __LINE__, "HTTP://Host:1", "Host", 1, NULL, "schemes in any case" },
	{ __LINE__, "http://[::1]:65535", "::1", 65535, NULL, "IPv6" },
	{ __LINE__, "http://[::1]", "::1", 80, NULL, "IPv6 without a port" },
	{ __LINE__, "http://[2001:DB8::a]:1/x", "2001:DB8::a", 1, "/x",
	  "IPv6 in any case, with a path" },
	{ __LINE__, "http://[::ffff:10.0.0.1]:1", "::ffff:10.0.0.1", 1, NULL,
	  "IPv4 within IPv6" },
	{ __LINE__, "http://[fe80::1%25eth0]:1", NULL, 0, "no IPv6 address",
	  "a zone: nobody else has it" },
	{ __LINE__, "http://my_app-1.local:1", "my_app-1.local", 1, NULL,
	  "names in Docker have _" },
	{ __LINE__, "http://h:1/", "h", 1, NULL, "a lone / is no path" },
	{ __LINE__, "http://h:1/a/{id}?x={id}", "h", 1, "/a/{id}?x={id}",
	  "a path with captures and a query" },
	{ __LINE__, "http://h?x=1", "h", 80, "/?x=1", "a query alone" },
	{ __LINE__, "http://h//a", "h", 80, "//a", "as it was written" },
	{ __LINE__, "10.0.0.5:4000", NULL, 0, "write http://host:port",
	  "no scheme" },
	{ __LINE__, "", NULL, 0, "is no URL", "nothing" },
	{ __LINE__, "ftp://h", NULL, 0, "unknown scheme \"ftp\"", "ftp" },
	{ __LINE__, "https://h", "h", 443, NULL, "https has its own port" },
	{ __LINE__, "HTTPS://h:80/x", "h", 80, "/x", "or another" },
	{ __LINE__, "wss://[::1]", "::1", 443, NULL, "wss is https" },
	{ __LINE__, "tcp://h:1", NULL, 0, "run websockify before it", "tcp" },
	{ __LINE__, "vnc://h", NULL, 0, "run websockify before it", "vnc" },
	{ __LINE__, "http://", NULL, 0, "has no host", "no host" },
	{ __LINE__, "http:///x", NULL, 0, "has no host", "a path only" },
	{ __LINE__, "http://:80", NULL, 0, "has no host", "a port only" },
	{ __LINE__, "http://[]:80", NULL, 0, "has no host", "empty brackets" },
	{ __LINE__, "http://h:0", NULL, 0, "from 1 to 65535", "port 0" },
	{ __LINE__, "http://h:65536", NULL, 0, "from 1 to 65535", "too high" },
	{ __LINE__, "http://h:", NULL, 0, "from 1 to 65535", "empty port" },
	{ __LINE__, "http://h:+80", NULL, 0, "from 1 to 65535", "a sign" },
	{ __LINE__, "http://h:80x", NULL, 0, "from 1 to 65535", "a letter" },
	{ __LINE__, "http://[::1]80", NULL, 0, "from 1 to 65535", "no colon" },
	{ __LINE__, "http://[::1", NULL, 0, "a ] is missing", "open bracket" },
	{ __LINE__, "http://[h]:1", NULL, 0, "no IPv6 address", "a name" },
	{ __LINE__, "http://::1:80", NULL, 0, "has no host", "no brackets" },
	{ __LINE__, "http://10.0.0.256", NULL, 0, "no IPv4 address", "256" },
	{ __LINE__, "http://h#x", NULL, 0, "never reaches", "a fragment" },
	{ __LINE__, "http://h/a b", NULL, 0, "%20", "a blank" },
	{ __LINE__, "http://h\t/", NULL, 0, "%20", "a tab" },
	{ __LINE__, "http://a,b", NULL, 0, "no \",\"", "a comma" },
	{ __LINE__, "http://b\303\274ro", NULL, 0, "xn--", "not ASCII" },
	{ __LINE__, "http://vm-{id}.x:80", "vm-{id}.x", 80, NULL,
	  "a capture as host" },
	{ __LINE__, "http://h:{port}/x", "h", 0, "/x", "a capture as port" },
	{ __LINE__, "http://h:{port}1", NULL, 0, "from 1 to 65535",
	  "a capture as part of one" },
	{ __LINE__, "http://h{id", NULL, 0, "no \"{\"", "an open brace" },
	{ __LINE__, "http://me:secret@h", NULL, 0, "before the @", "a user" },
};

static void
urls_of_backends(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		const struct url_row *r = &urls[i];
		struct url u;
		char *error;
		bool good = url_parse(r->text, &u, &error);

		ROW_CHECK(r, good == (r->host != NULL), "%s: %s", r->text,
			  error ? error : "taken");
		if (good && r->host) {
			ROW_CHECK(r, strcmp(u.host, r->host) == 0, "%s",
				  u.host);
			ROW_CHECK(r, u.port == r->port, "%u", u.port);
			ROW_CHECK(r, u.tls == (strncasecmp(r->text, "https", 5)
					       == 0 ||
					       strncmp(r->text, "wss", 3) == 0),
				  "%d", u.tls);
			ROW_CHECK(r, !u.path == !r->path &&
				     (!u.path || !strcmp(u.path, r->path)),
				  "%s", u.path ? u.path : "no path");
		} else if (!good && !r->host) {
			ROW_CHECK(r, strstr(error, r->path), "%s", error);
			ROW_CHECK(r, !strstr(error, "secret"), "%s", error);
		}
		free(error);
		url_fini(&u);
	}
	rows_end();
}

struct socket_row {
	int line;
	const char *text;
	const char *socket; /* NULL: a mistake, of which `path` is a part */
	const char *path;
	const char *why;
};

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct socket_row sockets[] = {
	{ __LINE__, "unix:/run/x", "/run/x", NULL, "usual" },
	{ __LINE__, "UNIX:/run/x", "/run/x", NULL, "schemes in any case" },
	{ __LINE__, "unix:///run/x", "/run/x", NULL, "as Docker writes it" },
	{ __LINE__, "unix:x.sock", "x.sock", NULL, "of the present folder" },
	{ __LINE__, "unix:/run/x:/a/{id}?b", "/run/x", "/a/{id}?b",
	  "a path as nginx writes it" },
	{ __LINE__, "unix:/run/x:/", "/run/x", NULL, "a lone / is no path" },
	{ __LINE__, "unix:/run/a:b", "/run/a:b", NULL, "a colon in the name" },
	{ __LINE__, "unix:/" HUNDRED "abcdef", "/" HUNDRED "abcdef", NULL,
	  "the longest that a socket has" },
	{ __LINE__, "unix:/" HUNDRED "abcdefg", NULL, "1 to 107 characters",
	  "too long" },
	{ __LINE__, "unix:", NULL, "1 to 107 characters", "nothing" },
	{ __LINE__, "unix::/a", NULL, "1 to 107 characters", "a path only" },
	{ __LINE__, "unix:/run/{id}", NULL, "choose no unix socket",
	  "a capture" },
};

static void
urls_of_unix_sockets(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sockets); i++) {
		const struct socket_row *r = &sockets[i];
		struct url u;
		char *error;
		bool good = url_parse(r->text, &u, &error);

		ROW_CHECK(r, good == (r->socket != NULL), "%s: %s", r->text,
			  error ? error : "taken");
		if (good && r->socket) {
			ROW_CHECK(r, !strcmp(u.socket, r->socket), "%s",
				  u.socket);
			ROW_CHECK(r, !u.host && u.port == 0, "a host");
			ROW_CHECK(r, !u.path == !r->path &&
				     (!u.path || !strcmp(u.path, r->path)),
				  "%s", u.path ? u.path : "no path");
		} else if (!good && !r->socket) {
			ROW_CHECK(r, strstr(error, r->path), "%s", error);
		}
		free(error);
		url_fini(&u);
	}
	rows_end();
}

struct listen_row {
	int line;
	const char *text;
	const char *host; /* NULL: every address */
	uint16_t port;    /* 0: a mistake, of which `host` is a part */
	const char *why;
};

static const struct listen_row listens[] = {
	{ __LINE__, "3000", "localhost", 3000, "a port is on localhost" },
	{ __LINE__, ":3000", NULL, 3000, "a colon is everywhere" },
	{ __LINE__, "*:3000", NULL, 3000, "a star is everywhere" },
	{ __LINE__, "host:3000", "host", 3000, "a name" },
	{ __LINE__, "10.0.0.1:80", "10.0.0.1", 80, "IPv4" },
	{ __LINE__, "[::1]:3000", "::1", 3000, "IPv6" },
	{ __LINE__, "::1:3000", "write [::1]:3000", 0, "no brackets" },
	{ __LINE__, "localhost", "has no port", 0, "a name alone" },
	{ __LINE__, "", "has no port", 0, "nothing" },
	{ __LINE__, ":", "has no port", 0, "a colon alone" },
	{ __LINE__, "[::1]", "has no port", 0, "an address alone" },
	{ __LINE__, "[3000]", "has no port", 0, "a port in brackets" },
	{ __LINE__, "[]:3000", "has no host", 0, "empty brackets" },
	{ __LINE__, "[::1:3000", "a ] is missing", 0, "an open bracket" },
	{ __LINE__, "0", "from 1 to 65535", 0, "port 0 is none" },
	{ __LINE__, "99999", "from 1 to 65535", 0, "nor is that" },
	{ __LINE__, "h:0", "from 1 to 65535", 0, "port 0" },
	{ __LINE__, "h:65536", "from 1 to 65535", 0, "too high" },
	{ __LINE__, "h:x", "from 1 to 65535", 0, "no number" },
	{ __LINE__, "a b:3000", "no \" \"", 0, "a blank" },
	{ __LINE__, "http://localhost:3000", "is a URL", 0, "a URL" },
	{ __LINE__, "unix:", "1 to 107 characters", 0, "no path" },
};

static void
addresses_to_listen_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(listens); i++) {
		const struct listen_row *r = &listens[i];
		struct conf_listener l = { .host = NULL };
		char *error;
		bool good = url_parse_listener(r->text, &l, &error);

		ROW_CHECK(r, good == (r->port != 0), "%s: %s", r->text,
			  error ? error : "taken");
		if (good && r->port) {
			ROW_CHECK(r, l.port == r->port, "%u", l.port);
			ROW_CHECK(r, !l.host == !r->host &&
				     (!l.host || !strcmp(l.host, r->host)),
				  "%s", l.host ? l.host : "everywhere");
			ROW_CHECK(r, strcmp(l.text, r->text) == 0, "%s",
				  l.text);
		} else if (!good && !r->port) {
			ROW_CHECK(r, strstr(error, r->host), "%s", error);
		}
		free(error);
		free(l.host);
		free(l.path);
		free(l.text);
	}
	rows_end();
}

static void
a_unix_socket_to_listen_on(void **state)
{
	struct conf_listener l = { .host = NULL };
	char *error;

	(void)state;
	assert_true(url_parse_listener("unix:/run/x.sock", &l, &error));
	assert_string_equal(l.path, "/run/x.sock");
	assert_null(l.host);
	free(l.path);
	free(l.text);
}

static void
what_separates_pattern_and_url(void **state)
{
	static const struct {
		const char *text;
		size_t at; /* 0: there is none */
	} rows[] = {
		{ "/a=http://h", 2 },
		{ "/a=b=http://h", 4 },
		{ "/a=ws://h?x=http://y", 2 },
		{ "/a=unix:/x", 2 },
		{ "/a=vnc://h", 2 },
		{ "/a=10.0.0.5:4000", 0 },
		{ "/a", 0 },
		{ "/a=://h", 0 },
		{ "http://h", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *eq = url_after_pattern(rows[i].text);

		if ((eq ? (size_t)(eq - rows[i].text) : 0) != rows[i].at)
			fail_msg("%s", rows[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_of_backends),
		cmocka_unit_test(urls_of_unix_sockets),
		cmocka_unit_test(addresses_to_listen_on),
		cmocka_unit_test(a_unix_socket_to_listen_on),
		cmocka_unit_test(what_separates_pattern_and_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
