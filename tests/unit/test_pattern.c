/* SPDX-License-Identifier: ISC */
/*
 * test_pattern.c: path patterns, and the normal form of a request's path.
 */
#include "row.h"
#include "source.h"

#include <stdio.h>

#include "proto/pattern.h"

static struct pattern *
compile(const char *text)
{
	char *error;
	struct pattern *p = pattern_compile(text, &error);

	if (!p)
		fail_msg("%s: %s", text, error);
	return p;
}

/* ---- matching ---- */

struct match_row {
	int line;
	const char *pattern, *host, *path;
	const char *captures; /* "id=5 **=a/b "; NULL: no match */
	const char *why;
};

static const struct match_row matches[] = {
	{ __LINE__, "/", "", "/", "", "the root" },
	{ __LINE__, "/", "", "/a", NULL, "exact" },
	{ __LINE__, "/api", "", "/api", "", "exact" },
	{ __LINE__, "/api", "", "/api/", NULL, "a final slash counts" },
	{ __LINE__, "/api", "", "/apis", NULL, "no prefix" },
	{ __LINE__, "/api", "", "/API", NULL, "case counts" },
	{ __LINE__, "/api/", "", "/api/", "", "with a final slash" },
	{ __LINE__, "/api/", "", "/api", NULL, "which counts" },
	{ __LINE__, "/api/", "", "/api/x", NULL, "and is no prefix" },
	{ __LINE__, "/a%2Fb", "", "/a%2Fb", "", "bytes are compared" },
	{ __LINE__, "/a%2Fb", "", "/a/b", NULL, "undecoded" },
	{ __LINE__, "/a%2Fb", "", "/a%2fb", NULL, "by byte" },
	{ __LINE__, "/a//b", "", "/a//b", "", "an empty segment" },
	{ __LINE__, "/a/b", "", "/a//b", NULL, "is one" },

	{ __LINE__, "/a/*", "", "/a/b", "", "a segment" },
	{ __LINE__, "/a/*", "", "/a/b/c", NULL, "not two" },
	{ __LINE__, "/a/*", "", "/a", NULL, "not none" },
	{ __LINE__, "/a/*", "", "/a/", "", "an empty one" },
	{ __LINE__, "/*/b", "", "/a/b", "", "at the start" },
	{ __LINE__, "/websock*", "", "/websock", "", "none" },
	{ __LINE__, "/websock*", "", "/websockify", "", "some" },
	{ __LINE__, "/websock*", "", "/websock/x", NULL, "within a segment" },
	{ __LINE__, "/*.js", "", "/a.b.js", "", "at the start of one" },
	{ __LINE__, "/*.js", "", "/a.js.map", NULL, "to its end" },
	{ __LINE__, "/a*b*c", "", "/aXbbYbcZc", "", "two in one" },
	{ __LINE__, "/a*b*c", "", "/aXcYb", NULL, "in order" },
	{ __LINE__, "/a*a", "", "/a", NULL, "no byte is used twice" },

	{ __LINE__, "/s/{id}/ws", "", "/s/5/ws", "id=5 ", "a capture" },
	{ __LINE__, "/s/{id}/ws", "", "/s/a%2Fb/ws", "id=a%2Fb ",
	  "undecoded" },
	{ __LINE__, "/s/{id}/ws", "", "/s//ws", NULL, "not empty" },
	{ __LINE__, "/s/{id}/ws", "", "/s/5/6/ws", NULL, "one segment" },
	{ __LINE__, "/s/{id}", "", "/s/", NULL, "not empty at the end" },
	{ __LINE__, "/{a}/{b-2}", "", "/x/y", "a=x b-2=y ", "two" },
	{ __LINE__, "/api/auth/session/{id}/novnc/websock", "",
	  "/api/auth/session/8f/novnc/websock", "id=8f ", "seed 004" },

	{ __LINE__, "/**", "", "/", "**= ", "everything" },
	{ __LINE__, "/**", "", "/a/b/", "**=a/b/ ", "everything" },
	{ __LINE__, "/api/**", "", "/api/", "**= ", "the path itself" },
	{ __LINE__, "/api/**", "", "/api/a", "**=a ", "below it" },
	{ __LINE__, "/api/**", "", "/api/a//b", "**=a//b ", "deep below" },
	{ __LINE__, "/api/**", "", "/api", NULL, "but not without a slash" },
	{ __LINE__, "/api/**", "", "/apis/a", NULL, "nor a neighbour" },
	{ __LINE__, "/**/novnc/websock", "", "/novnc/websock", "**= ",
	  "nothing" },
	{ __LINE__, "/**/novnc/websock", "", "/a/b/novnc/websock",
	  "**=a/b ", "two segments" },
	{ __LINE__, "/**/novnc/websock", "", "/a/xnovnc/websock", NULL,
	  "whole segments" },
	{ __LINE__, "/**/novnc/websock", "", "/novnc/websock/x", NULL,
	  "to the end" },
	{ __LINE__, "/**/novnc/websock", "",
	  "/novnc/novnc/websock/novnc/websock",
	  "**=novnc/novnc/websock ", "more than it first seemed" },
	{ __LINE__, "/a/**/b", "", "/a/b", "**= ", "nothing between" },
	{ __LINE__, "/a/**/b", "", "/a/x/y/b", "**=x/y ", "something" },
	{ __LINE__, "/a/**/b", "", "/a/", NULL, "the rest is missing" },
	{ __LINE__, "/a/**/b", "", "/a", NULL, "all is missing" },
	{ __LINE__, "/a/**/b", "", "/ab", NULL, "no segment" },
	{ __LINE__, "/**/{x}/b/**", "", "/1/2/b/3/4",
	  "**=1 x=2 **=3/4 ", "captures are of the final reading" },
	{ __LINE__, "/**/{x}/b/**", "", "/b/b/", "**= x=b **= ", "shortest" },
	{ __LINE__, "/**/**", "", "/a", "**= **=a ", "two in a row" },
	{ __LINE__, "/**/**", "", "/a/b", "**= **=a/b ", "the last takes all" },
	{ __LINE__, "/**/**/b", "", "/a/b", "**= **=a ", "of a row, too" },
	{ __LINE__, "/**/a*/**/c", "", "/x/ab/y/c", "**=x **=y ", "mixed" },

	{ __LINE__, "a.b/x", "a.b", "/x", "", "a host" },
	{ __LINE__, "a.b/x", "A.B:3000", "/x", "", "any case and port" },
	{ __LINE__, "a.b/x", "a.b.", "/x", "", "a final dot" },
	{ __LINE__, "a.b/x", "c.a.b", "/x", NULL, "another host" },
	{ __LINE__, "a.b/x", "", "/x", NULL, "none" },
	{ __LINE__, "[::1]/x", "[::1]:80", "/x", "", "IPv6" },
	{ __LINE__, "*.a.b/x", "c.a.b", "/x", "", "a label" },
	{ __LINE__, "*.a.b/x", "d.C.A.b:80", "/x", "", "two labels" },
	{ __LINE__, "*.a.b/x", "a.b", "/x", NULL, "not none" },
	{ __LINE__, "*.a.b/x", ".a.b", "/x", NULL, "not an empty one" },
	{ __LINE__, "*.a.b/x", "xa.b", "/x", NULL, "a whole one" },
	{ __LINE__, "a.b/**", "a.b", "*", "**= ", "OPTIONS * of a host" },
	{ __LINE__, "a.b/**", "c.d", "*", NULL, "of another" },
	{ __LINE__, "/**", "", "*", "**= ", "OPTIONS *" },
	{ __LINE__, "/**/**", "", "*", NULL, "no path has it" },
	{ __LINE__, "/*", "", "*", NULL, "one segment is not all" },
	{ __LINE__, "/", "", "*", NULL, "nor is the root" },
	{ __LINE__, "/**", "", "", NULL, "no path" },
};

