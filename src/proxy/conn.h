/* SPDX-License-Identifier: ISC */
/*
 * conn.h: one client connection, and what hangs on it.
 *
 * A conn lives from accept to close.  While a request is routed and answered
 * it has a handshake, which is freed when a tunnel starts; a server is its
 * connection to a backend, borrowed from the pool or its own.
 */
#ifndef PROXY_CONN_H
#define PROXY_CONN_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/list.h"
#include "conf/conf.h"
#include "net/stream.h"
#include "proto/body.h"
#include "proto/frame.h"
#include "proto/head.h"
#include "proto/splice.h"
#include "proto/upgrade.h"
#include "proxy/deadline.h"
#include "proxy/gate.h"
#include "proxy/limit.h"
#include "proxy/reason.h"
#include "proxy/worker.h"

#define CONN_MAGIC 0xb0a7c022u
#define SERVER_MAGIC 0xb0a75e4eu

#define CHECK_CONN(c) assert((c) && (c)->magic == CONN_MAGIC)
#define CHECK_SERVER(s) assert((s) && (s)->magic == SERVER_MAGIC)

enum side { BY_NOBODY, BY_CLIENT, BY_SERVER, BY_PROXY, BY_OPERATOR };

/* What one side of a tunnel has sent, and when. */
struct traffic {
	uint64_t bytes;   /* that went on */
	uint64_t owed;    /* ms: since then it has taken nothing of what it is
			   * owed */
	uint32_t last;    /* s after the tunnel began: its last byte */
	uint32_t pong;    /* the same, and one more: its last pong; 0: none */
};

/* A connection to a backend: a conn's, or idle in the pool. */
struct server {
	unsigned magic;
	bool in_pool : 1;
	unsigned backend : 23; /* its index in the configuration */
	uint8_t turn;          /* the worker's, when it came into the pool */
	struct stream s;
	union {
		struct conn *conn;     /* whose it is */
		struct worker *worker; /* in the pool */
	};
	uint64_t idle_since; /* ms: it had something to say then; no tunnel's */
	union {
		struct {
			struct list link; /* in the pool */
			union {
				uint64_t idle_until; /* ms: in the pool */
				uint64_t taken; /* ms: dialled, or out of it */
			};
		};
		struct traffic traffic; /* a tunnel's: what it has sent */
	};
};

/* One request on its way; freed with its answer or when the tunnel starts. */
struct handshake {
	struct conf *conf;     /* counted */
	struct buf *bytes;     /* the request head as it came */
	struct head req;       /* into bytes */
	enum upgrade upgrade;
	const struct conf_route *route;
	struct captures caps;
	struct conf_server *chosen; /* by captures; owned; or NULL */
	struct splice edits;   /* of the request head */
	struct addr client;    /* the rightmost address we do not trust */

	struct body req_body, res_body;
	struct buf *held;      /* the body so far, while a retry may need it */
	struct dial *dial;     /* NULL but while connections are being made */
	unsigned status;       /* of the final answer; 0 before it */
	unsigned interim;      /* 1xx answers so far */
	uint64_t began, asked, opened; /* ms: head whole, sent, connected */
	uint64_t sent;         /* bytes of body to the client */
	uint64_t keep;         /* ms that its connection may then be kept */
	bool waits_app;        /* held while the application boots */
	bool waits_name;       /* held until the server's name is resolved */
	bool from_pool;
	bool asks_close;       /* the server is to close behind its answer */
	bool retried;
	bool request_sent;     /* the kernel took a byte of it */
	bool held_all;         /* `held` is the whole body so far */
	bool answered;         /* bytes of a response went to the client */
	bool request_dead;     /* the server takes no more of the body */
	bool choked;           /* the client took its answer too slowly once:
				* when the server had said all is not known
				* any more, only that it was later than that */

	bool detail;           /* our own answers may say why */
	bool logged;
};

struct conn {
	unsigned magic;
	enum conn_state state : 4;
	bool close_after : 1;      /* our answer is the last */

