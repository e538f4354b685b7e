/* SPDX-License-Identifier: ISC */
/*
 * pattern.c: proto/pattern and proto/path against a plain recursive matcher.
 *
 * Input: lines: three patterns, a host, a path.
 */
#include "fuzz.h"

#include "proto/pattern.h"

#define PATTERNS 3
#define LONGEST 64 /* of a path or pattern: the recursion takes its time */

/* ---- the matcher: a pattern is text, and each wildcard tries everything */

static bool
glob(struct slice g, struct slice s)
{
	if (g.n == 0)
		return s.n == 0;
	if (*g.p != '*')
		return s.n > 0 && *s.p == *g.p &&
		       glob(slice_of(g.p + 1, g.n - 1),
			    slice_of(s.p + 1, s.n - 1));
	for (size_t i = 0; i <= s.n; i++)
		if (glob(slice_of(g.p + 1, g.n - 1),
			 slice_of(s.p + i, s.n - i)))
			return true;
	return false;
}

/* By what was left of pattern and path: the attempt that found no match so. */
static unsigned in_vain[LONGEST + 1][LONGEST + 1];
static unsigned attempt;

/* Of "/a/b" the "a", and what is left, "/b" or nothing. */
static struct slice
segment(struct slice *path)
{
	const char *end = memchr(path->p + 1, '/', path->n - 1);
	size_t n = end ? (size_t)(end - path->p) : path->n;
	struct slice s = slice_of(path->p + 1, n - 1);

	path->p += n;
	path->n -= n;
	return s;
}

static bool matches(struct slice pattern, struct slice path);

/* Several "**" would take for ever otherwise. */
static bool
matches_once(struct slice pattern, struct slice path)
{
	unsigned *seen = &in_vain[pattern.n][path.n];

	if (*seen == attempt)
		return false;
	if (matches(pattern, path))
		return true;
	*seen = attempt;
	return false;
}

static bool
matches(struct slice pattern, struct slice path)
{
	struct slice want, have;

	if (pattern.n == 0)
		return path.n == 0;
	want = segment(&pattern);
	if (slice_eq(want, SLICE("**"))) {
		if (pattern.n == 0)
			return path.n > 0;
		for (; path.n > 0; segment(&path))
			if (matches_once(pattern, path))
				return true;
		return matches_once(pattern, path);
	}
	if (path.n == 0)
		return false;
	have = segment(&path);
	if (want.n > 0 && want.p[0] == '{' ? have.n == 0 : !glob(want, have))
		return false;
	return matches(pattern, path);
}

static bool
host_matches(struct slice pattern, struct slice host)
{
	const char *colon = memchr(host.p, host.n && host.p[0] == '[' ? ']'
								      : ':',
				   host.n);

	if (colon)
		host.n = (size_t)(colon - host.p) + (*colon == ']');
	if (host.n > 1 && host.p[host.n - 1] == '.')
		host.n--;
	if (pattern.n == 0)
		return true;
	if (pattern.p[0] != '*')
		return slice_ieq(pattern, host);
	pattern.p++;
	pattern.n--;
	return host.n > pattern.n &&
	       slice_ieq(pattern, slice_of(host.p + host.n - pattern.n,
					   pattern.n));
}

static bool
match_simply(const char *pattern, struct slice host, struct slice path)
{
	const char *slash = strchr(pattern, '/');

	attempt++;
	return host_matches(slice_of(pattern, (size_t)(slash - pattern)),
			    host) &&
	       (slice_eq(path, SLICE("*"))
			? strcmp(slash, "/**") == 0
			: path.n > 0 && path.p[0] == '/' &&
				  matches(slice_str(slash), path));
}

/* ---- properties */

static void
check_match(const struct pattern *p, struct slice host, struct slice path)
{
	struct captures caps = { .n = 99 };
	bool does = pattern_match(p, host, path, &caps);

	MUST(does == match_simply(pattern_text(p), host, path));
	MUST(does == pattern_match(p, host, path, NULL));
	if (does)
		MUST(pattern_distance(p, path) == 0 || path.n > 256 ||
		     pattern_captures(p, SLICE("**")));
	MUST(does || caps.n == 0);
	MUST(caps.n <= PATTERN_CAPTURES);
	for (unsigned i = 0; i < caps.n; i++) {
		struct slice v = caps.value[i];

		MUST(pattern_captures(p, caps.name[i]));
		MUST(v.p >= path.p && v.p + v.n <= path.p + path.n);
	}
}

