/* SPDX-License-Identifier: ISC */
/*
 * conf.h: what the operator asked for.
 *
 * One immutable tree, made from a libconfig file, the options beside it and
 * the environment, all checked.  Workers and handshakes hold references to it,
 * tunnels do not: they copy what they need.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/addr.h"
#include "base/attrib.h"
#include "base/log.h"
#include "base/slice.h"
#include "proto/pattern.h"

/* Where something was said: a file and line, or an option. */
struct conf_where {
	const char *file; /* "bowsprit.cfg", or "--route" */
	unsigned line;    /* 0: no line */
};

#define CONF_OURS ((uid_t)-1)

/* A chain, its own certificate first, and the key; files in PEM form. */
struct conf_certificate {
	char *file, *key;
};

/* Are clients asked for certificates? */
enum conf_verify { VERIFY_NONE, VERIFY_OPTIONAL, VERIFY_REQUIRED };

struct conf_listener {
	char *host;  /* "localhost", "10.0.0.1", "::1"; NULL: every address */
	uint16_t port;
	char *path;  /* of a unix socket; then host and port do not count */
	unsigned mode; /* of its file */
	uid_t owner;   /* the same; CONF_OURS: whoever we run as */
	gid_t group;
	bool proxied;  /* connections begin with a PROXY header */
	struct conf_certificate *certs; /* TLS; owned */
	size_t ncerts;
	bool self_signed;  /* TLS with a certificate of our own making */
	enum conf_verify verify_client;
	char *client_ca;   /* file of CAs; NULL without verify_client */
	bool redirects;    /* plain: every request is sent to https */
	char *text;  /* as it was written */
	unsigned number; /* from 1, in conf->listeners */
	struct conf_where where;
};

/*
 * One place that a backend is reached at.  Host or port may have captures of
 * the pattern: then each request chooses a server, see route_server().
 */
struct conf_server {
	char *host;  /* name or literal, without brackets; perhaps {name};
		      * NULL: it has a path */
	char *port_text; /* "{port}"; NULL: it is the number */
	uint16_t port;
	bool tls;
	char *path;      /* of a unix socket, or NULL */
	char *host_port; /* for Host with change_origin: "10.0.0.5:4000", of
			  * a unix socket "localhost" */
	char *text;      /* for people: "http://10.0.0.5:4000" */
	struct addr *addrs; /* of a literal or localhost, by main before workers
			     * have the tree; owned */
	size_t naddrs;      /* 0: the host is a name */
};

/* Which PROXY header goes first on a connection to a backend. */
enum conf_proxy { PROXY_NONE = 1, PROXY_V1, PROXY_V2 };

/* Of a backend with TLS; files in PEM form, or NULL. */
struct conf_tls {
	bool verify;             /* whether it is who it says */
	char *ca;                /* whom to trust instead of the system's CAs */
	char *certificate, *key; /* our own */
};

struct tls_client;

struct conf_backend {
	char *name; /* "novnc"; for one given as URL conf_server_place */
	struct conf_server server;
	bool change_origin;
	enum conf_proxy send_proxy;
	struct conf_tls tls;
	/* All of that as net/tls_client has it: by main before workers have the
	 * tree, and freed with it; NULL without TLS.  What its files say may
	 * change behind a lock of its own. */
	struct tls_client *tls_client;
	void (*tls_client_free)(struct tls_client *c);
	bool is_app; /* the supervised COMMAND: requests wait while it boots */
	unsigned index; /* in conf->backends */
	struct conf_where where;
};

/* What captures may choose as a server: a name or a network, and ports. */
struct conf_target {
	char *text; /* as it was written */
	char *name; /* or NULL */
	struct addr net; /* without a name */
	uint16_t from, to;
};

struct conf_targets {
	struct conf_target *list; /* owned */
	size_t n;
};

/* A header that is set, in place of any of that name, or removed. */
struct conf_header {
	char *name;
	char *line; /* "Name: value\r\n"; NULL: removed */
};

struct conf_headers {
	struct conf_header *list; /* owned */
	size_t n;
};

enum conf_upgrade {
	TAKES_BOTH,      /* "both": requests and upgrades */
	TAKES_UPGRADES,  /* "websocket" */
	TAKES_REQUESTS,  /* "none" */
	TAKES_NEXT,      /* "next": requests, and upgrades below /_next/ */
};

/* All in milliseconds; 0 means never. */
struct conf_timeouts {
	uint64_t header, connect, handshake, response, stall;
	uint64_t client_keepalive, backend_keepalive;
	uint64_t tunnel_idle, tunnel_lifetime, half_close, drain;
	uint64_t boot; /* how long requests are held for the application */
	uint64_t resolve; /* after which names are asked for again */
	uint64_t ping_interval, ping_timeout;
};

static inline bool
conf_listener_has_tls(const struct conf_listener *l)
{
	return l->ncerts > 0 || l->self_signed;
}

/* Which sides of a tunnel are pinged. */
enum conf_ping { PING_CLIENT = 1, PING_BACKEND = 2, PING_BOTH = 3 };
/* Of the WebSockets of one route; 0: none. */
struct conf_limits {
	uint64_t tunnels, per_address;
	uint64_t message; /* bytes */
};

