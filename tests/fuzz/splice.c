/* SPDX-License-Identifier: ISC */
/*
 * splice.c: proto/splice against a simpler way of saying the same.
 *
 * Input: how many edits, then for each where, how many bytes it takes out and
 * how many it puts in, and those; what is left is the text that is edited.
 */
#include "fuzz.h"

#include "proto/splice.h"

#define EDITS 40

struct edit {
	uint8_t at, skip, len;
	const char *text;
};

struct script {
	struct edit edits[EDITS];
	size_t nedits;
	struct slice text;
};

static void
read_script(struct script *s, struct slice in)
{
	size_t n = fuzz_byte(&in) % EDITS;

	s->nedits = 0;
	while (s->nedits < n && in.n > 3) {
		struct edit *e = &s->edits[s->nedits++];

		e->at = fuzz_byte(&in);
		e->skip = fuzz_byte(&in);
		e->len = fuzz_byte(&in);
		if (e->len > in.n)
			e->len = (uint8_t)in.n;
		e->text = in.p;
		in.p += e->len;
		in.n -= e->len;
	}
	s->text = in;
	/* An edit lies within its text; asking for another is our mistake. */
	for (size_t i = 0; i < s->nedits; i++) {
		struct edit *e = &s->edits[i];

		if (e->at > in.n)
			e->at = (uint8_t)in.n;
		if (e->skip > in.n - e->at)
			e->skip = (uint8_t)(in.n - e->at);
	}
}

static void
put_edits_at(const struct script *s, size_t at, bool insertions,
	     struct buf **out)
{
	for (size_t i = 0; i < s->nedits; i++) {
		const struct edit *e = &s->edits[i];

		if (e->at == at && (e->skip == 0) == insertions)
			MUST(buf_add(out, e->text, e->len));
	}
}

static bool
is_taken_out(const struct script *s, size_t at)
{
	for (size_t i = 0; i < s->nedits; i++)
		if (at >= s->edits[i].at &&
		    at - s->edits[i].at < s->edits[i].skip)
			return true;
	return false;
}

/* Byte by byte: what is inserted there, what replaces, what stays. */
static void
render_simply(const struct script *s, struct buf **out)
{
	for (size_t at = 0; at <= s->text.n; at++) {
		put_edits_at(s, at, true, out);
		put_edits_at(s, at, false, out);
		if (at < s->text.n && !is_taken_out(s, at))
			MUST(buf_add(out, s->text.p + at, 1));
	}
}

static void
ask(const struct edit *e, struct splice *s)
{
	struct slice text = slice_of(e->text, e->len);

	if (e->len == 0 && e->skip > 0)
		splice_drop(s, e->at, e->skip);
	else if (e->skip == 0)
		splice_insert(s, e->at, text);
	else
		splice_replace(s, e->at, e->skip, text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct script script;
	struct buf *out = NULL, *again = NULL, *simple = NULL;
	struct splice s;
	char *text;

	read_script(&script, slice_of((const char *)data, size));
	text = fuzz_copy(script.text);
	splice_init(&s);
	for (size_t i = 0; i < script.nedits; i++)
		ask(&script.edits[i], &s);
	MUST(buf_add(&again, "before", 6));
	MUST(splice_render(&s, text, script.text.n, &out));
	MUST(splice_render(&s, text, script.text.n, &again));
	render_simply(&script, &simple);
	MUST(slice_eq(buf_slice(out), buf_slice(simple)));
	MUST(slice_starts(buf_slice(again), SLICE("before")));
	buf_take(&again, 6);
	MUST(slice_eq(buf_slice(out), buf_slice(again)));
	splice_fini(&s);
	buf_free(&out);
	buf_free(&again);
	buf_free(&simple);
	free(text);
	return 0;
}
