/* SPDX-License-Identifier: ISC */
/*
 * worker.h: what the connections of one thread share.
 *
 * Workers share nothing with each other: each has its own poller, its own
 * listeners, connections and pool, and no lock.  Only its own thread touches
 * it; others write to its mailbox (run/mailbox.h).
 */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/chunks.h"
#include "base/list.h"
#include "conf/conf.h"
#include "net/poller.h"
#include "net/relay.h"
#include "proxy/deadline.h"
#include "proxy/ebb.h"
#include "proxy/hosts.h"
#include "proxy/pool.h"
#include "proxy/repeat.h"

/*
 * A state is a list: conn_set_state() moves a connection between them, and
 * nothing else does.  ARCHITECTURE.md has the table.
 */
enum conn_state {
	CS_PROXY,   /* waits for a whole PROXY header */
	CS_TLS,     /* waits for the client's TLS handshake */
	CS_HEAD,    /* waits for a whole request head */
	CS_CONNECT, /* waits for the application to boot, or for a server */
	CS_ANSWER,  /* waits for the response head; the request body streams */
	CS_BODY,    /* the rest of both bodies */
	CS_TUNNEL,  /* a WebSocket, both directions open */
	CS_HALF,    /* a tunnel after one side's FIN */
	CS_CLOSING, /* a tunnel after a Close of ours */
	CS_REPLY,   /* our own answer is being written */
	CS_LINGER,  /* input is thrown away so that our answer is not reset */
	CS_DEAD,    /* freed at the end of this turn of the loop */
	CS_COUNT
};

/* How a drain tells tunnels, and others, that it is time to go. */
struct drain {
	bool replaced;       /* others accept: nobody waits for our end */
	uint64_t spread;     /* ms: half of its time */
	uint16_t close_code; /* CLOSE_GOING_AWAY, CLOSE_SERVICE_RESTART */
};

struct witness;

#define WARNED_PEERS 16
#define KEYS 512 /* random bytes that are fetched at once */

struct worker {
	struct poller *poller;
	struct conf *conf; /* counted */
	struct relay_tools tools;
	struct tls_desk *desk; /* the same for TLS, with the first that has it */
	const struct gate *gates; /* main's, of the listeners in turn */
	struct wheel wheel;
	struct list conns[CS_COUNT];
	struct list *cursor;   /* a survey's: where its next slice begins */
	struct chunks conn_chunks, server_chunks; /* their memory */
	struct ebb conns_ebb, handshakes_ebb;
	struct timer reaper;
	struct timer farewell; /* to the next ones, in a drain */
	unsigned farewells;    /* how often still */
	struct timer impatience; /* of a drain: from then on it is hurried */
	struct pool pool;
	struct hosts hosts;
	struct repeats repeats; /* of log lines */
	unsigned index, count; /* this worker's, and how many there are */
	unsigned nconns; /* atomic: other workers compare it with their own */
	uint64_t next_id;
	uint64_t random;   /* state of worker_random */
	uint8_t keys[KEYS]; /* for pings, from OpenSSL */
	unsigned nkeys;    /* of them not used yet */
	uint8_t turn;      /* of its loop, which asks epoll once in each */
	bool app_ready;    /* the supervised application accepts */
	bool draining;
	bool replaced;     /* draining, and others accept */
	uint16_t close_code; /* of our goodbyes */
	bool hurried;      /* a drain that does not wait for messages' ends */
	void (*on_idle)(struct worker *w); /* draining, the last one gone */
	struct witness *witness; /* NULL but in the demonstration */
	/* no address of that name could be connected to */
	void (*on_stale)(struct worker *w, const char *name);
	struct addr warned[WARNED_PEERS];  /* of forged X-Forwarded-* */
	unsigned nwarned;
};

/*
 * Takes a reference to conf.  False when memory is out.
 */
bool worker_init(struct worker *w, struct poller *p, struct conf *conf,
		 unsigned index, unsigned count) WUNRES;
/* Closes whatever is left, and frees. */
void worker_fini(struct worker *w);

/* A new configuration, from the next request on. */
void worker_set_conf(struct worker *w, struct conf *conf);
/*
 * Connections to that backend, which is only compared, are not kept for
 * another request: they prove what they proved by certificates of before.
 */
void worker_forget_kept(struct worker *w, const struct conf_backend *b);
/* Takes over the addresses of a name, which some requests may wait for. */
void worker_set_host(struct worker *w, struct host *h);
/* The application accepts now, or no longer. */
void worker_set_app(struct worker *w, bool ready);
/* It has ended for good: those who wait for it are told. */
void worker_end_app(struct worker *w);
/*
 * Takes no new requests, lets exchanges finish, and says goodbye to tunnels:
 * at once, or to many of them over `spread`.  Until then, or half as long again
 * if they are many, they finish their messages, later only their frames.
 * Who has no request under way is let go at once, or, where others accept for
 * us, as late as that, so that a request on its way is still answered.
 * on_idle is called when all is done, perhaps at once.
 */
void worker_drain(struct worker *w, const struct drain *how);
/* Is it too late for one more request on a connection? */
static inline bool
worker_is_closing(const struct worker *w)
{
	return w->draining && (!w->replaced || w->hurried);
}
/* Closes everything now. */
void worker_cut(struct worker *w);
/* Where TLS is done; NULL when memory is out. */
struct tls_desk *worker_desk(struct worker *w);
/* One connection more, or less. */
static inline void
worker_count(struct worker *w, int by)
{
	__atomic_store_n(&w->nconns, w->nconns + (unsigned)by,
			 __ATOMIC_RELAXED);
}
/* Numbers that differ; they are not hard to guess. */
uint64_t worker_random(struct worker *w);
/* An id for a request, unique over all workers; and whose of them it is. */
uint64_t worker_next_id(struct worker *w);
static inline unsigned
worker_of_id(uint64_t id, unsigned count)
{
	return (unsigned)((id - 1) % count);
}

#endif
