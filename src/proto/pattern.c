/* SPDX-License-Identifier: ISC */
/*
 * pattern.c: path patterns, matched.
 *
 * A path is compared segment by segment.  Where a "**" or a "*" turns out to
 * have taken too little, only the last one is asked to take more: an earlier
 * one could not help, since everything between matched where it first could.
 * That makes the time at most the path's length times the pattern's.
 */
#include "proto/pattern.h"

#include <stdlib.h>

#include "proto/host.h"
#include "proto/pattern_impl.h"

/* What is left of a path to be walked, by segments. */
struct walk {
	const char *p; /* the present segment; NULL behind the last one */
	const char *end;
};

static struct slice
walk_segment(const struct walk *w)
{
	const char *slash = memchr(w->p, '/', (size_t)(w->end - w->p));

	return slice_of(w->p, (size_t)((slash ? slash : w->end) - w->p));
}

static void
walk_on(struct walk *w, struct slice segment)
{
	const char *end = segment.p + segment.n;

	w->p = end == w->end ? NULL : end + 1;
}

/* "web*ck" and the like: any bytes for each '*'. */
static bool
glob_matches(struct slice glob, struct slice s)
{
	size_t g = 0, i = 0, star = SIZE_MAX, taken = 0;

	while (i < s.n) {
		if (g < glob.n && glob.p[g] == '*') {
			star = g++;
			taken = i;
		} else if (g < glob.n && glob.p[g] == s.p[i]) {
			g++;
			i++;
		} else if (star != SIZE_MAX) {
			g = star + 1;
			i = ++taken;
		} else {
			return false;
		}
	}
	while (g < glob.n && glob.p[g] == '*')
		g++;
	return g == glob.n;
}

bool
pattern_segment_matches(const struct segment *seg, struct slice s)
{
	switch (seg->kind) {
	case SEG_LITERAL:
		return slice_eq(seg->text, s);
	case SEG_GLOB:
		return glob_matches(seg->text, s);
	case SEG_NAME:
		return s.n > 0;
	case SEG_DEEP:
		break;
	}
	return false;
}

static void
capture(const struct segment *seg, struct captures *caps, const char *p,
	const char *end)
{
	if (!caps || (seg->kind != SEG_NAME && seg->kind != SEG_DEEP))
		return;
	caps->name[seg->capture] = seg->text;
	caps->value[seg->capture] =
		slice_of(p, end > p ? (size_t)(end - p) : 0);
}

struct matching {
	const struct segment *seg, *end; /* what is left of the pattern */
	struct walk w;                   /* and of the path */
	const struct segment *deep;      /* the last "**" met, or NULL */
	const char *deep_begin;          /* what it took begins here */
	struct walk taken;               /* and this is behind it */
	struct captures *caps;
};

/* Meets a "**" within the pattern: it has taken nothing yet. */
static void
begin_deep(struct matching *m)
{
	capture(m->seg, m->caps, m->w.p, m->w.p);
	m->deep = m->seg++;
	m->deep_begin = m->w.p;
	m->taken = m->w;
}

/* Lets the last "**" take one more segment and begins again behind it. */
static bool
retry_deep(struct matching *m)
{
	struct slice s;

	if (!m->deep)
		return false;
	s = walk_segment(&m->taken);
	walk_on(&m->taken, s);
	capture(m->deep, m->caps, m->deep_begin, s.p + s.n);
	m->w = m->taken;
	m->seg = m->deep + 1;
	return true;
}

/* A final "**" takes all that is left; there must be some. */
static bool
end_deep(struct matching *m)
{
	if (!m->w.p)
		return false;
	capture(m->seg, m->caps, m->w.p, m->w.end);
	return true;
}

static bool
path_matches(const struct pattern *p, struct slice path, struct captures *caps)
{
	struct matching m = {
		.seg = p->segments,
		.end = p->segments + p->nsegments,
		.w = { path.p + 1, path.p + path.n },
		.caps = caps,
	};
	struct slice s;

	for (;;) {
		while (m.seg < m.end && m.seg->kind == SEG_DEEP) {
			if (m.seg + 1 == m.end)
				return end_deep(&m);
			begin_deep(&m);
		}
		if (!m.w.p)
			return m.seg == m.end;
		s = walk_segment(&m.w);
		if (m.seg < m.end && pattern_segment_matches(m.seg, s)) {
			capture(m.seg++, caps, s.p, s.p + s.n);
			walk_on(&m.w, s);
		} else if (!retry_deep(&m)) {
			return false;
		}
	}
}

