/* SPDX-License-Identifier: ISC */
/*
 * splice.c: edits of a head at offsets.
 */
#include "proto/splice.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_ROOM 16

void
splice_init(struct splice *s)
{
	memset(s, 0, sizeof(*s));
}

void
splice_fini(struct splice *s)
{
	free(s->edits);
	buf_free(&s->texts);
	splice_init(s);
}

static bool
make_room(struct splice *s)
{
	uint32_t room = s->room ? 2 * s->room : FIRST_ROOM;
	struct splice_edit *edits;

	if (s->nedits < s->room)
		return true;
	edits = realloc(s->edits, room * sizeof(*edits));
	if (!edits)
		return false;
	s->edits = edits;
	s->room = room;
	return true;
}

/* At the same place, what is inserted comes before what is replaced. */
static bool
goes_before(const struct splice_edit *a, const struct splice_edit *b)
{
	if (a->at != b->at)
		return a->at < b->at;
	return a->skip == 0 && b->skip > 0;
}

void
splice_replace(struct splice *s, uint32_t at, uint32_t skip, struct slice text)
{
	struct splice_edit new = { at, skip, (uint32_t)buf_len(s->texts),
				   (uint32_t)text.n };
	uint32_t i;

	if (!make_room(s) || !buf_add(&s->texts, text.p, text.n)) {
		s->failed = true;
		return;
	}
	/* Edits mostly come in order, so that this seldom moves any. */
	for (i = s->nedits++; i > 0 && goes_before(&new, &s->edits[i - 1]); i--)
		s->edits[i] = s->edits[i - 1];
	s->edits[i] = new;
}

void
splice_insert(struct splice *s, uint32_t at, struct slice text)
{
	splice_replace(s, at, 0, text);
}

void
splice_insertf(struct splice *s, uint32_t at, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		s->failed = true;
		return;
	}
	splice_insert(s, at, slice_of(text, (size_t)n));
	free(text);
}

void
splice_drop(struct splice *s, uint32_t at, uint32_t skip)
{
	splice_replace(s, at, skip, SLICE_NONE);
}

/* Adds to out, where there is room already. */
static void
put(struct buf **out, const char *p, size_t n)
{
	bool ok = buf_add(out, p, n);

	assert(ok);
	(void)ok;
}

bool
splice_render(struct splice *s, const char *p, size_t n, struct buf **out)
{
	size_t at = 0;

	if (s->failed || !buf_reserve(out, n + buf_len(s->texts)))
		return false;
	for (uint32_t i = 0; i < s->nedits; i++) {
		const struct splice_edit *e = &s->edits[i];
		size_t end = (size_t)e->at + e->skip;

		assert(end <= n);
		/* Dropping twice is dropping once. */
		if (e->at > at)
			put(out, p + at, e->at - at);
		if (e->text_len > 0)
			put(out, buf_data(s->texts) + e->text, e->text_len);
		if (end > at)
			at = end;
	}
	put(out, p + at, n - at);
	return true;
}