static void
join(char *text, size_t size, const struct captures *caps)
{
	size_t n = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < caps->n; i++)
		n += (size_t)snprintf(text + n, size - n, "%.*s=%.*s ",
				      SLICE_ARG(caps->name[i]),
				      SLICE_ARG(caps->value[i]));
}

static void
matches_by_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(matches); i++) {
		const struct match_row *r = &matches[i];
		struct slice host = slice_str(r->host);
		struct slice path = slice_str(r->path);
		struct pattern *p = compile(r->pattern);
		struct captures caps;
		char text[128];
		bool ok;

		path.p = exact_copy(path);
		ok = pattern_match(p, host, path, &caps);
		ROW_CHECK(r, ok == (r->captures != NULL), "%d", ok);
		ROW_CHECK(r, pattern_match(p, host, path, NULL) == ok,
			  "other without captures");
		join(text, sizeof(text), &caps);
		ROW_CHECK(r, strcmp(text, ok && r->captures ? r->captures : "")
			  == 0, "%s", text);
		pattern_free(p);
		free((void *)(uintptr_t)path.p);
	}
	rows_end();
}

/* ---- the manual's table ---- */

/* Splits "host/path"; a path alone is for no host. */
static bool
manual_matches(const struct pattern *p, const char *request)
{
	const char *path = strchr(request, '/');

	return pattern_match(p, slice_of(request, (size_t)(path - request)),
			     slice_str(path), NULL);
}

