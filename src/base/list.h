/* SPDX-License-Identifier: ISC */
/*
 * list.h: doubly linked lists whose links lie inside what they link.
 *
 * A list and a link are the same struct; an empty list, and a link that is on
 * no list, point to themselves, so that removing twice is harmless.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/* Walks a list from which `it` may be removed meanwhile. */
#define list_each(it, list_head) \
	for (struct list *it = (list_head)->next, *it##_next = it->next; \
	     it != (list_head); it = it##_next, it##_next = it->next)

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void
list_push_front(struct list *l, struct list *item)
{
	item->next = l->next;
	item->prev = l;
	l->next->prev = item;
	l->next = item;
}

static inline void
list_push_back(struct list *l, struct list *item)
{
	list_push_front(l->prev, item);
}

static inline void
list_remove(struct list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	list_init(item);
}

/* All that is on `from` goes over to `to`, which is new. */
static inline void
list_take_all(struct list *to, struct list *from)
{
	list_init(to);
	if (list_empty(from))
		return;
	list_push_front(from, to);
	list_remove(from);
}

#endif
