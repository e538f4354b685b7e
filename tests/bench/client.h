/* SPDX-License-Identifier: ISC */
/*
 * client.h: the connections of the load generator, and what each does.
 *
 * Whatever goes otherwise than it should ends the program with a sentence.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow.h"
#include "wire.h"

enum client_work {
	WORK_ECHO,
	WORK_DOWN,
	WORK_UP,
	WORK_OPEN,
	WORK_GET,
	WORK_POST
};

enum client_state {
	IDLE,	    /* not connected */
	CONNECTING, /* until it can be written to */
	ASKED,	    /* for a tunnel or a body; a head is to come */
	BODY,	    /* of an answer */
	READY,	    /* a tunnel, or an HTTP connection at rest */
	CLOSING,    /* our Close is on its way, the end is to come */
};

struct client {
	struct wire wire;
	enum client_state state;
	uint32_t seed;
	struct inflow in;
	struct outflow out;
	bool watched;	 /* EPOLLOUT is asked for */
	bool busy;	 /* a unit of work is under way */
	bool ends;	 /* the answer said Connection: close */
	bool marks;	 /* our last mark was not answered yet */
	double since;	 /* when `busy` began */
	uint32_t number; /* of the request; of the first message of this run */
	size_t body_at;	 /* bytes of the answer's body that were read */
	size_t body_size;
	size_t nask, ask_at;
	char ask[1024];
	struct wire_head head; /* of an answer */
};

/* What all of them do, and how far they are. */
extern struct client_common {
	enum client_work work;
	size_t size; /* bytes of a message or body */
	struct sockaddr_in to;
	bool running; /* who is at rest begins anew at once */
	unsigned opening;
	unsigned nready;
	unsigned nbusy;
	unsigned nmarks; /* marks that were not answered yet */
	unsigned long long units, bytes;
	unsigned long long progress; /* grows with every event */
} common;

/* Before anything else; `name` is one of those that load.c lists. */
void client_init(const char *name);

/* It is READY, or busy with its work, some events later. */
void client_connect(struct client *c);

/* The work begins, or ends as soon as nothing is under way. */
void client_start(struct client *c);
void client_stop(struct client *c);

/* One message, which is to come back. */
void client_echo(struct client *c);

/* A Close, and then its end; an HTTP connection ends at once. */
void client_close(struct client *c);

/* Serves all of them; waits for `seconds` at most. */
void client_events(double seconds);

#endif
