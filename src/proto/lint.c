/* SPDX-License-Identifier: ISC */
/*
 * lint.c: the field lines of a head: whether they may pass, and their parts.
 *
 * Whatever passes here is forwarded as it is, so every liberty that some
 * parser takes and another does not is refused: those are the ways in which a
 * backend is made to see another request than we did.
 */
#include "proto/lint.h"

#include <stdlib.h>

#include "proto/chars.h"
#include "proto/fault.h"
#include "proto/field.h"

/* A browser's head has some twenty. */
#define FIRST_ROOM 32

FAULT_BOTH(bare_lf, 400, "bare-lf",
	   "a line ends in LF without CR (RFC 9112 2.2)");
FAULT_BOTH(bare_cr, 400, "bare-cr",
	   "a CR is not followed by LF (RFC 9112 2.2)");
FAULT_BOTH(nul, 400, "nul", "the head has a NUL byte (RFC 9110 5.5)");
FAULT_BOTH(control, 400, "control",
	   "the head has a control character (RFC 9110 5.5)");
FAULT_BOTH(obs_fold, 400, "obs-fold",
	   "a field line begins with a blank: line folding is obsolete "
	   "(RFC 9112 5.2)");
FAULT_BOTH(no_colon, 400, "no-colon",
	   "a field line has no colon (RFC 9112 5)");
FAULT_BOTH(empty_name, 400, "empty-name",
	   "a field line has no name before its colon (RFC 9112 5)");
FAULT_BOTH(blank_before_colon, 400, "blank-before-colon",
	   "a blank stands between a field's name and its colon "
	   "(RFC 9112 5.1)");
FAULT_BOTH(bad_name, 400, "bad-name",
	   "a field name has a character that is none of a token "
	   "(RFC 9110 5.6.2)");
FAULT_BOTH(unfinished, 400, "unfinished",
	   "the head does not end with its first empty line (RFC 9112 2.1)");
FAULT_BOTH(too_many, 431, "too-many-fields",
	   "the head has more than 1000 fields");

const struct head_fault *
lint_byte(enum head_kind kind, char c)
{
	switch (c) {
	case '\n':
		return &bare_lf[kind];
	case '\r':
		return &bare_cr[kind];
	case '\0':
		return &nul[kind];
	default:
		return &control[kind];
	}
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_crlf(const char *p, const char *end)
{
	return end - p >= 2 && p[0] == '\r' && p[1] == '\n';
}

/* Why there is no colon at p, which is where the name ended. */
static const struct head_fault *
name_fault(enum head_kind kind, const char *p, const char *end)
{
	const char *after = p;

	if (p == end)
		return &unfinished[kind];
	if (is_crlf(p, end))
		return &no_colon[kind];
	while (after < end && is_blank(*after))
		after++;
	if (after > p)
		return after < end && *after == ':' ? &blank_before_colon[kind]
						    : &bad_name[kind];
	return char_is(*p, CHAR_VALUE) ? &bad_name[kind] : lint_byte(kind, *p);
}

/* The room is not kept: it is FIRST_ROOM times a power of two. */
static bool
make_room(struct head *h)
{
	uint32_t n = h->nfields;
	struct head_field *grown;

	if (n > 0 && (n < FIRST_ROOM || (n & (n - 1)) != 0))
		return true;
	grown = realloc(h->fields, (n ? 2 * n : FIRST_ROOM) * sizeof(*grown));
	if (!grown)
		return false;
	h->fields = grown;
	return true;
}

/* The line from p to its CR, with the colon that divides it. */
static const struct head_fault *
add_field(struct head *h, const char *p, const char *colon, const char *cr)
{
	struct slice name = slice_of(p, (size_t)(colon - p));
	struct slice value = slice_of(colon + 1, (size_t)(cr - colon - 1));
	struct head_field *f;

	if (h->nfields == LINT_FIELDS_MAX)
		return &too_many[h->kind];
	if (!make_room(h))
		return &head_no_memory;
	value = slice_trim(value);
	f = &h->fields[h->nfields++];
	f->at = (uint32_t)(p - h->base);
	f->name_len = (uint32_t)name.n;
	f->value = (uint32_t)(value.p - h->base);
	f->value_len = (uint32_t)value.n;
	f->end = (uint32_t)(cr - h->base) + 2;
	f->id = field_id_of(name);
	if (h->first[f->id] == 0)
		h->first[f->id] = h->nfields;
	return NULL;
}

/* Reads the line at *p and moves *p behind it. */
static const struct head_fault *
read_line(struct head *h, const char **p, const char *end)
{
	const char *colon = chars_skip(*p, end, CHAR_TOKEN), *cr;
	const struct head_fault *fault;

	if (is_blank(**p))
		return &obs_fold[h->kind];
	if (is_crlf(*p, end))
		return &unfinished[h->kind];
	if (colon == end || *colon != ':')
		return name_fault(h->kind, colon, end);
	if (colon == *p)
		return &empty_name[h->kind];

	cr = chars_skip(colon, end, CHAR_VALUE);
	if (cr == end)
		return &unfinished[h->kind];
	if (!is_crlf(cr, end))
		return lint_byte(h->kind, *cr);
	fault = add_field(h, *p, colon, cr);
	*p = cr + 2;
	return fault;
}

const struct head_fault *
lint_fields(struct head *h)
{
	const char *p = h->base + h->line_end, *end = h->base + h->len;
	const struct head_fault *fault;

	while (end - p > 2)
		if ((fault = read_line(h, &p, end)))
			return fault;
	return is_crlf(p, end) ? NULL : &unfinished[h->kind];
}