static int
sign(int n)
{
	return (n > 0) - (n < 0);
}

/* The order is one, or sorting by it would depend on how it is sorted. */
static void
check_order(struct pattern *const p[PATTERNS])
{
	for (int i = 0; i < PATTERNS; i++) {
		const struct pattern *a = p[i], *b = p[(i + 1) % PATTERNS],
				     *c = p[(i + 2) % PATTERNS];
		int ab = pattern_compare(a, b), bc = pattern_compare(b, c);

		MUST(sign(ab) == -sign(pattern_compare(b, a)));
		MUST(pattern_equal(a, b) == pattern_equal(b, a));
		MUST(pattern_equal(a, a) && pattern_compare(a, a) == 0);
		MUST(!pattern_equal(a, b) || ab == 0);
		if (ab <= 0 && bc <= 0)
			MUST(pattern_compare(a, c) <= 0);
		if (ab == 0 && bc == 0)
			MUST(pattern_compare(a, c) == 0);
	}
}

/* Equal ones match the same. */
static void
check_equal(const struct pattern *a, const struct pattern *b,
	    struct slice host, struct slice path)
{
	if (pattern_equal(a, b))
		MUST(pattern_match(a, host, path, NULL) ==
		     pattern_match(b, host, path, NULL));
}

static bool
is_dots(struct slice s)
{
	const char *end = s.n > 0 ? memchr(s.p, ';', s.n) : NULL;

	if (end)
		s.n = (size_t)(end - s.p);
	return slice_eq(s, SLICE(".")) || slice_eq(s, SLICE(".."));
}

/* A path as a lenient reader sees it has nothing left to be resolved. */
static void
check_path(struct slice path)
{
	char *p = fuzz_copy(path), *out = fuzz_copy(path);
	struct slice plain = slice_of(p, path.n), s;
	size_t n;

	if (!memchr(p, '%', path.n) && !memchr(p, '\\', path.n)) {
		bool dots = false;

		for (s = plain; s.n > 0 && s.p[0] == '/';)
			dots |= is_dots(segment(&s));
		if (path.n > 0 && p[0] == '/')
			MUST(path_has_dot_segments(plain) == dots);
	}
	n = path_decode(plain, out);
	MUST(n <= path.n && !memchr(out, '\0', n) && !memchr(out, '\\', n) &&
	     !memmem(out, n, "//", 2));
	s = slice_of(out, n);
	if (path.n > 0 && p[0] == '/' && !memchr(out, ';', n))
		while (s.n > 0)
			MUST(!is_dots(segment(&s)));
	free(p);
	free(out);
}

static struct pattern *
compile(struct slice *in)
{
	char *text = fuzz_string(fuzz_until(in, '\n')), *error = NULL;
	struct pattern *p =
		strlen(text) <= LONGEST ? pattern_compile(text, &error) : NULL;

	MUST(!p || (!error && strcmp(pattern_text(p), text) == 0));
	MUST(p || error || strlen(text) > LONGEST);
	free(error);
	free(text);
	return p;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of((const char *)data, size), host, path;
	struct pattern *p[PATTERNS];
	bool all = true;

	for (int i = 0; i < PATTERNS; i++) {
		p[i] = compile(&in);
		all = all && p[i];
	}
	host = fuzz_until(&in, '\n');
	path = fuzz_until(&in, '\n');
	check_path(path);
	if (path.n > LONGEST)
		path.n = LONGEST;
	for (int i = 0; i < PATTERNS; i++)
		if (p[i])
			check_match(p[i], host, path);
	if (all) {
		check_order(p);
		check_equal(p[0], p[1], host, path);
	}
	for (int i = 0; i < PATTERNS; i++)
		pattern_free(p[i]);
	return 0;
}
