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

void
roster_init(struct roster *r, unsigned nworkers, roster_post *post, void *arg)
{
	*r = (struct roster){ .nworkers = nworkers, .post = post, .arg = arg };
}

void
roster_forget(struct roster *r)
{
	listing_free(r->found);
	r->found = NULL;
}

struct listing *
roster_found(struct roster *r)
{
	struct listing *found = r->found;

	r->found = NULL;
	return found;
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
roster_ask(struct roster *r, const struct survey_kind *kind, bool json)
{
	roster_forget(r);
	r->found = listing_new(json);
	if (!r->found)
		return false;
	if (kind->id)
		return ask_one(r, worker_of_id(kind->id, r->nworkers), kind);
	for (unsigned i = 0; r->found && i < r->nworkers; i++)
		if (!ask_one(r, i, kind))
			roster_forget(r);
	return r->out > 0;
}

bool
roster_take(struct roster *r, struct survey *s)
{
	if (r->found && !listing_add(r->found, s))
		roster_forget(r);
	if (r->found && s->more) {
		r->post(r->arg, s->worker, s);
		return false;
	}
	roster_drop(s);
	return --r->out == 0;
}
