/* SPDX-License-Identifier: ISC */
/*
 * demo_feed.h: what each open page is told: the bytes of its own handshake on
 * both sides of bowsprit, and the log lines of its own WebSocket.
 *
 * A page holds a feed open (server-sent events), whose first event is a
 * ticket: 128 random bits.  A WebSocket that the page opens carries it in its
 * query, and is thereby the page's; nobody else is told of it.  A cookie of
 * localhost goes to all of its ports, so these bytes are the page's own affair.
 *
 * Events, each with JSON as its data (demo_json.h):
 *
 *	ticket     the ticket, as a string
 *	request    the upgrade's head, as it entered and as it reached us
 *	answer     the 101, as it left the server and as it left bowsprit
 *	line       a line of the log
 *
 * Threads: a worker's (witness, log), libmicrohttpd's (read), main's (all
 * else).  There is one lock.
 */
#ifndef RUN_DEMO_FEED_H
#define RUN_DEMO_FEED_H

#include <sys/types.h>

#include "base/log.h"
#include "proxy/witness.h"

struct feeds;
struct feed;

/*
 * How whoever reads a feed is told to wait, and to come again.  `reader` is
 * that of feed_open.  Called under the lock.
 */
struct feed_pause {
	void (*wait)(void *reader);
	void (*go_on)(void *reader);
};

/* NULL when memory is out. */
struct feeds *feeds_new(const struct feed_pause *pause) WUNRES;
/* All feeds are closed by then. */
void feeds_free(struct feeds *all);

/* To be a worker's; owned by the feeds. */
struct witness *feeds_witness(struct feeds *all);
/* A log_watch. */
void feeds_on_line(void *feeds, uint64_t id, enum log_level level,
		   struct slice line);
/* A head as it reached the backend, any request's. */
void feeds_on_arrival(struct feeds *all, struct slice head);

/* Sends something to all, since a page that has gone is noticed only so. */
void feeds_beat(struct feeds *all);
/* From now on a feed ends when its WebSocket has. */
void feeds_drain(struct feeds *all);
/* All end now. */
void feeds_end(struct feeds *all);

/* NULL: there are too many, or memory is out. */
struct feed *feed_open(struct feeds *all, void *reader) WUNRES;
void feed_close(struct feed *f);
/*
 * Takes the next bytes, at most max; returns how many, 0 when there are none
 * yet and the reader was told to wait, or -1 at the end.
 */
ssize_t feed_read(struct feed *f, char *out, size_t max);

#endif