	/* a tunnel's */
	bool quiet : 1;            /* its lines are of level debug */
	bool opened : 1;           /* a tunnel: from the 101 to its last line */
	bool goodbye_due : 1;      /* a Close of ours, at the next boundary */
	enum side ended_by : 3;    /* the first sign of the end */
	enum side reset : 3;       /* whose connection is lost */
	bool told_client : 1;      /* it has the Close of `cut` */
	bool told_server : 1;
	union {
		uint16_t gate;     /* number of its listener's; 0: none; not a
				    * tunnel's any more */
		uint16_t cut;      /* code with which we end it; 0: we do not */
	};

	struct worker *worker;
	struct list link;          /* in worker->conns[state] */
	struct deadline deadline;
	union {
		const struct reason *due; /* what it means when that comes; a
					   * tunnel finds this anew */
		uint64_t expires;  /* ms: the end of a tunnel's lifetime; 0:
				    * never */
	};
	struct stream client;
	struct server *server;     /* NULL without one */
	struct handshake *hs;      /* NULL in CS_HEAD and in a tunnel */
	uint64_t id;               /* of the present request */
	struct addr peer;
	uint32_t scanned;          /* of the head that is being read */

	/* a tunnel's */
	const struct reason *ended;
	struct frame_watch from_client, from_server;
	struct traffic traffic;    /* the client's; c->server has its own */
	uint64_t born, last;       /* ms: the 101; the last byte but of pings
				    * and pongs, either way */
	struct terms *terms;       /* from the upgrade on; shared */
	struct guest *guest;       /* if its address is counted */
	struct keepalive *keepalive; /* NULL without pings; owned */
};

/* A fresh conn in CS_HEAD; NULL when memory is out, and fd is closed then. */
struct conn *conn_new(struct worker *w, int fd, const struct addr *peer);

/* The only function that changes a state. */
void conn_set_state(struct conn *c, enum conn_state state);
/* Sets the one deadline, `ms` from now; 0 clears it. */
void conn_set_deadline(struct conn *c, uint64_t ms, const struct reason *due);
/* Is `due` the stall of a peer that takes its bytes after all, if slowly? */
bool conn_is_slow_only(struct conn *c, const struct reason *due);

/*
 * The end of every connection: logs it unless that was done, stops all events,
 * and leaves the memory to the reaper, so that callers up the stack may still
 * hold the pointer.  They return at once.
 */
void conn_close(struct conn *c, const struct reason *why, enum side by);

/* An event on the stream of c->server. */
void conn_on_server(struct conn *c, unsigned news);

/* What its listener does before requests, or NULL if that is nothing. */
static inline const struct gate *
conn_gate(const struct conn *c)
{
	return c->gate ? &c->worker->gates[c->gate - 1] : NULL;
}

static inline bool
conn_is_dead(const struct conn *c)
{
	return c->state == CS_DEAD;
}

static inline enum side
side_other(enum side by)
{
	return by == BY_CLIENT ? BY_SERVER : BY_CLIENT;
}

/* With a server. */
static inline struct stream *
conn_stream(struct conn *c, enum side by)
{
	return by == BY_CLIENT ? &c->client : &c->server->s;
}

/* Why that side is lost, whose stream cannot be read or written any more. */
static inline const struct reason *
conn_loss(struct conn *c, enum side by)
{
	bool fault = stream_tls_fault(conn_stream(c, by)) != NULL;

	if (by == BY_CLIENT)
		return fault ? &reason_client_tls_fault : &reason_client_reset;
	return fault ? &reason_server_tls_fault : &reason_server_reset;
}

/* A tunnel's. */
static inline struct frame_watch *
conn_frames(struct conn *c, enum side by)
{
	return by == BY_CLIENT ? &c->from_client : &c->from_server;
}

static inline struct traffic *
conn_traffic(struct conn *c, enum side by)
{
	return by == BY_CLIENT ? &c->traffic : &c->server->traffic;
}

/* Where a routed request goes: the route's server, or that of its captures. */
static inline const struct conf_server *
conn_server(const struct conn *c)
{
	return c->hs->chosen ? c->hs->chosen : &c->hs->route->backend->server;
}

/* The URL of that server, for people. */
static inline const char *
conn_server_text(const struct conn *c)
{
	return c->hs && c->hs->route ? conn_server(c)->text : "the server";
}

/* The handshake of a new request: takes the head off client.in. */
struct handshake *handshake_new(struct conn *c, size_t head_len);
void handshake_free(struct conn *c);

#endif
