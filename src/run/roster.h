/* SPDX-License-Identifier: ISC */
/*
 * roster.h: a question to workers about their connections, and what they have
 * answered, together.
 */
#ifndef RUN_ROSTER_H
#define RUN_ROSTER_H

#include "run/listing.h"

/* Posts a survey to a worker; it comes back through roster_take. */
typedef void roster_post(void *arg, unsigned worker, struct survey *s);

struct roster {
	unsigned nworkers;
	roster_post *post;
	void *arg;
	unsigned out;          /* surveys that are with workers */
	struct listing *found; /* owned; NULL: no more is asked for */
};

void roster_init(struct roster *r, unsigned nworkers, roster_post *post,
		 void *arg);

/*
 * Asks all workers, or if it is about an id the one whose that is, for rows to
 * be written as JSON or not; only while nothing is out, and what was found
 * before is forgotten.  False when memory is out.
 */
bool roster_ask(struct roster *r, const struct survey_kind *kind,
		bool json) WUNRES;
/*
 * A survey that has come back: asks on, or frees it.  True when all are back
 * and `found` is whole.
 */
bool roster_take(struct roster *r, struct survey *s) WUNRES;
/* Hands over what was found; NULL when memory was out. */
struct listing *roster_found(struct roster *r);
/*
 * Frees what was found.  Of what is out nobody wants to know: it comes back,
 * and no more is asked for.
 */
void roster_forget(struct roster *r);
/* One that comes back and nobody wants. */
void roster_drop(struct survey *s);

#endif