static void
the_manual_tells_the_truth(void **state)
{
	char *manual = source_file("doc/bowsprit.cfg.5"), *line, *save;
	char pattern[64], good[64], bad[64];
	struct pattern *before = NULL, *p;
	unsigned rows = 0;

	(void)state;
	line = strtok_r(strstr(manual, ".It Em Pattern"), "\n", &save);
	while ((line = strtok_r(NULL, "\n", &save)) &&
	       strncmp(line, ".It ", 4) == 0) {
		int n = sscanf(line, ".It %63s Ta %63s Ta %63s", pattern,
			       good, bad);

		assert_true(n >= 2);
		p = compile(pattern);
		if (!manual_matches(p, good))
			fail_msg("%s does not match %s", pattern, good);
		if (n == 3 && manual_matches(p, bad))
			fail_msg("%s matches %s", pattern, bad);
		if (before && pattern_compare(before, p) >= 0)
			fail_msg("%s comes before %s", pattern,
				 pattern_text(before));
		pattern_free(before);
		before = p;
		rows++;
	}
	pattern_free(before);
	free(manual);
	assert_int_equal(rows, 10);
}

/* ---- mistakes ---- */

struct mistake_row {
	int line;
	const char *text;
	const char *says; /* a part of the sentence; NULL: no mistake */
	const char *why;
};

static const struct mistake_row mistakes[] = {
	{ __LINE__, "", "\"/**\"", "empty" },
	{ __LINE__, "websock", "did you mean \"/websock\"?", "no slash" },
	{ __LINE__, "a.example.com", "did you mean \"a.example.com/**\"?",
	  "a host alone" },
	{ __LINE__, "**", "did you mean \"/**\"?", "no slash" },
	{ __LINE__, "/{id", "without \"}\"", "unclosed" },
	{ __LINE__, "/{id/x}", "without \"}\"", "closed elsewhere" },
	{ __LINE__, "/id}", "without \"{\"", "unopened" },
	{ __LINE__, "/}id{", "without \"}\"", "the wrong way round" },
	{ __LINE__, "/{}", "without a name", "no name" },
	{ __LINE__, "/{a b}", "%20", "a blank" },
	{ __LINE__, "/{a.b}", "letters", "a dot in the name" },
	{ __LINE__, "/{a}/{a}", "twice", "the same name twice" },
	{ __LINE__, "/x{a}", "whole segment", "part of a segment" },
	{ __LINE__, "/{a}x", "whole segment", "part of a segment" },
	{ __LINE__, "/{a}{b}", "whole segment", "two in one" },
	{ __LINE__, "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}", "more than 8",
	  "nine captures" },
	{ __LINE__, "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/**/x", NULL, "eight" },
	{ __LINE__, "/***", "stand alone", "three" },
	{ __LINE__, "/a**", "stand alone", "part of a segment" },
	{ __LINE__, "/**a/b", "use a single \"*\"", "part of a segment" },
	{ __LINE__, "/a?b=c", "query is never looked at", "a query" },
	{ __LINE__, "/a#b", "'#'", "a fragment" },
	{ __LINE__, "/a b", "%20", "a blank" },
	{ __LINE__, "/a\nb", "%0A", "a control" },
	{ __LINE__, "/a/../b", "dot segment", "never matched" },
	{ __LINE__, "/a/%2e", "dot segment", "never matched" },
	{ __LINE__, "a.b:80/x", "write \"a.b/x\"", "a port" },
	{ __LINE__, "a.b./x", "write \"a.b/x\"", "a final dot" },
	{ __LINE__, "a*b/x", "only \"*.\"", "a wildcard in a host" },
	{ __LINE__, "a.*.b/x", "only \"*.\"", "within it" },
	{ __LINE__, "*/x", "only \"*.\"", "alone" },
	{ __LINE__, "{h}/x", "only \"*.\"", "a capture" },
	{ __LINE__, "*./x", "valid host", "no host behind it" },
	{ __LINE__, "http://a/x", "host: \"a/x\"", "a URL" },
	{ __LINE__, "a@b/x", "valid host", "a user" },
	{ __LINE__, "/(..)photo/[id]/\xc3\xa4", NULL, "Next's segments" },
	{ __LINE__, "/*a*", NULL, "two that do not touch" },
};

