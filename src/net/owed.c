/* SPDX-License-Identifier: ISC */
/*
 * owed.c: what a socket did not take yet, in its order.
 */
#include "net/owed.h"

#include <assert.h>
#include <stdlib.h>

size_t
owed_len(const struct owed *o)
{
	if (!o)
		return 0;
	return (o->pipe ? o->pipe->len : 0) + buf_len(o->bytes);
}

static bool
begin(struct owed **o)
{
	if (!*o)
		*o = calloc(1, sizeof(**o));
	return *o != NULL;
}

static void
end_if_empty(struct owed **o)
{
	if ((*o)->pipe || (*o)->bytes)
		return;
	free(*o);
	*o = NULL;
}

bool
owed_add(struct owed **o, const void *p, size_t n)
{
	if (n == 0)
		return true;
	if (!begin(o))
		return false;
	if (buf_add(&(*o)->bytes, p, n))
		return true;
	end_if_empty(o);
	return false;
}

bool
owed_add_pipe(struct owed **o, struct pipe *p)
{
	assert(!*o);
	if (!begin(o))
		return false;
	(*o)->pipe = p;
	return true;
}

void
owed_take(struct owed **o, size_t n)
{
	buf_take(&(*o)->bytes, n);
	end_if_empty(o);
}

void
owed_end_pipe(struct owed **o)
{
	pipe_put((*o)->pipe);
	(*o)->pipe = NULL;
	end_if_empty(o);
}

void
owed_free(struct owed **o)
{
	if (!*o)
		return;
	if ((*o)->pipe)
		pipe_put((*o)->pipe);
	buf_free(&(*o)->bytes);
	free(*o);
	*o = NULL;
}
