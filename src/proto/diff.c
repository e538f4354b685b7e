/* SPDX-License-Identifier: ISC */
/*
 * diff.c: a head before and after it passed somebody, line beside line.
 */
#include "proto/diff.h"

#include <stdint.h>
#include <stdlib.h>

struct side {
	struct slice lines[DIFF_LINES_MAX];
	size_t n;
};

/*
 * All that one comparison needs.  common[i * stride + j] is how many lines the
 * rests from i and j on have in common, in order.
 */
struct work {
	struct side before, after;
	uint16_t *common;
	size_t stride;
};

static bool
split_lines(struct side *s, struct slice head)
{
	while (head.n > 0) {
		const char *lf = memchr(head.p, '\n', head.n);
		size_t n = lf ? (size_t)(lf - head.p) + 1 : head.n;

		if (s->n == DIFF_LINES_MAX)
			return false;
		s->lines[s->n++] = slice_of(head.p, n);
		head = slice_of(head.p + n, head.n - n);
	}
	return true;
}

/* The longest common subsequence, from the ends to the front. */
static bool
find_common(struct work *w)
{
	size_t stride = w->after.n + 1;
	uint16_t *c = calloc((w->before.n + 1) * stride, sizeof(*c));

	if (!c)
		return false;
	for (size_t i = w->before.n; i-- > 0;) {
		for (size_t j = w->after.n; j-- > 0;) {
			uint16_t *at = &c[i * stride + j];

			if (slice_eq(w->before.lines[i], w->after.lines[j]))
				*at = (uint16_t)(at[stride + 1] + 1);
			else
				*at = at[1] > at[stride] ? at[1] : at[stride];
		}
	}
	w->common = c;
	w->stride = stride;
	return true;
}

static struct slice
name_of(struct slice line)
{
	const char *colon = memchr(line.p, ':', line.n);

	return slice_of(line.p, colon ? (size_t)(colon - line.p) : 0);
}

/* Counterparts are fields of one name, and the two start lines. */
static bool
are_counterparts(const struct work *w, size_t i, size_t j)
{
	struct slice name = name_of(w->before.lines[i]);

	if (i == 0 || j == 0)
		return i == j;
	return name.n > 0 && slice_ieq(name, name_of(w->after.lines[j]));
}

static void
measure_change(struct diff_line *l)
{
	size_t least = l->before.n < l->after.n ? l->before.n : l->after.n;

	while (l->head < least && l->before.p[l->head] == l->after.p[l->head])
		l->head++;
	while (l->tail < least - l->head &&
	       l->before.p[l->before.n - 1 - l->tail] ==
		       l->after.p[l->after.n - 1 - l->tail])
		l->tail++;
}

static void
add(struct diff *d, enum diff_kind kind, struct slice before,
    struct slice after)
{
	struct diff_line *l = &d->lines[d->n++];

	*l = (struct diff_line){ .kind = kind, .before = before,
				 .after = after };
	if (kind == DIFF_CHANGED)
		measure_change(l);
}

static void
add_new(struct diff *d, const struct work *w, size_t from, size_t to)
{
	for (; from < to; from++)
		add(d, DIFF_ADDED, SLICE_NONE, w->after.lines[from]);
}

/* What lies between two common lines, and is none itself. */
static void
add_gap(struct diff *d, const struct work *w, size_t i, size_t i_end, size_t j,
	size_t j_end)
{
	for (; i < i_end; i++) {
		size_t k = j;

		while (k < j_end && !are_counterparts(w, i, k))
			k++;
		if (k == j_end) {
			add(d, DIFF_REMOVED, w->before.lines[i], SLICE_NONE);
			continue;
		}
		add_new(d, w, j, k);
		add(d, DIFF_CHANGED, w->before.lines[i], w->after.lines[k]);
		j = k + 1;
	}
	add_new(d, w, j, j_end);
}

static void
add_all(struct diff *d, const struct work *w)
{
	size_t i = 0, j = 0, gap_i = 0, gap_j = 0;

	while (i < w->before.n && j < w->after.n) {
		const uint16_t *at = &w->common[i * w->stride + j];

		if (slice_eq(w->before.lines[i], w->after.lines[j])) {
			add_gap(d, w, gap_i, i, gap_j, j);
			add(d, DIFF_SAME, w->before.lines[i++],
			    w->after.lines[j++]);
			gap_i = i;
			gap_j = j;
		} else if (at[1] > at[w->stride]) {
			j++;
		} else {
			i++;
		}
	}
	add_gap(d, w, gap_i, w->before.n, gap_j, w->after.n);
}

bool
diff_heads(struct diff *d, struct slice before, struct slice after)
{
	struct work *w = calloc(1, sizeof(*w));
	bool ok;

	*d = (struct diff){ NULL, 0 };
	ok = w && split_lines(&w->before, before) &&
	     split_lines(&w->after, after) && find_common(w);
	if (ok) {
		d->lines = calloc(w->before.n + w->after.n + 1,
				  sizeof(*d->lines));
		ok = d->lines != NULL;
	}
	if (ok)
		add_all(d, w);
	if (w)
		free(w->common);
	free(w);
	return ok;
}

void
diff_fini(struct diff *d)
{
	free(d->lines);
	*d = (struct diff){ NULL, 0 };
}
