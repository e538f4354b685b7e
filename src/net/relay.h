/* SPDX-License-Identifier: ISC */
/*
 * relay.h: bytes from one stream to another, the only way they go.
 *
 * One scratch buffer serves all connections of a worker: what is read is shown
 * to a watcher, sent at once, and only what the sink does not take is copied.
 * While the sink is owed anything its source is not read: that is the whole
 * of the back-pressure.
 */
#ifndef NET_RELAY_H
#define NET_RELAY_H

#include "net/stream.h"

#define RELAY_SCRATCH (64 * 1024)

enum relay {
	RELAY_DRY,         /* all that came was moved; more may come */
	RELAY_OWED,        /* the sink is behind: the source is paused */
	RELAY_STOPPED,     /* the watcher wants no more */
	RELAY_EOF,         /* the source's FIN */
	RELAY_SOURCE_LOST, /* reset; from->error */
	RELAY_SINK_LOST,   /* to->error */
};

/*
 * Sees n bytes before they go on.  Sets *pass to how many at p are to be
 * forwarded, and returns how many it took: those behind them stay in the
 * source's `in`, and the relay stops.
 */
typedef size_t relay_watch(void *arg, char *p, size_t n, size_t *pass);

/*
 * Moves what there is from `from`, its `in` first, to `to`, at most about 256
 * KiB a call: the event loop comes back for the rest, and others have their
 * turn.  Leaves `from` reading, or paused with RELAY_OWED.
 */
enum relay relay_move(struct stream *from, struct stream *to, char *scratch,
		      relay_watch *watch, void *arg) WUNRES;

#endif
