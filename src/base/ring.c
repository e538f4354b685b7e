/* SPDX-License-Identifier: ISC */
/*
 * ring.c: whole lines from one thread to one other, without a lock.
 */
#include "base/ring.h"

#include <stdlib.h>
#include <string.h>

bool
ring_init(struct ring *r, size_t size)
{
	*r = (struct ring){ .bytes = malloc(size), .size = size };
	return r->bytes != NULL;
}

void
ring_fini(struct ring *r)
{
	free(r->bytes);
}

/* The n bytes from position `at` on, which may go on at the beginning. */
static void
span(const struct ring *r, size_t at, size_t n, struct iovec v[2])
{
	size_t from = at & (r->size - 1);
	size_t first = n < r->size - from ? n : r->size - from;

	v[0] = (struct iovec){ r->bytes + from, first };
	v[1] = (struct iovec){ r->bytes, n - first };
}

size_t
ring_used(struct ring *r)
{
	/* In this order: what was taken is never more than what was put. */
	size_t taken = atomic_load(&r->taken);

	return atomic_load(&r->put) - taken;
}

bool
ring_put(struct ring *r, const char *line, size_t n)
{
	size_t put = atomic_load_explicit(&r->put, memory_order_relaxed);
	struct iovec v[2];

	if (n > r->size - ring_used(r))
		return false;
	span(r, put, n, v);
	memcpy(v[0].iov_base, line, v[0].iov_len);
	memcpy(v[1].iov_base, line + v[0].iov_len, v[1].iov_len);
	/*
	 * Sequentially consistent, as the loads are: who puts then looks
	 * whether the other sleeps, who goes to sleep then looks here.
	 */
	atomic_store(&r->put, put + n);
	return true;
}

static bool
is_end(const struct ring *r, size_t at)
{
	return r->bytes[at & (r->size - 1)] == '\n';
}

/* The length of the whole lines among the first n bytes. */
static size_t
whole_lines(const struct ring *r, size_t from, size_t n)
{
	while (n > 0 && !is_end(r, from + n - 1))
		n--;
	return n;
}

size_t
ring_peek(struct ring *r, size_t max, struct iovec v[2])
{
	size_t from = atomic_load_explicit(&r->taken, memory_order_relaxed);
	size_t used = ring_used(r), n = used;

	if (n > max)
		n = whole_lines(r, from, max);
	if (n == 0 && used > 0)
		for (n = max + 1; n < used && !is_end(r, from + n - 1);)
			n++;
	span(r, from, n, v);
	return n;
}

size_t
ring_take(struct ring *r, size_t n)
{
	size_t from = atomic_load_explicit(&r->taken, memory_order_relaxed);

	n = whole_lines(r, from, n);
	atomic_store(&r->taken, from + n);
	return n;
}
