/* SPDX-License-Identifier: ISC */
/*
 * buf.h: bytes that wait, contiguous, gone when empty.
 *
 * A NULL pointer is an empty buffer: whoever holds nothing owns no memory, and
 * an idle tunnel holds nothing.  Bytes are added at the end and taken off the
 * front; the last byte taken frees the buffer.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attrib.h"
#include "base/slice.h"

struct buf; /* NULL means empty */

/* The bytes that wait; valid until the next call that changes the buffer. */
char *buf_data(struct buf *b);
size_t buf_len(const struct buf *b);

/* Adds n bytes; false when memory is out, and then nothing was added. */
bool buf_add(struct buf **b, const void *p, size_t n) WUNRES;
/* Makes room for n more bytes without adding any. */
bool buf_reserve(struct buf **b, size_t n) WUNRES;
bool buf_printf(struct buf **b, const char *fmt, ...) PRINTF(2, 3) WUNRES;
/* Takes n bytes, at most buf_len, off the front. */
void buf_take(struct buf **b, size_t n);
void buf_free(struct buf **b);

static inline struct slice
buf_slice(struct buf *b)
{
	return slice_of(buf_data(b), buf_len(b));
}

#endif
