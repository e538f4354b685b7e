/* SPDX-License-Identifier: ISC */
/*
 * pattern.h: path patterns, and the normal form of a request's path.
 *
 *   /exact            that path only
 *   /a/{id}/b         a whole segment, captured by name
 *   /a/websock*       any characters within a segment
 *   /a/xx  /a/xx/…    with ** instead: any number of segments, or nothing
 *   host/path         only for requests to that host (a leading "*." takes
 *                     the place of one or more labels)
 */
#ifndef PROTO_PATTERN_H
#define PROTO_PATTERN_H

#include <stdbool.h>

#include "base/attrib.h"
#include "base/slice.h"

struct pattern; /* compiled, immutable */

#define PATTERN_CAPTURES 8

/* What wildcards stood for, in the order of the pattern; undecoded. */
struct captures {
	unsigned n;
	struct slice name[PATTERN_CAPTURES];  /* "**" for that one */
	struct slice value[PATTERN_CAPTURES];
};

/*
 * Compiles `text`.  On a mistake NULL, and *error is a sentence to free.
 * Else free with pattern_free.
 */
struct pattern *pattern_compile(const char *text, char **error) WUNRES
	NONNULL(1, 2);
void pattern_free(struct pattern *p);
const char *pattern_text(const struct pattern *p);

/*
 * Does a request to `host` (may be empty; a port in it is ignored) with
 * `path` match?  Captures point into `path`; caps may be NULL.  The path "*"
 * means the server as a whole (RFC 9110 9.3.7): only a "**" alone takes it.
 */
bool pattern_match(const struct pattern *p, struct slice host,
		   struct slice path, struct captures *caps);

/*
 * Order by specificity: < 0 if a is tried before b, 0 if neither is more
 * specific.  With a host before without; exact before {name} and * before
 * **; the longer literal prefix first.
 */
int pattern_compare(const struct pattern *a, const struct pattern *b);
/* Do the two match the very same requests (equal but for capture names)? */
bool pattern_equal(const struct pattern *a, const struct pattern *b);

/*
 * How near a path is to a pattern, for "did you mean".  Lower is nearer: a
 * path with a typing mistake or two comes first, then the one that shares
 * more leading segments with the pattern, then that of fewer edits.
 */
unsigned pattern_distance(const struct pattern *p, struct slice path);

/* Does it have the capture {name}, or "**"? */
bool pattern_captures(const struct pattern *p, struct slice name);

/*
 * Does a path have what may be read as dot segments (RFC 3986 5.2.4): also
 * written %2e, between %2f, or with parameters ("..;a")?
 */
bool path_has_dot_segments(struct slice path);
/*
 * The path as a lenient reader may see it: percent-decoded once, "//" as "/",
 * backslashes as slashes, cut at NUL, dot segments that come to light so
 * resolved.  Writes at most path.n bytes to out and returns how
 * many.  A path that routes differently so is refused.
 */
size_t path_decode(struct slice path, char *out);

#endif
