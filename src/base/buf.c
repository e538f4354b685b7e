/* SPDX-License-Identifier: ISC */
/*
 * buf.c: bytes that wait, contiguous, gone when empty.
 */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SMALLEST 496 /* with the struct before it, a malloc size class */

struct buf {
	size_t off, len, cap;
	char bytes[];
};

char *
buf_data(struct buf *b)
{
	return b ? b->bytes + b->off : NULL;
}

size_t
buf_len(const struct buf *b)
{
	return b ? b->len : 0;
}

static char *
end_of(struct buf *b)
{
	return b->bytes + b->off + b->len;
}

/* What can be added as it is; to NULL that is nothing. */
static size_t
room_behind(const struct buf *b)
{
	return b ? b->cap - b->off - b->len : 0;
}

/* Makes room, where there is none. */
static bool
grow(struct buf **b, size_t n)
{
	struct buf *old = *b, *new;
	size_t cap;

	if (old && old->cap - old->len >= n && old->off >= old->len) {
		memcpy(old->bytes, old->bytes + old->off, old->len);
		old->off = 0;
		return true;
	}
	cap = old && old->len + n < 2 * old->cap ? 2 * old->cap
						 : buf_len(old) + n;
	if (cap < SMALLEST)
		cap = SMALLEST;
	if (!(new = malloc(sizeof(*new) + cap)))
		return false;
	new->cap = cap;
	new->off = 0;
	new->len = buf_len(old);
	if (old)
		memcpy(new->bytes, old->bytes + old->off, old->len);
	free(old);
	*b = new;
	return true;
}

bool
buf_reserve(struct buf **b, size_t n)
{
	return room_behind(*b) >= n || grow(b, n);
}

bool
buf_add(struct buf **b, const void *p, size_t n)
{
	if (n == 0)
		return true;
	if (room_behind(*b) < n && !grow(b, n))
		return false;
	memcpy(end_of(*b), p, n);
	(*b)->len += n;
	return true;
}

/* Most texts fit into the room that is there, and are made once. */
bool
buf_printf(struct buf **b, const char *fmt, ...)
{
	size_t room = room_behind(*b);
	va_list ap, again;
	int n;
	bool ok;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(room ? end_of(*b) : NULL, room, fmt, ap);
	ok = n >= 0;
	if (ok && (size_t)n >= room) {
		ok = buf_reserve(b, (size_t)n + 1);
		if (ok)
			vsnprintf(end_of(*b), (size_t)n + 1, fmt, again);
	}
	if (ok)
		(*b)->len += (size_t)n;
	va_end(again);
	va_end(ap);
	return ok;
}

void
buf_take(struct buf **b, size_t n)
{
	assert(n <= buf_len(*b));
	if (!*b)
		return;
	(*b)->off += n;
	(*b)->len -= n;
	if ((*b)->len == 0)
		buf_free(b);
}

void
buf_free(struct buf **b)
{
	free(*b);
	*b = NULL;
}
