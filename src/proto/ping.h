/* SPDX-License-Identifier: ISC */
/*
 * ping.h: a Ping of ours, and the Pong to it (RFC 6455 5.5.2, 5.5.3).
 *
 * The Ping goes between two frames of one direction.  The Pong that answers it
 * comes in the other one and is taken out, however it is split; all the rest
 * stays as it was.  On the way it is seen whether a side has yet to answer a
 * Ping of the other side: it may answer the latest only, which must not be
 * ours then.
 */
#ifndef PROTO_PING_H
#define PROTO_PING_H

#include "proto/frame.h"

#define PING_TAG 16
#define PING_MAX (2 + 4 + PING_TAG)

/* One side of a tunnel, as somebody who is pinged. */
struct pinged {
	uint8_t tag[PING_TAG]; /* our last Ping's payload */
	uint8_t held[PING_MAX]; /* the beginning of what may be its Pong */
	uint8_t nheld;
	bool waiting; /* for that Pong */
	bool owes;    /* a Pong to the other side */
	uint32_t sum; /* of the payload that goes by */
	uint32_t owed; /* of the Ping's that it is to answer */
};

/*
 * Writes a Ping with that payload, masked with `mask` unless it is NULL;
 * returns its length.
 */
size_t ping_frame(uint8_t out[PING_MAX], const uint8_t tag[PING_TAG],
		  const uint8_t mask[4]);

/* Our Ping goes to that side now. */
void ping_sent(struct pinged *s, const uint8_t tag[PING_TAG]);

/*
 * Shows what `from` has sent to its watcher, and takes our Pong out of it.
 * Returns how many bytes are left at p.  *nback of them, of earlier calls, are
 * at `back` and go first: they began like our Pong and were no such thing.
 * `max` is frame_watch's; *good of the bytes at p came before the frame that
 * made it lost or over, if it is.
 */
size_t ping_filter(struct pinged *from, struct pinged *to,
		   struct frame_watch *w, uint8_t *p, size_t n,
		   uint64_t max, uint8_t back[PING_MAX], size_t *nback,
		   size_t *good);

#endif
