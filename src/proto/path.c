/* SPDX-License-Identifier: ISC */
/*
 * path.c: what a lenient reader would make of a request's path.
 *
 * Paths are forwarded and matched as they came.  These two find those which
 * somebody behind us may take for another path.
 */
#include <stdint.h>

#include "proto/chars.h"
#include "proto/pattern.h"

/* A backslash is a slash to whoever reads targets as browsers read URLs. */
static bool
is_slash(char c)
{
	return c == '/' || c == '\\';
}

/* Takes "." or "%2e" off the front. */
static bool
take_dot(struct slice *s)
{
	size_t n = 0;

	if (s->n >= 1 && s->p[0] == '.')
		n = 1;
	else if (s->n >= 3 && slice_ieq(slice_of(s->p, 3), SLICE("%2e")))
		n = 3;
	s->p += n;
	s->n -= n;
	return n > 0;
}

/* The byte at p[*i], or the one that "%41" there stands for; moves *i on. */
static char
decode_next(struct slice path, size_t *i)
{
	const char *p = path.p + *i;
	int high, low;

	++*i;
	if (*p != '%' || path.n - *i < 2)
		return *p;
	high = char_hex(p[1]);
	low = char_hex(p[2]);
	if (high < 0 || low < 0)
		return *p;
	*i += 2;
	return (char)(uint8_t)(high << 4 | low);
}

/*
 * "." or "..", also with parameters: "..;a" is ".." to servlet containers,
 * which take ";a" off first.
 */
static bool
is_dots(struct slice segment)
{
	if (!take_dot(&segment))
		return false;
	take_dot(&segment);
	return segment.n == 0 || segment.p[0] == ';';
}

/* Also between encoded slashes: servers may decode before they resolve. */
bool
path_has_dot_segments(struct slice path)
{
	size_t begin = 0, end, i = 0;

	while (i < path.n) {
		end = i;
		if (!is_slash(decode_next(path, &i)))
			continue;
		if (is_dots(slice_of(path.p + begin, end - begin)))
			return true;
		begin = i;
	}
	return is_dots(slice_of(path.p + begin, path.n - begin));
}

/* Takes the last segment off out[0..n), which ends in a slash: "/a/b/". */
static size_t
take_segment(const char *out, size_t n)
{
	if (n > 1)
		n--;
	while (n > 0 && out[n - 1] != '/')
		n--;
	return n;
}

/* Resolves a dot segment that begins at out[begin] (RFC 3986 5.2.4). */
static size_t
resolve(const char *out, size_t begin, size_t n)
{
	struct slice segment = slice_of(out + begin, n - begin);

	if (slice_eq(segment, SLICE(".")))
		return begin;
	if (slice_eq(segment, SLICE("..")))
		return take_segment(out, begin);
	return n;
}

size_t
path_decode(struct slice path, char *out)
{
	size_t n = 0, begin = 0;
	char c;

	for (size_t i = 0; i < path.n;) {
		c = decode_next(path, &i);
		if (c == '\0')
			break;
		if (!is_slash(c)) {
			out[n++] = c;
			continue;
		}
		n = resolve(out, begin, n);
		if (n == 0 || out[n - 1] != '/')
			out[n++] = '/';
		begin = n;
	}
	return resolve(out, begin, n);
}
