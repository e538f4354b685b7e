/* SPDX-License-Identifier: ISC */
/*
 * ring.h: whole lines from one thread to one other, without a lock.
 *
 * One thread puts, one takes.  Every line ends in its only newline, by which
 * the taker finds the lines again.
 */
#ifndef BASE_RING_H
#define BASE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "base/attrib.h"

struct ring {
	char *bytes;
	size_t size;
	_Atomic size_t put;   /* bytes ever, by the one who puts */
	char apart[64];       /* the two are not to share a cache line */
	_Atomic size_t taken; /* bytes ever, by the one who takes */
};

/* `size` is a power of two.  False when memory is out. */
bool ring_init(struct ring *r, size_t size) WUNRES;
void ring_fini(struct ring *r);

/* Adds a line; false, and nothing is added, where there is no room for it. */
bool ring_put(struct ring *r, const char *line, size_t n) WUNRES;
/* Bytes in it.  Either side may ask. */
size_t ring_used(struct ring *r);
/*
 * The first lines, as many as fit into max bytes, but one at least: fills in
 * both parts of v, of which the second may be empty, and returns their length.
 * 0 if the ring is empty.
 */
size_t ring_peek(struct ring *r, size_t max, struct iovec v[2]);
/*
 * Of the first n bytes, which must be there, takes the whole lines away;
 * returns their length.
 */
size_t ring_take(struct ring *r, size_t n);

#endif