static void
mistakes_by_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
		const struct mistake_row *r = &mistakes[i];
		char *error = NULL;
		struct pattern *p = pattern_compile(r->text, &error);

		ROW_CHECK(r, !p == (error != NULL), "%s", error);
		ROW_CHECK(r, !p == (r->says != NULL), "%s", error);
		if (error && r->says)
			ROW_CHECK(r, strstr(error, r->says), "%s", error);
		if (error && r->text[0])
			ROW_CHECK(r, strstr(error, r->text),
				  "the pattern is not named: %s", error);
		if (p)
			assert_string_equal(pattern_text(p), r->text);
		pattern_free(p);
		free(error);
	}
	rows_end();
}

/* ---- order ---- */

/* Each is tried before all that follow. */
static const char *const in_order[] = {
	"a.b/x", "a.b/**", "*.c.a.b/x", "*.a.b/x", "*.a.b/**",
	"/api/auth/login", "/api/x", "/a",
	"/api/auth/websock*", "/api/auth/{id}/x", "/api/auth/*",
	"/api/*bc", "/api/*b", "/api/{id}", "/api/*",
	"/bb/{id}", "/b/*x",
	"/{id}", "/*",
	"/api/auth/**", "/api/{id}/**", "/api/**/websock", "/api/**",
	"/**/novnc/websock", "/**/websock", "/**",
};

static void
the_most_specific_comes_first(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(in_order); i++) {
		for (size_t k = 0; k < ARRAY_LEN(in_order); k++) {
			struct pattern *a = compile(in_order[i]);
			struct pattern *b = compile(in_order[k]);
			int order = pattern_compare(a, b);

			if ((order < 0) != (i < k) || (order > 0) != (i > k))
				fail_msg("%s, %s: %d", in_order[i],
					 in_order[k], order);
			pattern_free(a);
			pattern_free(b);
		}
	}
}

struct equal_row {
	int line;
	const char *a, *b;
	bool equal;
	const char *why;
};

static const struct equal_row equals[] = {
	{ __LINE__, "/a/{x}/b", "/a/{y}/b", true, "names do not matter" },
	{ __LINE__, "/a/**", "/a/**", true, "the same" },
	{ __LINE__, "A.b/x", "a.B/x", true, "a host's case" },
	{ __LINE__, "/a/{x}", "/a/*", false, "* may be empty" },
	{ __LINE__, "/a/x", "/a/X", false, "a path's case matters" },
	{ __LINE__, "/a", "/a/", false, "a final slash" },
	{ __LINE__, "/a*", "/b*", false, "other text" },
	{ __LINE__, "/a/x", "h/a/x", false, "a host" },
	{ __LINE__, "*.h/a", "h/a", false, "a wildcard host" },
};

static void
equals_by_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(equals); i++) {
		const struct equal_row *r = &equals[i];
		struct pattern *a = compile(r->a), *b = compile(r->b);

		ROW_CHECK(r, pattern_equal(a, b) == r->equal, "one way");
		ROW_CHECK(r, pattern_equal(b, a) == r->equal, "the other");
		if (r->equal)
			ROW_CHECK(r, pattern_compare(a, b) == 0, "ordered");
		pattern_free(a);
		pattern_free(b);
	}
	rows_end();
}

static void
names_that_are_captured(void **state)
{
	struct pattern *p = compile("/a/{id}/**/x*");

	(void)state;
	assert_true(pattern_captures(p, SLICE("id")));
	assert_true(pattern_captures(p, SLICE("**")));
	assert_false(pattern_captures(p, SLICE("a")));
	assert_false(pattern_captures(p, SLICE("x*")));
	pattern_free(p);
}

/* ---- did you mean ---- */

struct distance_row {
	int line;
	const char *pattern, *path;
	unsigned distance;
	const char *why;
};

