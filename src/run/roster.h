/* SPDX-License-Identifier: ISC */
/*
 * roster.h: a question to workers about their connections, and what they have
 * answered, together.
 */
#ifndef RUN_ROSTER_H
#define RUN_ROSTER_H

#include <stddef.h>

#include "proxy/survey.h"

/* Posts a survey to a worker; it comes back through roster_take. */
typedef void roster_post(void *arg, unsigned worker, struct survey *s);

struct roster {
	unsigned nworkers;
	roster_post *post;
	void *arg;
	unsigned out;        /* surveys that are with workers */
	struct survey_row *rows; /* owned, and what they own */
	size_t n, room;
	bool failed;         /* memory was out for some */
};

void roster_init(struct roster *r, unsigned nworkers, roster_post *post,
		 void *arg);

/*
 * Asks all workers, or if it is about an id the one whose that is; only while
 * nothing is out, and what was found before is forgotten.  False when memory
 * is out.
 */
bool roster_ask(struct roster *r, const struct survey_kind *kind) WUNRES;
/*
 * A survey that has come back: asks on, or frees it.  True when all is there:
 * the rows, sorted by id.
 */
bool roster_take(struct roster *r, struct survey *s) WUNRES;
/* Frees what was found. */
void roster_forget(struct roster *r);
/* One that comes back and nobody wants. */
void roster_drop(struct survey *s);

#endif
