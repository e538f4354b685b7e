/* SPDX-License-Identifier: ISC */
/*
 * slice.h: text as pointer and length.
 *
 * Nothing that comes from a peer ends with a NUL, and nothing of it is copied
 * only to get one.  A slice owns nothing: it is valid as long as the bytes it
 * points to are.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct slice {
	const char *p;
	size_t n;
};

/* A slice of a string literal, its length known to the compiler. */
#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})
#define SLICE_NONE ((struct slice){NULL, 0})
/* For printf's "%.*s". */
#define SLICE_ARG(s) (int)(s).n, (s).p

static inline struct slice
slice_of(const char *p, size_t n)
{
	return (struct slice){p, n};
}

static inline struct slice
slice_str(const char *s)
{
	return (struct slice){s, s ? strlen(s) : 0};
}

static inline bool
slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Equal but for the case of ASCII letters. */
static inline bool
slice_ieq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

static inline bool
slice_starts(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n && slice_eq(slice_of(s.p, prefix.n), prefix);
}

/* Without blanks and tabs at both ends (OWS, RFC 9110 5.6.3). */
static inline struct slice
slice_trim(struct slice s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/*
 * Takes the next element of a comma separated list (RFC 9110 5.6.1) off the
 * front of *list, trimmed; empty elements are passed over.  False at the end.
 */
static inline bool
slice_next_element(struct slice *list, struct slice *element)
{
	while (list->n > 0) {
		const char *comma = memchr(list->p, ',', list->n);
		size_t n = comma ? (size_t)(comma - list->p) : list->n;

		*element = slice_trim(slice_of(list->p, n));
		list->p += comma ? n + 1 : n;
		list->n -= comma ? n + 1 : n;
		if (element->n > 0)
			return true;
	}
	return false;
}

/* Does a comma separated list name `token`, whatever its case? */
static inline bool
slice_list_has(struct slice list, struct slice token)
{
	struct slice element;

	while (slice_next_element(&list, &element))
		if (slice_ieq(element, token))
			return true;
	return false;
}

#endif
