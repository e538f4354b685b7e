/* SPDX-License-Identifier: ISC */
/*
 * chunks.c: objects of one size that stay, apart from all that goes.
 */
#include "base/chunks.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/pages.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)

void
chunks_init(struct chunks *s, size_t size)
{
	*s = (struct chunks){ .size = size };
}

void
chunks_fini(struct chunks *s)
{
	(void)s;
}

void *
chunks_get(struct chunks *s)
{
	return calloc(1, s->size);
}

void
chunks_put(void *object)
{
	free(object);
}

#else

/* What was given back, until it is given away again. */
struct spare {
	struct spare *next;
};

struct chunk {
	struct list link;     /* in owner->roomy, unless it is full */
	struct chunks *owner;
	struct spare *spares;
	unsigned used;        /* objects that somebody has */
	unsigned fresh;       /* where those begin that nobody ever had: their
			       * pages are not touched before */
	alignas(max_align_t) char objects[];
};

#define ALIGNMENT alignof(max_align_t)

/*
 * mmap aligns to pages only.  Below a chunk there is most often room for the
 * next one; else it is cut out of twice as much.
 */
static void *
map_chunk(void)
{
	char *p = pages_map(CHUNK_SIZE);
	size_t before;

	if (!p || (uintptr_t)p % CHUNK_SIZE == 0)
		return p;
	munmap(p, CHUNK_SIZE);
	p = pages_map(2 * CHUNK_SIZE);
	if (!p)
		return NULL;
	before = -(uintptr_t)p % CHUNK_SIZE;
	if (before > 0)
		munmap(p, before);
	p += before;
	munmap(p + CHUNK_SIZE, CHUNK_SIZE - before);
	return p;
}

static bool
chunk_is_full(const struct chunk *k)
{
	return !k->spares &&
	       sizeof(*k) + k->fresh + k->owner->size > CHUNK_SIZE;
}

static struct chunk *
chunk_new(struct chunks *s)
{
	struct chunk *k = map_chunk();

	if (!k)
		return NULL;
	k->owner = s;
	list_init(&k->link);
	list_push_front(&s->roomy, &k->link);
	s->n++;
	s->nempty++;
	return k;
}

static void
chunk_free(struct chunk *k)
{
	list_remove(&k->link);
	k->owner->n--;
	k->owner->nempty--;
	munmap(k, CHUNK_SIZE);
}

static void *
chunk_take(struct chunk *k)
{
	struct spare *o = k->spares;

	if (o) {
		k->spares = o->next;
		memset(o, 0, k->owner->size);
		return o;
	}
	o = (struct spare *)(void *)(k->objects + k->fresh);
	k->fresh += (unsigned)k->owner->size;
	return o;
}

static struct chunk *
chunk_of(void *object)
{
	return (void *)((char *)object - (uintptr_t)object % CHUNK_SIZE);
}

static void
chunk_give_back(struct chunk *k, void *object)
{
	struct spare *o = object;

	o->next = k->spares;
	k->spares = o;
}

void
chunks_init(struct chunks *s, size_t size)
{
	assert(size >= sizeof(struct spare) && size <= CHUNK_SIZE / 2);
	*s = (struct chunks){
		.size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT,
	};
	list_init(&s->roomy);
}

void
chunks_fini(struct chunks *s)
{
	list_each(it, &s->roomy)
		if (container_of(it, struct chunk, link)->used == 0)
			chunk_free(container_of(it, struct chunk, link));
	assert(s->n == 0 && "objects are still in use");
}

void *
chunks_get(struct chunks *s)
{
	struct chunk *k;
	void *object;

	if (list_empty(&s->roomy) && !chunk_new(s))
		return NULL;
	k = container_of(s->roomy.next, struct chunk, link);
	if (k->used++ == 0)
		s->nempty--;
	object = chunk_take(k);
	if (chunk_is_full(k))
		list_remove(&k->link);
	return object;
}

/* The last one stays, behind all others, for who comes and goes. */
static void
on_empty(struct chunk *k)
{
	if (k->owner->nempty++ > 0) {
		chunk_free(k);
		return;
	}
	list_remove(&k->link);
	list_push_back(&k->owner->roomy, &k->link);
}

/*
 * Only the first chunk with room is filled up, so that those behind it get
 * empty.  One that was full is put before them: it has most objects.
 */
void
chunks_put(void *object)
{
	struct chunk *k;

	if (!object)
		return;
	k = chunk_of(object);
	if (chunk_is_full(k))
		list_push_front(&k->owner->roomy, &k->link);
	chunk_give_back(k, object);
	if (--k->used == 0)
		on_empty(k);
}

#endif
