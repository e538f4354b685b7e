/* SPDX-License-Identifier: ISC */
/*
 * chunks.h: objects of one size that stay, apart from all that goes.
 *
 * What a connection keeps lies in malloc's memory between what it needs for a
 * moment: when a crowd has gone, or only its handshakes have, some object that
 * stays holds each page.  Here objects share chunks with their like, and a
 * chunk goes back to the system with its last one.
 *
 * One thread at a time uses a set of chunks.  With AddressSanitizer each object
 * is malloc's, so that its use after free is found.
 */
#ifndef BASE_CHUNKS_H
#define BASE_CHUNKS_H

#include <stddef.h>

#include "base/attrib.h"
#include "base/list.h"

#define CHUNK_SIZE (64 * 1024) /* and where one begins is a multiple of it */

struct chunks {
	size_t size;       /* of an object, with what aligns the next one */
	struct list roomy; /* chunks with room; the first is filled up */
	unsigned n;        /* chunks that there are */
	unsigned nempty;   /* of them without an object: 0 or 1 */
};

/* For objects of `size` bytes, at most CHUNK_SIZE / 2. */
void chunks_init(struct chunks *s, size_t size);
/* All objects must have been given back. */
void chunks_fini(struct chunks *s);

/* An object, zeroed, aligned for any type; NULL when memory is out. */
void *chunks_get(struct chunks *s) WUNRES;
/* Gives one back; NULL is none. */
void chunks_put(void *object);

#endif
