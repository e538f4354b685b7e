/* SPDX-License-Identifier: ISC */
/*
 * pattern_distance.c: how near a path is to a pattern.
 *
 * Levenshtein's distance, row by row: a row is the part of the pattern read
 * so far, a column the part of the path.  A wildcard takes a segment for
 * nothing, but a "**" pays for each further one; else it would be near to
 * whatever is long.
 *
 * Edits tell little of paths that differ by more than a typing mistake:
 * "/api" is three edits from "/ws", and many from "/api/auth/session/{id}".
 * There the segments that both begin with count first.
 */
#include "proto/pattern_impl.h"

#include <string.h>

/* Further on nobody mistypes, and a peer chooses the length. */
#define PATH_MAX_LOOKED_AT 256

/* So many edits are a typing mistake. */
#define TYPO 2

/* A "**" pays no more for a segment than the shortest, "/x", costs others. */
#define FURTHER_SEGMENT 2

/* For a segment of the path astray: more than the edits of any pattern. */
#define ASTRAY 1000

struct rows {
	struct slice path;
	unsigned cell[PATH_MAX_LOOKED_AT + 1];
};

static unsigned
min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static void
read_literal(struct rows *r, char c)
{
	unsigned diagonal = r->cell[0], up;

	r->cell[0]++;
	for (size_t i = 1; i <= r->path.n; i++) {
		up = r->cell[i];
		r->cell[i] = min(min(up, r->cell[i - 1]) + 1,
				 diagonal + (c != r->path.p[i - 1]));
		diagonal = up;
	}
}

/* Bytes behind what the wildcard has taken are one edit each. */
static void
read_wildcard(struct rows *r, bool takes_slashes)
{
	unsigned taking = r->cell[0];

	for (size_t i = 1; i <= r->path.n; i++) {
		if (r->path.p[i - 1] != '/')
			taking = min(taking, r->cell[i]);
		else if (takes_slashes)
			taking = min(taking + FURTHER_SEGMENT, r->cell[i]);
		else
			taking = r->cell[i];
		r->cell[i] = min(taking, r->cell[i - 1] + 1);
	}
}

static void
read_segment(struct rows *r, const struct segment *seg)
{
	if (seg->kind == SEG_DEEP || seg->kind == SEG_NAME) {
		read_wildcard(r, seg->kind == SEG_DEEP);
		return;
	}
	for (size_t i = 0; i < seg->text.n; i++)
		if (seg->text.p[i] == '*')
			read_wildcard(r, false);
		else
			read_literal(r, seg->text.p[i]);
}

static unsigned
edits(const struct pattern *p, struct slice path)
{
	struct rows r = { .path = path };

	for (size_t i = 0; i <= r.path.n; i++)
		r.cell[i] = (unsigned)i;
	for (size_t i = 0; i < p->nsegments; i++) {
		/* A "**" that stands for nothing takes its slash along. */
		if (i == 0 || p->segments[i - 1].kind != SEG_DEEP)
			read_literal(&r, '/');
		read_segment(&r, &p->segments[i]);
	}
	return r.cell[r.path.n];
}

/* The next segment of a path that begins with its slash. */
static struct slice
take_segment(struct slice *path)
{
	const char *begin = path->p + 1;
	const char *slash = memchr(begin, '/', path->n - 1);
	size_t n = slash ? (size_t)(slash - begin) : path->n - 1;

	path->p += n + 1;
	path->n -= n + 1;
	return slice_of(begin, n);
}

/*
 * The segments of the path but for those that the pattern begins with, too.
 * A wildcard has none in common with a path, since it has all.
 */
static unsigned
count_astray(const struct pattern *p, struct slice path)
{
	unsigned astray = 0;
	bool together = true;

	for (size_t i = 0; path.n > 0; i++) {
		struct slice s = take_segment(&path);

		together = together && i < p->nsegments &&
			   pattern_segment_matches(&p->segments[i], s);
		if (!together || p->segments[i].kind != SEG_LITERAL)
			astray++;
	}
	return astray;
}

unsigned
pattern_distance(const struct pattern *p, struct slice path)
{
	unsigned distance;

	if (path.n > PATH_MAX_LOOKED_AT)
		path.n = PATH_MAX_LOOKED_AT;
	distance = edits(p, path);
	if (distance > TYPO)
		distance += ASTRAY * count_astray(p, path);
	return distance;
}
