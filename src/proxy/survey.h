/* SPDX-License-Identifier: ISC */
/*
 * survey.h: what an operator may ask a worker about its connections, and to
 * end one.
 *
 * A worker copies what it knows into rows, and whoever asked makes text of
 * them on another thread.  Of many connections only a slice is copied at a
 * time: between two slices the worker's loop turns.
 */
#ifndef PROXY_SURVEY_H
#define PROXY_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "proxy/worker.h"

#define SURVEY_SLICE 128

/* What one side of a tunnel has said, as struct traffic and frame_watch. */
struct survey_side {
	uint64_t bytes, largest;
	uint64_t unsent;  /* bytes of it that the other side has yet to take */
	uint32_t texts, binaries, pings, pongs;
	uint32_t last;    /* s before now: its last byte */
	uint32_t pong;    /* the same, and one more: its last pong; 0: none */
	uint16_t code;    /* of its Close, or 0 */
	bool tls;
	bool lost;        /* it broke RFC 6455: nothing is counted since */
};

struct survey_row {
	uint64_t id;
	uint64_t age;            /* ms: since its 101, or its head was whole */
	enum conn_state state;   /* CS_CONNECT to CS_CLOSING */
	bool ending;             /* a goodbye of ours waits for its place */
	struct addr client, server; /* server.family 0: none yet, or a unix
				     * socket, which has_server tells apart */
	bool has_server;
	const char *route;       /* its name: for ever, or in `request` */
	char *request;           /* of what is no tunnel: owned; or NULL */
	const char *target;      /* "GET /path", redacted; in `request` */
	struct survey_side from_client, from_server; /* a tunnel's */
};

struct survey_kind {
	uint64_t id;   /* of one connection only; 0: of all */
	bool requests; /* also of those that are no tunnels */
	bool kill;     /* that one is to end */
};

/*
 * A question, and what a worker has answered.  Whoever asks owns it, but for
 * the time in which the worker has it.
 */
struct survey {
	struct survey_kind kind;
	bool goes_on;      /* a slice was answered: now the next */
	enum conn_state at; /* which list that is in */
	bool more;         /* there is a next one */
	unsigned worker;   /* whom it is for; not looked at */
	unsigned n;        /* rows that were found */
	struct survey_row rows[SURVEY_SLICE];
};

/*
 * Answers it.  A worker goes through its connections for one asker at a time:
 * where another survey of all begins, the one before is not gone on with.
 */
void survey_answer(struct worker *w, struct survey *s);
/* Frees what its rows own. */
void survey_clear(struct survey *s);

#endif
