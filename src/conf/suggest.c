/* SPDX-License-Identifier: ISC */
/*
 * suggest.c: what the operator may have meant.
 */
#include "conf/suggest.h"

#include <ctype.h>
#include <string.h>

#include "base/attrib.h"

#define LONGEST 48 /* longer words are not compared: nobody mistypes those */

struct foreign {
	const char *word, *here;
};

static const char not_needed[] =
	"not needed: headers are forwarded as they came";
static const char no_buffering[] =
	"not needed: bytes are forwarded as they come";
static const char tls_always[] =
	"not needed: the URL's name is asked for (SNI)";
static const char as_came[] =
	"not built: answers are forwarded as they came";
static const char no_rewriting[] =
	"not built: the application can do that; for another path at the "
	"backend see a route's backend URL";
static const char no_files[] =
	"not built: files are served by the application";
static const char no_braces[] =
	"nothing: what stands in it stands by itself";
static const char one_server[] =
	"not built yet: a backend has one server";

static const struct foreign foreign[] = {
	/* nginx */
	{ "access_log", "log.access (what) and log.file (where)" },
	{ "add_header", "set_response_headers" },
	{ "alias", no_files },
	{ "client_body_buffer_size", no_buffering },
	{ "client_body_timeout", "timeouts.stall" },
	{ "client_header_buffer_size", "max_head" },
	{ "client_header_timeout", "timeouts.header" },
	{ "client_max_body_size", "not needed: bodies have no size limit" },
	{ "error_log", "log.file and log.level" },
	{ "events", no_braces },
	{ "gzip", "not needed: bodies are forwarded as they come" },
	{ "http", no_braces },
	{ "index", no_files },
	{ "ip_hash", one_server },
	{ "keepalive", "pool_size" },
	{ "keepalive_timeout", "timeouts.client_keepalive" },
	{ "large_client_header_buffers", "max_head" },
	{ "least_conn", one_server },
	{ "limit_conn", "max_tunnels_per_address" },
	{ "limit_conn_zone", "max_tunnels_per_address" },
	{ "listen", "listeners = ( { port = 3000; } )" },
	{ "location", "routes = ( { path = \"/…\"; backend = \"…\"; } )" },
	{ "map", "not needed: upgrades keep their Upgrade and Connection" },
	{ "proxy_buffer_size", "max_head" },
	{ "proxy_buffering", no_buffering },
	{ "proxy_buffers", no_buffering },
	{ "proxy_cache", "not needed: nothing is cached" },
	{ "proxy_cache_bypass", "not needed: nothing is cached" },
	{ "proxy_connect_timeout", "timeouts.connect" },
	{ "proxy_cookie_domain", as_came },
	{ "proxy_cookie_path", as_came },
	{ "proxy_hide_header", "remove_response_headers" },
	{ "proxy_http_version", "not needed: it is always HTTP/1.1" },
	{ "proxy_max_temp_file_size", no_buffering },
	{ "proxy_next_upstream", one_server },
	{ "proxy_pass", "a route's backend, or servers in backends" },
	{ "proxy_read_timeout",
	  "tunnel_idle (tunnels) or response (HTTP), both in timeouts" },
	{ "proxy_redirect", as_came },
	{ "proxy_request_buffering", no_buffering },
	{ "proxy_send_timeout", "timeouts.stall" },
	{ "proxy_set_header",
	  "set_headers, which X-Forwarded-* do not need; for Host "
	  "change_origin" },
	{ "proxy_ssl_certificate", "certificate, in backends" },
	{ "proxy_ssl_certificate_key", "key, in backends" },
	{ "proxy_ssl_server_name", tls_always },
	{ "proxy_ssl_session_reuse", "not needed: sessions are reused" },
	{ "proxy_ssl_trusted_certificate", "ca, in backends" },
	{ "proxy_ssl_verify", "tls_verify, which is true" },
	{ "real_ip_header", "trusted_proxies" },
	{ "resolver", "not needed: the system's own is used" },
	{ "return", no_rewriting },
	{ "rewrite", no_rewriting },
	{ "root", no_files },
	{ "send_timeout", "timeouts.stall" },
	{ "server", "listeners, and a host before a route's path" },
	{ "server_name", "a host before a route's path: \"example.com/**\"" },
	{ "set_real_ip_from", "trusted_proxies" },
	{ "ssl_certificate", "certificate, in listeners" },
	{ "ssl_certificate_key", "key, in listeners" },
	{ "ssl_ciphers", "not needed: Mozilla's \"intermediate\" ones" },
	{ "ssl_client_certificate", "client_ca, in listeners" },
	{ "ssl_protocols", "not needed: TLS 1.2 and 1.3" },
	{ "ssl_verify_client", "verify_client, in listeners" },
	{ "tcp_nodelay", "not needed: bytes are sent at once" },
	{ "try_files", no_files },
	{ "upstream", "backends = { name = { servers = ( … ); }; }" },
	{ "worker_connections", "not needed: the limit of open files holds" },
	{ "worker_processes", "workers" },
	/* http-proxy and http-proxy-middleware */
	{ "agent", "pool_size" },
	{ "auth", "set_headers = ( \"Authorization: Basic …\" )" },
	{ "autoRewrite", as_came },
	{ "buffer", no_buffering },
	{ "changeOrigin", "change_origin" },
	{ "cookieDomainRewrite", as_came },
	{ "cookiePathRewrite", as_came },
	{ "followRedirects", "not built: redirects go to the client" },
	{ "forward", "not built: each request has one backend" },
	{ "headers", "set_headers" },
	{ "hostRewrite", as_came },
	{ "ignorePath", "a path in the route's backend URL" },
	{ "logLevel", "log.level" },
	{ "onProxyReq", "set_headers and remove_headers" },
	{ "onProxyReqWs", "set_headers and remove_headers" },
	{ "onProxyRes", "set_response_headers and remove_response_headers" },
	{ "pathFilter", "a route's path" },
	{ "pathRewrite", "a path in the route's backend URL, with {**}" },
	{ "prependPath", "a path in the route's backend URL, with {**}" },
	{ "preserveHeaderKeyCase", not_needed },
	{ "protocolRewrite", as_came },
	{ "proxyTimeout",
	  "handshake (upgrades) and response (HTTP), both in timeouts" },
	{ "router", "routes = ( { path = \"/…\"; backend = \"…\"; } )" },
	{ "secure", "tls_verify" },
	{ "selfHandleResponse", as_came },
	{ "ssl", "certificate and key, in listeners" },
	{ "target", "a route's backend, or servers in backends" },
	{ "timeout", "timeouts, which has one for each phase" },
	{ "tls", "certificate and key, in listeners" },
	{ "toProxy", not_needed },
	{ "ws", "a route's upgrade = \"both\" or \"websocket\"" },
	{ "xfwd", "not needed: X-Forwarded-* are always added" },
};

