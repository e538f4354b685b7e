/* SPDX-License-Identifier: ISC */
/*
 * evmem.c: where libevent's memory comes from.
 *
 * For each descriptor that it has ever seen a base keeps an entry of 16 bytes
 * to its end.  In malloc's memory those lie between what the handshakes of a
 * crowd need, and hold each page of it for ever; so they have a place of their
 * own, which only grows.  Everything else is malloc's.
 */
#include "net/evmem.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/pages.h"

#define ENTRY 16
#define ENTRIES (1024 * 1024) /* further ones are malloc's */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *entries; /* NULL: none */
static size_t used;   /* bytes of them */

static bool
is_entry(const void *p)
{
	return (const char *)p >= entries &&
	       (const char *)p < entries + (size_t)ENTRIES * ENTRY;
}

static void *
new_entry(void)
{
	void *p = NULL;

	pthread_mutex_lock(&lock);
	if (used < (size_t)ENTRIES * ENTRY) {
		p = entries + used;
		used += ENTRY;
	}
	pthread_mutex_unlock(&lock);
	return p;
}

static void *
get(size_t n)
{
	void *p = n <= ENTRY ? new_entry() : NULL;

	return p ? p : malloc(n);
}

/* With a base the process ends: entries are not used again. */
static void
put(void *p)
{
	if (!is_entry(p))
		free(p);
}

static void *
resize(void *p, size_t n)
{
	void *new;

	if (!is_entry(p))
		return realloc(p, n);
	if (n <= ENTRY)
		return p;
	new = malloc(n);
	if (new)
		memcpy(new, p, ENTRY);
	return new;
}

void
evmem_init(void)
{
#ifdef EVENT_SET_MEM_FUNCTIONS_IMPLEMENTED
	entries = pages_map((size_t)ENTRIES * ENTRY);
	if (entries)
		event_set_mem_functions(get, resize, put);
#endif
}