static const struct distance_row distances[] = {
	{ __LINE__, "/ws", "/ws", 0, "the same" },
	{ __LINE__, "/ws", "/was", 1, "one more" },
	{ __LINE__, "/ws", "/w", 1, "one less" },
	{ __LINE__, "/ws", "/wx", 1, "another" },
	{ __LINE__, "/s/{id}/ws", "/s/12345/ws", 0, "a capture is free" },
	{ __LINE__, "/s/{id}/ws", "/s/12345/wss", 1, "beside it counts" },
	{ __LINE__, "/s/{id}/ws", "/s/1/2/ws", 2, "it takes no slash" },
	{ __LINE__, "/s/{id}", "/s/1/", 1, "nor a final one" },
	{ __LINE__, "/websock*", "/websockify", 0, "* is free" },
	{ __LINE__, "/api/**", "/api/abc", 0, "a segment of ** is free" },
	{ __LINE__, "/api/**", "/api/abc/d", 2, "a further one is not" },
	{ __LINE__, "/api/**", "/api/abcdef/ghijkl", 2, "however long" },
	{ __LINE__, "/**/ws", "/ws", 0, "and it may be nothing" },
	{ __LINE__, "/api/**", "/apo/x", 1, "beside it counts" },
	{ __LINE__, "/a/bcd", "/a/x", 1003, "a segment astray" },
	{ __LINE__, "/a/*/d", "/a/x/bcde", 2003, "a wildcard's, too" },
	{ __LINE__, "/a/**", "/b/c/d/e", 4005, "all, once one is" },
	{ __LINE__, "/abc", "", 4, "an empty path" },
	{ __LINE__, "/abc", "*", 1004, "OPTIONS *" },
};

static void
distances_by_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(distances); i++) {
		const struct distance_row *r = &distances[i];
		struct pattern *p = compile(r->pattern);
		unsigned d = pattern_distance(p, slice_str(r->path));

		ROW_CHECK(r, d == r->distance, "%u", d);
		pattern_free(p);
	}
	rows_end();
}

struct nearer_row {
	int line;
	const char *path, *nearer, *other;
	const char *why;
};

#define NOVNC "/api/auth/session/{id}/novnc/websock"

static const struct nearer_row nearers[] = {
	{ __LINE__, "/api/auth/session/abc/vnc", NOVNC, "/ws/**",
	  "three segments in common" },
	{ __LINE__, "/api/auth/session/abc-123-def/websock", NOVNC, "/ws/**",
	  "one is missing" },
	{ __LINE__, "/api/auth/session", NOVNC, "/ws/**", "the end is" },
	{ __LINE__, "/api", NOVNC, "/ws", "nearly all is" },
	{ __LINE__, "/auth/session/abc/novnc/websock", NOVNC, "/ws/**",
	  "the beginning is: ** pays for what it takes" },
	{ __LINE__, "/novnc/websok", "/novnc/websock", "/ws/**", "a typo" },
	{ __LINE__, "/sw", "/ws", NOVNC, "a typo, nothing in common" },
	{ __LINE__, "/sw", "/ws", "/{tenant}/stream",
	  "a capture is not in common" },
	{ __LINE__, "/ap/auth/session/abc/novnc/websock", NOVNC, "/ap/*",
	  "a typo, though the other has more in common" },
	{ __LINE__, "/wss/a/bc/def/ghij", "/ws/**", "/api/{id}",
	  "** pays less than it costs others" },
	{ __LINE__, "/wss/a/bc/def/ghij", "/ws/**", NOVNC, "the same" },
	{ __LINE__, "/vm/7/stream", "/vm/{id}/ws", "/ws/stream",
	  "the beginning counts more than the end" },
	{ __LINE__, "/vm/7/x/log", "/vm/{id}/x/data", "/vm/{id}/yyyy/log",
	  "behind a capture, too" },
	{ __LINE__, "/web1/x/log", "/web*/x/data", "/vmware*/x/log",
	  "behind a glob that matches" },
};

static void
nearers_by_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(nearers); i++) {
		const struct nearer_row *r = &nearers[i];
		struct pattern *a = compile(r->nearer), *b = compile(r->other);
		unsigned near = pattern_distance(a, slice_str(r->path));
		unsigned far = pattern_distance(b, slice_str(r->path));

		ROW_CHECK(r, near < far, "%u, %u", near, far);
		pattern_free(a);
		pattern_free(b);
	}
	rows_end();
}

