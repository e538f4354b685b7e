/* SPDX-License-Identifier: ISC */
/*
 * owed.h: what a socket did not take yet, in its order.
 *
 * What lies in a pipe comes first, then bytes in memory.  A NULL pointer is
 * nothing owed, as with buf.h: a tunnel at rest owns none.
 */
#ifndef NET_OWED_H
#define NET_OWED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attrib.h"
#include "base/buf.h"
#include "net/pipes.h"

struct owed {
	struct pipe *pipe; /* owned; or NULL */
	struct buf *bytes; /* behind those in the pipe */
	int before;        /* the kernel's queue ahead of them (sock_queued) */
};

size_t owed_len(const struct owed *o);
/* Adds n bytes; false when memory is out, and then nothing was added. */
bool owed_add(struct owed **o, const void *p, size_t n) WUNRES;
/* The same with a pipe, which is owned then; nothing may be owed before. */
bool owed_add_pipe(struct owed **o, struct pipe *p) WUNRES;
/* n bytes of those in memory were taken. */
void owed_take(struct owed **o, size_t n);
/* The pipe was drained: it goes back to where it came from. */
void owed_end_pipe(struct owed **o);
void owed_free(struct owed **o);

#endif
