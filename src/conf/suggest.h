/* SPDX-License-Identifier: ISC */
/*
 * suggest.h: what the operator may have meant.
 */
#ifndef CONF_SUGGEST_H
#define CONF_SUGGEST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * How many characters must be changed, added, taken out or swapped with their
 * neighbour to make one word of the other; case and '-' for '_' are free.
 */
size_t suggest_distance(const char *a, const char *b);

/*
 * The search for the nearest of several words:
 *
 *	struct suggestion s = { .typed = "nxet" };
 *
 *	suggest_try(&s, "next");
 *	if (s.best) ...
 */
struct suggestion {
	const char *typed;
	const char *best; /* NULL: none is near enough to be what was meant */
	size_t distance;
};

void suggest_try(struct suggestion *s, const char *word);

/*
 * For a setting of nginx or http-proxy: what does the same here, as the end of
 * a sentence; NULL if the word is unknown.
 */
const char *suggest_foreign(const char *word);
/* The nearest of those words, or NULL if none is near. */
const char *suggest_foreign_near(const char *word);
/* Is it a setting or, with its "--", an option that a later version has? */
bool suggest_later(const char *word);

#endif
