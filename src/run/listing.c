/* SPDX-License-Identifier: ISC */
/*
 * listing.c: what workers have answered about their connections, in the order
 * of their ids, and its text.
 *
 * Each slice that came is a part, sorted by itself when it comes.  The parts
 * are on a list in the order of what is next in each of them, so that the next
 * row of all is that of the first part, which then moves to its new place:
 * most often not far, a worker's connections being in the order in which they
 * came, or nearly so.
 */
#include "run/listing.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "run/admin_text.h"

#define PIECE (16 * 1024)
#define ROOM 1024 /* for the last row of a piece, but a very long one */

struct part {
	struct list link;
	unsigned next, n;         /* rows before `next` are forgotten */
	struct survey_row rows[]; /* by id; with all that they own */
};

struct listing {
	struct list parts;
	struct admin_table table;
	bool json;
	bool begun, ended; /* what is before the rows, and behind them */
	bool several;      /* rows were written */
};

struct listing *
listing_new(bool json)
{
	struct listing *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->json = json;
	list_init(&l->parts);
	admin_table_init(&l->table);
	return l;
}

static struct part *
part_of(struct list *link)
{
	return container_of(link, struct part, link);
}

static void
free_part(struct part *p)
{
	for (; p->next < p->n; p->next++)
		free(p->rows[p->next].request);
	list_remove(&p->link);
	free(p);
}

void
listing_free(struct listing *l)
{
	if (!l)
		return;
	list_each(it, &l->parts)
		free_part(part_of(it));
	free(l);
}

/* ---- rows in their order ---- */

static uint64_t
next_id(struct list *link)
{
	const struct part *p = part_of(link);

	return p->rows[p->next].id;
}

static void
put_in_place(struct listing *l, struct part *p)
{
	struct list *it = l->parts.next;

	while (it != &l->parts && next_id(it) < next_id(&p->link))
		it = it->next;
	list_push_back(it, &p->link);
}

static int
by_id(const void *a, const void *b)
{
	uint64_t x = ((const struct survey_row *)a)->id;
	uint64_t y = ((const struct survey_row *)b)->id;

	return x < y ? -1 : x > y;
}

bool
listing_add(struct listing *l, struct survey *s)
{
	struct part *p;

	if (s->n == 0)
		return true;
	p = malloc(sizeof(*p) + s->n * sizeof(*s->rows));
	if (!p)
		return false;
	list_init(&p->link);
	p->next = 0;
	p->n = s->n;
	memcpy(p->rows, s->rows, s->n * sizeof(*s->rows));
	s->n = 0;
	qsort(p->rows, p->n, sizeof(*p->rows), by_id);
	if (!l->json)
		admin_table_fit(&l->table, p->rows, p->n);
	put_in_place(l, p);
	return true;
}

const struct survey_row *
listing_first(const struct listing *l)
{
	struct part *p;

	if (list_empty(&l->parts))
		return NULL;
	p = part_of(l->parts.next);
	return &p->rows[p->next];
}

static void
forget_first(struct listing *l)
{
	struct part *p = part_of(l->parts.next);

	free(p->rows[p->next++].request);
	list_remove(&p->link);
	if (p->next < p->n)
		put_in_place(l, p);
	else
		free_part(p);
}

/* What has changed its state between two slices may have been seen in both. */
static void
forget_id(struct listing *l, uint64_t id)
{
	while (!list_empty(&l->parts) && next_id(l->parts.next) == id)
		forget_first(l);
}

/* ---- text ---- */

static bool
put_begin(struct listing *l, struct buf **out)
{
	l->begun = true;
	return l->json ? buf_add(out, "[\n", 2)
		       : admin_put_titles(out, &l->table);
}

static bool
put_row(struct listing *l, struct buf **out, const struct survey_row *r)
{
	bool first = !l->several;

	l->several = true;
	if (!l->json)
		return admin_put_line(out, &l->table, r);
	return (first || buf_add(out, ",\n", 2)) && admin_put_object(out, r);
}

static bool
put_end(struct listing *l, struct buf **out)
{
	l->ended = true;
	return !l->json || (l->several ? buf_add(out, "\n]\n", 3)
				       : buf_add(out, "]\n", 2));
}

bool
listing_put(struct listing *l, struct buf **out)
{
	const struct survey_row *r;
	bool ok = buf_reserve(out, PIECE + ROOM) &&
		  (l->begun || put_begin(l, out));

	while (ok && buf_len(*out) < PIECE && (r = listing_first(l))) {
		ok = put_row(l, out, r);
		forget_id(l, r->id);
	}
	return ok && (l->ended || !list_empty(&l->parts) || put_end(l, out));
}