/* Where backtracking into every wildcard would take until tomorrow. */
static void
a_hostile_path_costs_little(void **state)
{
	static const char *const patterns[] = {
		"/*a*a*a*a*a*a*a*b", "/**/a/**/a/**/a/**/a/**/a/**/b",
		"/**/{x}/**/a*a*b/**/c",
	};
	static char path[65536];
	double begin = cpu_seconds();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		struct pattern *p = compile(patterns[i]);

		memset(path, 'a', sizeof(path));
		path[0] = '/';
		assert_false(pattern_match(p, SLICE_NONE,
					   slice_of(path, sizeof(path)), NULL));
		for (size_t k = 0; k < sizeof(path); k += 2)
			path[k] = '/';
		assert_false(pattern_match(p, SLICE_NONE,
					   slice_of(path, sizeof(path)), NULL));
		pattern_distance(p, slice_of(path, sizeof(path)));
		pattern_free(p);
	}
	assert_true(cpu_seconds() - begin < 2);
}

/* ---- paths ---- */

struct path_row {
	int line;
	const char *path;
	bool dots;
	const char *decoded;
	const char *why;
};

static const struct path_row paths[] = {
	{ __LINE__, "/", false, "/", "the root" },
	{ __LINE__, "/a/b", false, "/a/b", "nothing to do" },
	{ __LINE__, "/a/..", true, "/", "a final one" },
	{ __LINE__, "/a/../b", true, "/b", "in the middle" },
	{ __LINE__, "/../../b", true, "/b", "above the root" },
	{ __LINE__, "/..", true, "/", "the root's" },
	{ __LINE__, "/./a", true, "/a", "a single dot" },
	{ __LINE__, "/a/.", true, "/a/", "at the end" },
	{ __LINE__, "/a/b/../../c", true, "/c", "two" },
	{ __LINE__, "/%2e%2E/a", true, "/a", "escaped" },
	{ __LINE__, "/a/.%2e", true, "/", "half escaped" },
	{ __LINE__, "/a/%2e", true, "/a/", "one, escaped" },
	{ __LINE__, "/a\\..\\b", true, "/b", "between backslashes" },
	{ __LINE__, "/...", false, "/...", "three dots are a name" },
	{ __LINE__, "/.a/b..", false, "/.a/b..", "dots beside text" },
	{ __LINE__, "/(..)photo", false, "/(..)photo", "Next's" },
	{ __LINE__, "/%2", false, "/%2", "no escape" },
	{ __LINE__, "/%zz%", false, "/%zz%", "none either" },
	{ __LINE__, "/%41%5a", false, "/AZ", "escaped letters" },
	{ __LINE__, "/a%2fb", false, "/a/b", "an escaped slash" },
	{ __LINE__, "/a%5Cb", false, "/a/b", "an escaped backslash" },
	{ __LINE__, "/a//b///", false, "/a/b/", "slashes are merged" },
	{ __LINE__, "//a", false, "/a", "at the start" },
	{ __LINE__, "/a%2f%2fb", false, "/a/b", "escaped ones" },
	{ __LINE__, "/a%2f..%2fb", true, "/b", "between escaped slashes" },
	{ __LINE__, "/a%5C%2e%2E%5cb", true, "/b", "and backslashes" },
	{ __LINE__, "/a/b%2f..", true, "/a/", "at the end" },
	{ __LINE__, "/a/..;/b", true, "/a/..;/b", "servlets take ; off" },
	{ __LINE__, "/a/.;v=1", true, "/a/.;v=1", "with what follows it" },
	{ __LINE__, "/a;/..a;/b", false, "/a;/..a;/b", "parameters alone" },
	{ __LINE__, "/a%252e", false, "/a%2e", "decoded once" },
	{ __LINE__, "/a%00/b", false, "/a", "cut at NUL" },
	{ __LINE__, "*", false, "*", "OPTIONS *" },
	{ __LINE__, "", false, "", "empty" },
};

static void
paths_by_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		const struct path_row *r = &paths[i];
		struct slice path = slice_str(r->path);
		char *in = exact_copy(path), *out = exact_copy(path);
		size_t n;

		path.p = in;
		ROW_CHECK(r, path_has_dot_segments(path) == r->dots, "not so");
		n = path_decode(path, out);
		ROW_CHECK(r, slice_eq(slice_of(out, n), slice_str(r->decoded)),
			  "%.*s", (int)n, out);
		free(out);
		free(in);
	}
	rows_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_by_row),
		cmocka_unit_test(the_manual_tells_the_truth),
		cmocka_unit_test(mistakes_by_row),
		cmocka_unit_test(the_most_specific_comes_first),
		cmocka_unit_test(equals_by_row),
		cmocka_unit_test(names_that_are_captured),
		cmocka_unit_test(distances_by_row),
		cmocka_unit_test(nearers_by_row),
		cmocka_unit_test(a_hostile_path_costs_little),
		cmocka_unit_test(paths_by_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
