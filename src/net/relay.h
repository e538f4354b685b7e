/* SPDX-License-Identifier: ISC */
/*
 * relay.h: bytes from one stream to another, the only way they go.
 *
 * One scratch buffer serves all connections of a worker: what is read is shown
 * to a watcher, sent at once, and only what the sink does not take is copied.
 * While the sink is owed anything its source is not read: that is the whole
 * of the back-pressure.
 *
 * Where a source sends much at a time, what its watcher need not see goes
 * through a pipe and never enters our memory: the payload of a large frame, of
 * a body, of a chunk.  The watcher's place is exact all the same.
 */
#ifndef NET_RELAY_H
#define NET_RELAY_H

#include "net/pipes.h"
#include "net/stream.h"

/* A message of 64 KiB, which many send, comes in one read. */
#define RELAY_SCRATCH (64 * 1024 + 256)
/* What is smaller is cheaper to copy than to send through a pipe. */
#define RELAY_LARGE (16 * 1024)
#define RELAY_PEEK_MAX 16

/* What all connections of a worker use in turn. */
struct relay_tools {
	char *scratch; /* RELAY_SCRATCH bytes */
	struct pipes pipes;
};

enum relay {
	RELAY_DRY,         /* all that came was moved; more may come */
	RELAY_OWED,        /* the sink is behind: the source is paused */
	RELAY_STOPPED,     /* the watcher wants no more */
	RELAY_EOF,         /* the source's FIN */
	RELAY_SOURCE_LOST, /* reset; from->error */
	RELAY_SINK_LOST,   /* to->error */
};

struct relay_watch {
	/*
	 * Sees n bytes before they go on.  Sets *pass to how many at p are to
	 * be forwarded, and returns how many it took: those behind them stay
	 * in the source's `in`, and the relay stops.
	 */
	size_t (*see)(void *arg, char *p, size_t n, size_t *pass);
	/*
	 * How many of the bytes to come it need not see, and lets all pass; 0:
	 * it has to see the next one, or it is part of something that is less
	 * than RELAY_LARGE.  If n > 0 the first n, at most `peek`, lie at p:
	 * then something small will do as well.
	 */
	uint64_t (*ahead)(void *arg, const char *p, size_t n);
	/* k bytes went by, of those; the first n, or all, lie at p. */
	void (*skip)(void *arg, const char *p, size_t n, size_t k);
	/* How many bytes of the next thing tell how long it is; 0: none do. */
	size_t peek;
};

/* False when memory is out. */
bool relay_tools_init(struct relay_tools *t) WUNRES;
void relay_tools_fini(struct relay_tools *t);

/*
 * Moves what there is from `from`, its `in` first, to `to`, at most about 256
 * KiB a call: the event loop comes back for the rest, and others have their
 * turn.  Leaves `from` reading, or paused with RELAY_OWED.
 */
enum relay relay_move(struct stream *from, struct stream *to,
		      struct relay_tools *tools,
		      const struct relay_watch *watch, void *arg) WUNRES;

#endif