/* Planned, and known by these names already. */
static const char *const later[] = {
	"--doctor", "allowed_origins", "limits",
};

static int
plain(char c)
{
	return c == '-' ? '_' : tolower((unsigned char)c);
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment, over three rows of the usual table. */
size_t
suggest_distance(const char *a, const char *b)
{
	size_t rows[3][LONGEST + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2], *spare;
	size_t n = strlen(a), m = strlen(b);

	if (n > LONGEST || m > LONGEST)
		return n > m ? n : m;
	for (size_t j = 0; j <= m; j++)
		above[j] = j;
	for (size_t i = 1; i <= n; i++) {
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			int x = plain(a[i - 1]), y = plain(b[j - 1]);

			row[j] = least(above[j - 1] + (x != y),
				       least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && x == plain(b[j - 2]) &&
			    y == plain(a[i - 2]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		spare = before;
		before = above;
		above = row;
		row = spare;
	}
	return above[m];
}

void
suggest_try(struct suggestion *s, const char *word)
{
	size_t distance = suggest_distance(s->typed, word);
	size_t limit = strlen(s->typed) / 3;

	/* In a word of four letters two may be swapped, not two others. */
	if (distance > (limit ? limit : 1))
		return;
	if (s->best && s->distance <= distance)
		return;
	s->best = word;
	s->distance = distance;
}

const char *
suggest_foreign(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
		if (strcmp(foreign[i].word, word) == 0)
			return foreign[i].here;
	return NULL;
}

const char *
suggest_foreign_near(const char *word)
{
	struct suggestion s = { .typed = word };

	for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
		suggest_try(&s, foreign[i].word);
	return s.best;
}

bool
suggest_later(const char *word)
{
	size_t n = strcspn(word, "="); /* "--doctor=URL" */

	for (size_t i = 0; i < ARRAY_LEN(later); i++)
		if (strncmp(later[i], word, n) == 0 && later[i][n] == '\0')
			return true;
	return false;
}