struct conf_route {
	char *name; /* or the pattern's text */
	struct pattern *pattern;
	enum conf_upgrade takes;
	const struct conf_backend *backend;
	char *target; /* path that replaces the matched one, with {name} and
		       * {**}, perhaps a query; NULL: as the request has it */
	bool change_origin; /* the route's own, or its backend's */
	enum conf_proxy send_proxy; /* the same */
	bool verify_accept;
	struct conf_timeouts timeouts; /* the tree's, its own over them */
	enum conf_ping ping; /* the same */
	struct conf_limits limits;     /* the same */
	bool strict;                   /* frames are as RFC 6455 has them */
	struct conf_headers request, response; /* the same */
	struct conf_targets allowed; /* if captures choose the server */
	struct conf_where where;
};

enum conf_detail { DETAIL_NONE, DETAIL_LOCAL, DETAIL_ALL };
enum conf_access { ACCESS_AUTO, ACCESS_ALL, ACCESS_ERRORS, ACCESS_NONE };

struct conf {
	unsigned refs; /* atomic: conf_ref, conf_unref */

	struct conf_listener *listeners;
	size_t nlisteners;
	bool listeners_given; /* else it is the default one */
	struct conf_backend **backends;
	size_t nbackends;
	struct conf_route *routes; /* in the order in which they are tried */
	size_t nroutes;

	struct conf_timeouts timeouts;
	enum conf_ping ping;
	struct conf_limits limits; /* each route's own, if it has none */
	unsigned strict;           /* enum truth, the same */
	struct conf_headers request, response; /* of every route */
	struct addr *trusted; /* networks */
	size_t ntrusted;
	size_t max_head;      /* bytes; 64 KiB */
	size_t pool_size;     /* idle backend connections per worker and server */
	unsigned workers;     /* threads; 0 becomes one per core */
	enum conf_detail error_detail;

	char *log_file; /* NULL: stdout */
	enum log_format log_format;
	enum log_level log_level;
	enum conf_access log_access;

	char *admin_socket; /* "auto", a path, or NULL: none */

	char **command; /* NULL-terminated COMMAND…, or NULL */
	bool backend_given; /* -b, or a file: COMMAND gets no PORT of ours */
	bool demo;
	bool self_signed; /* listeners without a certificate have one of ours */
	char *source; /* "bowsprit.cfg", or NULL: options and defaults only */
};

/* What the command line asks for besides a configuration. */
enum conf_action { CONF_RUN, CONF_TEST, CONF_HELP, CONF_VERSION };

/*
 * Reads options, and the file that they or the present folder name, and
 * checks it all.  Every mistake is printed to stderr as a sentence of its own;
 * NULL if there was one (the exit status is then 1).  For CONF_HELP and
 * CONF_VERSION the text was printed, and the tree is NULL as well.
 */
struct conf *conf_from_args(int argc, char **argv,
			    enum conf_action *action) WUNRES;
/*
 * The same again for a reload, whose mistakes go into the log; running is what
 * keeps running then.
 */
struct conf *conf_again(const struct conf *running) WUNRES;

/* What it was read from; NULL-terminated, the tree's. */
char *const *conf_argv(const struct conf *conf) WUNRES;

/*
 * The port of a backend that we start ourselves (is_app without backend_given,
 * or the demonstration's), which is 0 until the main program knows it; only
 * before workers have the tree.
 */
void conf_set_port(struct conf_backend *b, uint16_t port);

struct conf *conf_ref(struct conf *c);
void conf_unref(struct conf *c);

/* -t: listeners, routes in the order tried, times that add up, remarks. */
void conf_explain(const struct conf *c);

/* Where requests are sent that a listener redirects. */
uint16_t conf_https_port(const struct conf *c);

/* A request's route, and what the pattern captured (caps may be NULL). */
const struct conf_route *route_find(const struct conf *c, struct slice host,
				    struct slice path, bool is_upgrade,
				    struct captures *caps);
/*
 * For a refusal: of the routes that could take such a request the one whose
 * pattern is nearest to its path, or NULL if there is none.
 */
const struct conf_route *route_nearest(const struct conf *c, struct slice path,
				       bool is_upgrade);

/* Do captures choose the server? */
static inline bool
conf_server_is_open(const struct conf_server *s)
{
	return s->port_text || (s->host && strchr(s->host, '{'));
}

/* Its text without the scheme: "10.0.0.5:4000", "unix:/run/x.sock". */
static inline const char *
conf_server_place(const struct conf_server *s)
{
	const char *at = strstr(s->text, "://");

	return at ? at + strlen("://") : s->text;
}

enum route_choice { CHOICE_GOOD, CHOICE_REFUSED, CHOICE_NO_MEMORY };

/*
 * The server that the captures of a request choose, of a route whose server is
 * open; refused if `allowed` does not list it, or if it is ourselves.  If it
 * has a name of which nothing is known here, its addresses are still to pass
 * route_permits.  *server is to be freed with conf_server_free; NULL when
 * memory is out.
 */
enum route_choice route_server(const struct conf *c,
			       const struct conf_route *r,
			       const struct captures *caps,
			       struct conf_server **server) WUNRES;
void conf_server_free(struct conf_server *s); /* NULL is nothing */
/* May captures choose that server, if it is at that address? */
bool route_permits(const struct conf_route *r, const struct conf_server *s,
		   const struct addr *a);

/* Is a header of that name set or removed?  '_' is as good as '-'. */
bool conf_headers_have(const struct conf_headers *h, struct slice name);

struct buf;
/*
 * The request target that the backend is asked for: adds the route's target,
 * which must not be NULL, with captures filled in, and the request's query
 * unless it has its own, to *out.  `query` is with its '?', or empty, as
 * struct head has it.  False when memory is out.
 */
bool route_target(const struct conf_route *r, const struct captures *caps,
		  struct slice query, struct buf **out) WUNRES;

#endif
