/* SPDX-License-Identifier: ISC */
/*
 * roster.c: a question to workers about their connections, and what they have
 * answered, together.
 *
 * A worker answers with a slice, and is asked for the next one when that is
 * here: in between it has served whoever waited.
 */
#include "run/roster.h"

#include <stdlib.h>
#include <string.h>

#define USUAL 256 /* rows */

void
roster_init(struct roster *r, unsigned nworkers, roster_post *post, void *arg)
{
	*r = (struct roster){ .nworkers = nworkers, .post = post, .arg = arg };
}

void
roster_forget(struct roster *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->rows[i].request);
	free(r->rows);
	r->rows = NULL;
	r->n = r->room = 0;
	r->failed = false;
}

void
roster_drop(struct survey *s)
{
	survey_clear(s);
	free(s);
}

static bool
ask_one(struct roster *r, unsigned worker, const struct survey_kind *kind)
{
	struct survey *s = malloc(sizeof(*s));

	if (!s)
		return false;
	s->kind = *kind;
	s->goes_on = false;
	s->worker = worker;
	r->out++;
	r->post(r->arg, worker, s);
	return true;
}

bool
roster_ask(struct roster *r, const struct survey_kind *kind)
{
	roster_forget(r);
	if (kind->id)
		return ask_one(r, worker_of_id(kind->id, r->nworkers), kind);
	for (unsigned i = 0; i < r->nworkers; i++)
		if (!ask_one(r, i, kind))
			r->failed = true;
	return r->out > 0;
}

/* Its rows, with all that they own, become ours. */
static bool
append(struct roster *r, struct survey *s)
{
	size_t room = r->room ? r->room : USUAL;
	struct survey_row *rows;

	while (room < r->n + s->n)
		room *= 2;
	if (room > r->room) {
		rows = realloc(r->rows, room * sizeof(*rows));
		if (!rows)
			return false;
		r->rows = rows;
		r->room = room;
	}
	memcpy(r->rows + r->n, s->rows, s->n * sizeof(*s->rows));
	r->n += s->n;
	s->n = 0;
	return true;
}

static int
by_id(const void *a, const void *b)
{
	uint64_t x = ((const struct survey_row *)a)->id;
	uint64_t y = ((const struct survey_row *)b)->id;

	return x < y ? -1 : x > y;
}

/* What has changed its state between two slices may have been seen in both. */
static void
drop_doubles(struct roster *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (n > 0 && r->rows[n - 1].id == r->rows[i].id)
			free(r->rows[i].request);
		else
			r->rows[n++] = r->rows[i];
	}
	r->n = n;
}

bool
roster_take(struct roster *r, struct survey *s)
{
	r->failed = !append(r, s) || r->failed;
	if (s->more && !r->failed) {
		r->post(r->arg, s->worker, s);
		return false;
	}
	roster_drop(s);
	if (--r->out > 0)
		return false;
	if (r->n > 1)
		qsort(r->rows, r->n, sizeof(*r->rows), by_id);
	drop_doubles(r);
	return true;
}