static bool
host_matches(const struct pattern *p, struct slice host)
{
	size_t cut;

	if (p->host.n == 0)
		return true;
	host = host_without_port(host);
	if (!p->any_label)
		return slice_ieq(p->host, host);
	/* p->host is ".example.com", and something must stand before it. */
	if (host.n <= p->host.n)
		return false;
	cut = host.n - p->host.n;
	return slice_ieq(p->host, slice_of(host.p + cut, p->host.n));
}

/* The "*" of OPTIONS is nothing that is below a slash, unless all is. */
static bool
may_match(const struct pattern *p, struct slice path)
{
	if (slice_eq(path, SLICE("*")))
		return p->nsegments == 1 && p->segments[0].kind == SEG_DEEP;
	return path.n > 0 && path.p[0] == '/';
}

bool
pattern_match(const struct pattern *p, struct slice host, struct slice path,
	      struct captures *caps)
{
	if (caps)
		caps->n = 0;
	if (!may_match(p, path) || !host_matches(p, host) ||
	    !path_matches(p, path, caps))
		return false;
	if (caps)
		caps->n = p->ncaptures;
	return true;
}

/* Less is more specific; a '*' with text beside it more than one alone. */
static int
segment_rank(const struct segment *seg)
{
	switch (seg->kind) {
	case SEG_LITERAL:
		return 0;
	case SEG_GLOB:
		return seg->text.n > 1 ? 1 : 3;
	case SEG_NAME:
		return 2;
	case SEG_DEEP:
		break;
	}
	return 4;
}

static int
compare_sizes(size_t longer_first, size_t other)
{
	return longer_first > other ? -1 : longer_first < other;
}

static int
compare_hosts(const struct pattern *a, const struct pattern *b)
{
	int rank_a = a->host.n == 0 ? 2 : a->any_label;
	int rank_b = b->host.n == 0 ? 2 : b->any_label;

	if (rank_a != rank_b)
		return rank_a - rank_b;
	return a->any_label ? compare_sizes(a->host.n, b->host.n) : 0;
}

static int
compare_segments(const struct pattern *a, const struct pattern *b)
{
	size_t n = a->nsegments < b->nsegments ? a->nsegments : b->nsegments;
	int difference;

	for (size_t i = 0; i < n; i++) {
		difference = segment_rank(&a->segments[i]) -
			     segment_rank(&b->segments[i]);
		if (difference != 0)
			return difference;
	}
	return compare_sizes(a->nsegments, b->nsegments);
}

int
pattern_compare(const struct pattern *a, const struct pattern *b)
{
	int order = compare_hosts(a, b);

	if (order == 0)
		order = (int)a->class - (int)b->class;
	if (order == 0)
		order = compare_sizes(a->prefix, b->prefix);
	if (order == 0)
		order = compare_segments(a, b);
	if (order == 0)
		order = compare_sizes(a->literal, b->literal);
	return order;
}

bool
pattern_equal(const struct pattern *a, const struct pattern *b)
{
	if (a->nsegments != b->nsegments || a->any_label != b->any_label ||
	    !slice_ieq(a->host, b->host))
		return false;
	for (size_t i = 0; i < a->nsegments; i++) {
		const struct segment *x = &a->segments[i];
		const struct segment *y = &b->segments[i];

		if (x->kind != y->kind)
			return false;
		if (x->kind != SEG_NAME && !slice_eq(x->text, y->text))
			return false;
	}
	return true;
}

bool
pattern_captures(const struct pattern *p, struct slice name)
{
	for (size_t i = 0; i < p->nsegments; i++) {
		const struct segment *seg = &p->segments[i];

		if ((seg->kind == SEG_NAME || seg->kind == SEG_DEEP) &&
		    slice_eq(seg->text, name))
			return true;
	}
	return false;
}

const char *
pattern_text(const struct pattern *p)
{
	return p->text;
}

void
pattern_free(struct pattern *p)
{
	if (!p)
		return;
	free(p->segments);
	free(p->text);
	free(p);
}
