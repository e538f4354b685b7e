/* SPDX-License-Identifier: ISC */
/*
 * splice.c: edits of a head at offsets.
 */
#include "proto/splice.h"

#include <assert.h>
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

/* Puts `new` where it belongs; its text is the end of `texts`, from new.text. */
static void
add(struct splice *s, struct splice_edit new)
{
	uint32_t i;

	if (s->failed || !make_room(s)) {
		s->failed = true;
		return;
	}
	new.text_len = (uint32_t)buf_len(s->texts) - new.text;
	/* Edits mostly come in order, so that this seldom moves any. */
	for (i = s->nedits++; i > 0 && goes_before(&new, &s->edits[i - 1]); i--)
		s->edits[i] = s->edits[i - 1];
	s->edits[i] = new;
}

static void
add_text(struct splice *s, struct slice text)
{
	if (!buf_add(&s->texts, text.p, text.n))
		s->failed = true;
}

void
splice_replace(struct splice *s, uint32_t at, uint32_t skip, struct slice text)
{
	uint32_t begin = (uint32_t)buf_len(s->texts);

	add_text(s, text);
	add(s, (struct splice_edit){ .at = at, .skip = skip, .text = begin });
}

void
splice_insert(struct splice *s, uint32_t at, struct slice text)
{
	splice_replace(s, at, 0, text);
}

void
splice_insert_field(struct splice *s, uint32_t at, struct slice name,
		    struct slice value)
{
	uint32_t begin = (uint32_t)buf_len(s->texts);

	add_text(s, name);
	add_text(s, SLICE(": "));
	add_text(s, value);
	add_text(s, SLICE("\r\n"));
	add(s, (struct splice_edit){ .at = at, .text = begin });
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
