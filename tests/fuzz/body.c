/* SPDX-License-Identifier: ISC */
/*
 * body.c: proto/body, fed with anything.
 *
 * Input: one byte for the kind of body and whether chunks are stripped, one
 * for the size of the pieces, one for a length; then the bytes of a body and
 * of what follows it.
 */
#include "fuzz.h"

#include "proto/body.h"
#include "strict.h"

/* What came of feeding all of the bytes. */
struct outcome {
	struct body b;
	size_t used;
	char *passed;
	size_t npassed;
};

static void
feed(struct outcome *o, struct slice bytes, size_t piece)
{
	o->used = o->npassed = 0;
	o->passed = malloc(bytes.n + 1);
	MUST(o->passed);
	while (o->used < bytes.n) {
		size_t left = bytes.n - o->used;
		size_t n = left < piece ? left : piece;
		char *p = fuzz_copy(slice_of(bytes.p + o->used, n));
		size_t pass, used = body_feed(&o->b, p, n, &pass);

		MUST(used <= n && pass <= used);
		memcpy(o->passed + o->npassed, p, pass);
		o->npassed += pass;
		o->used += used;
		free(p);
		if (used < n) {
			MUST(o->b.done || o->b.bad);
			break;
		}
	}
	MUST(!(o->b.done && o->b.bad));
}

/* However it comes in pieces, it is the same body. */
static void
check_same(const struct outcome *whole, const struct outcome *pieces)
{
	const struct body *a = &whole->b, *b = &pieces->b;

	MUST(a->done == b->done && a->bad == b->bad && a->total == b->total);
	/* A piece may have gone before the next one turned out to be bad. */
	MUST(whole->npassed <= pieces->npassed);
	MUST(a->bad || whole->npassed == pieces->npassed);
	MUST(a->bad || whole->used == pieces->used);
	MUST(memcmp(whole->passed, pieces->passed, whole->npassed) == 0);
}

static bool
is_limit(const char *bad)
{
	return strstr(bad, "too l") != NULL;
}

/* The other reader finds the same end. */
static void
check_meaning(const struct outcome *o, enum strict_framing framing,
	      uint64_t length, struct slice bytes)
{
	uint64_t payload;
	size_t len;
	enum strict found = strict_body(framing, length, bytes, &len,
					&payload);

	if (o->b.bad && is_limit(o->b.bad))
		return;
	MUST(o->b.done == (found == STRICT_WHOLE));
	MUST((o->b.bad != NULL) == (found == STRICT_BAD));
	/* Of a bad line nothing goes on. */
	if (o->b.bad && !o->b.strip)
		MUST(o->npassed <= len);
	if (o->b.bad)
		return;
	MUST(o->used == len && o->b.total == payload);
	MUST(o->npassed == (o->b.strip ? payload : len));
	if (!o->b.strip)
		MUST(memcmp(o->passed, bytes.p, len) == 0);
}

static void
init(struct body *b, enum body_kind kind, bool strip, uint64_t length)
{
	const struct head h = { .kind = HEAD_RESPONSE, .status = 200,
				.framing = kind, .content_length = length };

	body_of_response(b, &h, SLICE("GET"));
	b->strip = strip;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum strict_framing framings[] = {
		[BODY_NONE] = FRAMED_NONE, [BODY_LENGTH] = FRAMED_LENGTH,
		[BODY_CHUNKED] = FRAMED_CHUNKED,
		[BODY_UNTIL_CLOSE] = FRAMED_CLOSE,
	};
	struct slice in = slice_of((const char *)data, size);
	uint8_t first = fuzz_byte(&in);
	enum body_kind kind = first & 3;
	size_t piece = 1 + (size_t)fuzz_byte(&in);
	uint64_t length = fuzz_byte(&in);
	struct outcome whole, pieces;
	bool done;

	init(&whole.b, kind, first & 4, length);
	init(&pieces.b, kind, first & 4, length);
	feed(&whole, in, SIZE_MAX);
	feed(&pieces, in, piece);
	check_same(&whole, &pieces);
	check_meaning(&whole, framings[kind], length, in);
	done = whole.b.done;
	MUST(body_eof(&whole.b) == (done || kind == BODY_UNTIL_CLOSE));
	free(whole.passed);
	free(pieces.passed);
	return 0;
}
