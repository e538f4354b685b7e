/* SPDX-License-Identifier: ISC */
/*
 * listing.h: what workers have answered about their connections, in the order
 * of their ids, and its text, which is written piece by piece.
 *
 * Main has other things to do: nothing here goes through all rows at once.
 */
#ifndef RUN_LISTING_H
#define RUN_LISTING_H

#include "base/buf.h"
#include "proxy/survey.h"

struct listing;

/* To be written as JSON, or as a table.  NULL when memory is out. */
struct listing *listing_new(bool json);
/* NULL is nothing. */
void listing_free(struct listing *l);

/*
 * Takes over the rows of s; false when memory is out, and then it has taken
 * none.
 */
bool listing_add(struct listing *l, struct survey *s) WUNRES;
/* The row with the least id, or NULL. */
const struct survey_row *listing_first(const struct listing *l);

/*
 * Writes the next piece to *out, some 16 KiB, and forgets its rows; nothing, if
 * all was written.  False when memory is out.
 */
bool listing_put(struct listing *l, struct buf **out) WUNRES;

#endif
