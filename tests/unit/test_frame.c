/* SPDX-License-Identifier: ISC */
/*
 * test_frame.c: a passive watcher of WebSocket frames.
 */
#include "row.h"

#include "proto/frame.h"

#define SERVER false
#define CLIENT true
#define MASK "\x01\x02\x03\x04"

struct frame_row {
	int line;
	bool masked;
	struct slice in;
	uint32_t messages;
	unsigned code;
	const char *state; /* of letters: b at a boundary, m between messages,
			    * c closed, l lost */
	const char *why;
};

#define BYTES(literal) { (literal), sizeof(literal) - 1 }
#define ROW(side, in, messages, code, state, why) \
	{ __LINE__, side, BYTES(in), messages, code, state, why }

static const struct frame_row rows[] = {
	ROW(SERVER, "", 0, 0, "bm", "nothing yet"),
	/* RFC 6455 5.7's own examples. */
	ROW(SERVER, "\x81\x05Hello", 1, 0, "bm", "a text message"),
	ROW(CLIENT, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 1, 0, "bm",
	    "a masked one"),
	ROW(SERVER, "\x01\x03Hel", 1, 0, "b", "the first of two fragments"),
	ROW(SERVER, "\x01\x03Hel\x80\x02lo", 1, 0, "bm", "both"),
	ROW(SERVER, "\x89\x05Hello", 0, 0, "bm", "a ping is no message"),
	ROW(CLIENT, "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 0, 0, "bm",
	    "nor is a pong"),

	ROW(SERVER, "\x82", 0, 0, "", "one byte of a header"),
	ROW(SERVER, "\x82\x05" "Hell", 1, 0, "", "one byte of payload missing"),
	ROW(CLIENT, "\x82\x85" "\x01\x02\x03", 0, 0, "", "in the mask"),
	ROW(SERVER, "\x82\x00\x82\x00\x81\x00", 3, 0, "bm", "empty messages"),
	ROW(CLIENT, "\x82\x80" MASK "\x82\x80" MASK, 2, 0, "bm", "masked"),
	ROW(SERVER, "\x82\x7e\x00\x04" "abcd\x82\x01x", 2, 0, "bm",
	    "a 16-bit length"),
	ROW(SERVER, "\x82\x7f\0\0\0\0\0\0\0\x04" "abcd\x82\x01x", 2, 0, "bm",
	    "a 64-bit length"),
	ROW(CLIENT, "\x82\xff\0\0\0\0\0\0\0\x01" MASK "x\x81\x80" MASK, 2, 0,
	    "bm", "the longest header"),
	ROW(SERVER, "\xc2\x02xy", 1, 0, "bm", "RSV1: permessage-deflate"),
	ROW(SERVER, "\x01\x01x\x89\x00\x80\x01y", 1, 0, "bm",
	    "a ping between two fragments"),
	ROW(SERVER, "\x01\x01x\x89\x00", 1, 0, "b",
	    "a boundary, but the message is open"),
	ROW(SERVER, "\x01\x00\x00\x00\x00\x00\x80\x00", 1, 0, "bm",
	    "empty fragments"),

	ROW(SERVER, "\x88\x02\x03\xe8", 0, 1000, "bmc", "Close 1000"),
	ROW(SERVER, "\x88\x05\x03\xe9" "bye", 0, 1001, "bmc", "with a reason"),
	ROW(CLIENT, "\x88\x82" MASK "\x02\xea", 0, 1000, "bmc", "masked"),
	ROW(SERVER, "\x88\x00", 0, 1005, "bmc", "Close without a code"),
	ROW(CLIENT, "\x88\x80" MASK, 0, 1005, "bmc", "masked"),
	ROW(SERVER, "\x88\x02\x03\xe8\x88\x02\x03\xe9", 0, 1000, "bmc",
	    "the first one counts, should there be two"),
	ROW(SERVER, "\x88\x00\x88\x02\x03\xe9", 0, 1005, "bmc",
	    "also if it says nothing"),
	ROW(SERVER, "\x88\x02\x03", 0, 0, "", "half of a code"),
	ROW(SERVER, "\x88\x05\x03\xe9" "by", 0, 0, "",
	    "the reason is not whole"),
	ROW(SERVER, "\x01\x01x\x88\x02\x03\xe8", 1, 1000, "bc",
	    "within a message"),

	ROW(SERVER, "\x83\x00", 0, 0, "l", "a reserved data opcode"),
	ROW(SERVER, "\x8b\x00", 0, 0, "l", "a reserved control opcode"),
	ROW(CLIENT, "\x81\x00", 0, 0, "l", "5.1: a client must mask"),
	ROW(SERVER, "\x81\x80", 0, 0, "l", "5.1: a server must not"),
	ROW(SERVER, "\x09\x00", 0, 0, "l", "5.5: a fragmented ping"),
	ROW(SERVER, "\x89\x7e", 0, 0, "l", "5.5: a ping of over 125 bytes"),
	ROW(SERVER, "\x89\x7d", 0, 0, "", "125 may be"),
	ROW(SERVER, "\x88\x01", 0, 0, "l", "5.5.1: half a code and no more"),
	ROW(SERVER, "\x80\x00", 0, 0, "l", "5.4: continues nothing"),
	ROW(SERVER, "\x01\x00\x81\x00", 1, 0, "l",
	    "5.4: a message within a message"),
	ROW(SERVER, "\x01\x01x\x81\x02yz", 1, 0, "l", "not an empty one"),
	ROW(SERVER, "\x82\x7f\x80\0\0\0\0\0\0\0", 0, 0, "l", "2^63 bytes"),
	ROW(SERVER, "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 1, 0, "",
	    "2^63 - 1 are legal"),
	ROW(SERVER, "\x82\x00HTTP/1.1 400 no frames at all\r\n", 1, 0, "l",
	    "no frames any more"),
	ROW(SERVER, "\x83\x00\x88\x02\x03\xe8", 0, 0, "l",
	    "once lost, always lost"),
};

static bool
has(const struct frame_row *r, char letter)
{
	return strchr(r->state, letter) != NULL;
}

/* It sees them in a first piece and others of one size. */
static void
watch_pieces(struct frame_watch *w, struct slice in, bool masked, size_t first,
	     size_t piece)
{
	char *p = exact_copy(in);
	size_t n = first;

	frame_watch_init(w, masked);
	for (size_t at = 0; at < in.n; at += n, n = piece) {
		if (n > in.n - at)
			n = in.n - at;
		frame_watch(w, p + at, n, 0);
	}
	free(p);
}

static void
check_row(const struct frame_row *r, size_t first, size_t piece)
{
	struct frame_watch w;

	watch_pieces(&w, r->in, r->masked, first, piece);
	ROW_CHECK(r, w.texts + w.binaries == r->messages,
		  "%u texts, %u binaries, %zu, %zu", w.texts, w.binaries,
		  first, piece);
	ROW_CHECK(r, frame_close_code(&w) == r->code, "%u, %zu, %zu",
		  frame_close_code(&w), first, piece);
	ROW_CHECK(r, w.lost == has(r, 'l'), "%zu, %zu", first, piece);
	ROW_CHECK(r, w.closed == has(r, 'c'), "%zu, %zu", first, piece);
	ROW_CHECK(r, frame_at_boundary(&w) == has(r, 'b'), "%zu, %zu", first,
		  piece);
	ROW_CHECK(r, frame_at_message_boundary(&w) == has(r, 'm'),
		  "%zu, %zu", first, piece);
	frame_watch_fini(&w);
}

/* At every split in two, and in pieces of every size. */
static void
frames_by_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		check_row(&rows[i], 1, 1);
		for (size_t n = 1; n <= rows[i].in.n; n++) {
			check_row(&rows[i], n, 256);
			check_row(&rows[i], n, n);
		}
	}
	rows_end();
}

/* ---- what the log tells of ---- */

struct count_row {
	int line;
	bool masked;
	struct slice in;
	unsigned texts, binaries, pings, pongs;
	uint64_t largest;
	const char *reason; /* of the Close */
	const char *why;
};

#define COUNT(side, in, texts, binaries, pings, pongs, largest, reason, why) \
	{ __LINE__, side, BYTES(in), texts, binaries, pings, pongs, largest, \
	  reason, why }

static const struct count_row count_rows[] = {
	COUNT(SERVER, "\x81\x02" "ab\x82\x03" "abc\x81\x01" "a", 2, 1, 0, 0, 3,
	      "", "by their first frames' opcodes"),
	COUNT(CLIENT, "\x81\x80" MASK "\x82\x81" MASK "a", 1, 1, 0, 0, 1, "",
	      "masked"),
	COUNT(SERVER, "\x01\x02" "ab\x00\x01" "c\x80\x02" "de\x82\x04" "abcd",
	      1, 1, 0, 0, 5, "", "all frames of a message are one"),
	COUNT(SERVER, "\x82\x04" "abcd\x02\x02" "ab\x80\x01" "c", 0, 2, 0, 0, 4,
	      "", "the largest was an earlier one"),
	COUNT(SERVER, "\x82\x7e\x00\x03" "abc\x82\x7f\0\0\0\0\0\0\0\x02"
	      "ab", 0, 2, 0, 0, 3, "", "long lengths"),
	COUNT(SERVER, "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff" "ab", 0, 1,
	      0, 0, INT64_MAX, "", "as it was announced"),
	COUNT(SERVER, "\xc1\x02xy", 1, 0, 0, 0, 2, "", "compressed"),
	COUNT(SERVER, "\x89\x00\x89\x02" "ab\x8a\x01" "a", 0, 0, 2, 1, 0, "",
	      "no messages"),
	COUNT(SERVER, "\x01\x01" "a\x89\x05" "abcde\x80\x01" "b", 1, 0, 1, 0, 2,
	      "", "a ping within a message is none of it"),
	COUNT(SERVER, "\x89\x02" "a", 0, 0, 0, 0, 0, "", "a ping not yet whole"),
	COUNT(CLIENT, "\x8a\x80" MASK, 0, 0, 0, 1, 0, "", "an empty pong"),
	COUNT(SERVER, "\x82\x01" "a\x83\x09", 0, 1, 0, 0, 1, "", "lost"),

	COUNT(SERVER, "\x88\x05\x03\xe9" "bye", 0, 0, 0, 0, 0, "bye",
	      "the reason of a Close"),
	COUNT(CLIENT, "\x88\x86" MASK "\x02\xeb" "a}d#", 0, 0, 0, 0, 0, "bye!",
	      "masked"),
	COUNT(SERVER, "\x88\x02\x03\xe9", 0, 0, 0, 0, 0, "", "none"),
	COUNT(SERVER, "\x88\x00", 0, 0, 0, 0, 0, "", "not even a code"),
	COUNT(SERVER, "\x88\x05\x03\xe9" "by", 0, 0, 0, 0, 0, "", "in part"),
	COUNT(SERVER, "\x88\x03\x03\xe8" "a\x8a\x01x\x88\x03\x03\xe8" "b", 0,
	      0, 0, 1, 0, "a", "of the first one"),
	COUNT(SERVER, "\x88\x00\x88\x03\x03\xe8" "b", 0, 0, 0, 0, 0, "",
	      "also if it had none"),
};

static void
check_count(const struct count_row *r, size_t first, size_t piece)
{
	struct frame_watch w;

	watch_pieces(&w, r->in, r->masked, first, piece);
	ROW_CHECK(r, w.texts == r->texts && w.binaries == r->binaries,
		  "%u texts, %u binaries, %zu, %zu", w.texts, w.binaries,
		  first, piece);
	ROW_CHECK(r, w.pings == r->pings && w.pongs == r->pongs,
		  "%u pings, %u pongs, %zu, %zu", w.pings, w.pongs, first,
		  piece);
	ROW_CHECK(r, w.largest == r->largest, "%llu, %zu, %zu",
		  (unsigned long long)w.largest, first, piece);
	ROW_CHECK(r, slice_eq(frame_close_reason(&w), slice_str(r->reason)),
		  "'%.*s', %zu, %zu", SLICE_ARG(frame_close_reason(&w)), first,
		  piece);
	frame_watch_fini(&w);
}

static void
counts_by_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(count_rows); i++)
		for (size_t n = 1; n <= count_rows[i].in.n; n++) {
			check_count(&count_rows[i], n, 256);
			check_count(&count_rows[i], n, n);
		}
	rows_end();
}

/* All 123 bytes of it, and any bytes. */
static void
the_longest_reason(void **state)
{
	uint8_t in[6 + 125] = { 0x88, 0x80 | 125, 0x21, 0x43, 0x65, 0x87 };
	struct frame_watch w;
	struct slice reason;

	(void)state;
	for (unsigned i = 0; i < 125; i++)
		in[6 + i] = (uint8_t)(i * 3 + 5) ^ in[2 + i % 4];
	frame_watch_init(&w, CLIENT);
	for (size_t i = 0; i < sizeof(in); i++)
		frame_watch(&w, in + i, 1, 0);
	assert_int_equal(frame_close_code(&w), 5 << 8 | 8);
	reason = frame_close_reason(&w);
	assert_int_equal(reason.n, 123);
	for (unsigned i = 0; i < 123; i++)
		assert_int_equal((uint8_t)reason.p[i],
				 (uint8_t)((i + 2) * 3 + 5));
	frame_watch_fini(&w);
}

/* ---- limits ---- */

struct limit_row {
	int line;
	struct slice in;
	uint64_t max;
	const char *over; /* where the frame begins that is too much, or NULL */
	bool whole;       /* what came before it, if all comes in one piece */
	const char *why;
};

#define LIMIT(in, max, rest, why) \
	{ __LINE__, BYTES(in), max, rest, true, why }

static const struct limit_row limit_rows[] = {
	LIMIT("\x82\x05" "Hello", 5, NULL, "as long as it may be"),
	LIMIT("\x82\x05" "Hello", 4, "\x82\x05" "Hello", "a byte more"),
	LIMIT("\x82\x01x\x82\x02", 1, "\x82\x02", "the second"),
	LIMIT("\x01\x02" "ab\x80\x02" "cd", 4, NULL, "in fragments"),
	LIMIT("\x01\x02" "ab\x80\x03" "cde", 4, "\x80\x03" "cde",
	      "all of them count"),
	LIMIT("\x01\x02" "ab\x89\x04pong\x80\x02" "cd", 4, NULL,
	      "but not a ping between them"),
	LIMIT("\x82\x04" "abcd\x01\x02" "ab\x80\x02" "cd", 4, NULL,
	      "each message anew"),
	LIMIT("\x88\x7d", 4, NULL, "a control frame is no message"),
	LIMIT("\x82\x00\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 4,
	      "\x82\x7f\x7f", "2^63 - 1"),
	LIMIT("\x01\x04" "abcd\x80\x7f\x7f\xff\xff\xff\xff\xff\xff\xff",
	      4, "\x80\x7f", "the sum does not wrap"),
	LIMIT("\x82\x00\x83\x00", 4, "\x83", "lost"),
	LIMIT("\x82\x00\x89\x7e", 4, "\x89", "lost, a control frame"),
};

/* How many bytes it says may pass, which come in two pieces. */
static size_t
passed(const struct limit_row *r, size_t first, bool *whole)
{
	struct frame_watch w;
	char *p = exact_copy(r->in);
	size_t n;

	frame_watch_init(&w, SERVER);
	n = frame_watch(&w, p, first, r->max);
	if (n == first && first < r->in.n)
		n += frame_watch(&w, p + first, r->in.n - first, r->max);
	*whole = frame_is_whole(&w);
	frame_watch_fini(&w);
	ROW_CHECK(r, (w.over || w.lost) == (r->over != NULL), "%zu", first);
	free(p);
	return n;
}

/* Wherever they are cut: not a byte of the frame but what came before. */
static void
limits_by_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(limit_rows); i++) {
		const struct limit_row *r = &limit_rows[i];
		const char *over = r->over ? memmem(r->in.p, r->in.n, r->over,
						    strlen(r->over)) : NULL;
		size_t good = over ? (size_t)(over - r->in.p) : r->in.n;
		bool whole;

		for (size_t first = 0; first <= r->in.n; first++) {
			size_t n = passed(r, first, &whole);
			bool cut = over && first > good && n != good;

			ROW_CHECK(r, n == (cut ? first : good), "%zu: %zu",
				  first, n);
			if (over)
				ROW_CHECK(r, whole == !cut, "%zu", first);
		}
	}
	rows_end();
}

/* To the end of a frame, at whatever place of it we begin. */
static void
the_rest_of_a_frame(void **state)
{
	static const char in[] = "\x01\x7e\x00\x03" "abc\x89\x01x";
	struct frame_watch w;

	(void)state;
	for (size_t n = 1; n < 7; n++) {
		frame_watch_init(&w, SERVER);
		assert_int_equal(frame_watch(&w, in, n, 0), n);
		assert_false(frame_is_whole(&w));
		assert_int_equal(frame_watch_one(&w, in + n, 10 - n), 7 - n);
		assert_true(frame_is_whole(&w));
		assert_int_equal(frame_watch_one(&w, in + 7, 3), 0);
	}
}

/* ---- bytes that nobody reads ---- */

struct left_row {
	int line;
	struct slice in;
	uint64_t left;
	const char *why;
};

#define LEFT(in, left, why) { __LINE__, BYTES(in), left, why }

static const struct left_row left_rows[] = {
	LEFT("", 0, "nothing yet"),
	LEFT("\x82", 0, "in a header"),
	LEFT("\x82\x05", 5, "a payload begins"),
	LEFT("\x82\x05" "He", 3, "a part of it is there"),
	LEFT("\x82\x05" "Hello", 0, "all of it"),
	LEFT("\x82\x7e\x01", 0, "in a length"),
	LEFT("\x82\x7e\x01\x00", 256, "a 16-bit length"),
	LEFT("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff",
	     UINT64_C(0x7fffffffffffffff), "2^63 - 1"),
	LEFT("\x01\x01x", 0, "between fragments"),
	LEFT("\x01\x01x\x80\x02y", 1, "in the second"),
	LEFT("\x89\x05" "He", 0, "a ping is looked at"),
	LEFT("\x88\x05\x03\xe9", 0, "and so is a Close"),
	LEFT("\x82\x7f\x80\0\0\0\0\0\0\0", 0, "lost"),
	LEFT("\x82\x00\x83\x05xx", 0, "lost, at the opcode"),
};

static void
payload_left_by_row(void **state)
{
	struct frame_watch w;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(left_rows); i++) {
		const struct left_row *r = &left_rows[i];

		frame_watch_init(&w, SERVER);
		frame_watch(&w, r->in.p, r->in.n, 0);
		ROW_CHECK(r, frame_payload_left(&w) == r->left, "%llu",
			  (unsigned long long)frame_payload_left(&w));
		frame_watch_fini(&w);
	}
	rows_end();
	frame_watch_init(&w, SERVER);
	frame_watch(&w, "\x82\x05", 2, 4);
	assert_int_equal(frame_payload_left(&w), 0); /* over */
}

/* The same in all but where they keep what a Close said. */
static bool
is_alike(const struct frame_watch *a, const struct frame_watch *b)
{
	struct frame_watch x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	x.said = y.said = NULL;
	return memcmp(&x, &y, sizeof(x)) == 0 &&
	       slice_eq(frame_close_reason(a), frame_close_reason(b));
}

/* What is skipped at `at`, n bytes, leads where they do when they are seen. */
static void
check_skip(const struct frame_row *r, size_t at, size_t n)
{
	struct frame_watch seen, skipped;

	frame_watch_init(&seen, r->masked);
	frame_watch_init(&skipped, r->masked);
	frame_watch(&seen, r->in.p, at, 0);
	frame_watch(&skipped, r->in.p, at, 0);
	frame_watch(&seen, r->in.p + at, n, 0);
	frame_skip(&skipped, n);
	ROW_CHECK(r, is_alike(&seen, &skipped), "%zu bytes at %zu", n, at);
	frame_watch(&seen, r->in.p + at + n, r->in.n - at - n, 0);
	frame_watch(&skipped, r->in.p + at + n, r->in.n - at - n, 0);
	ROW_CHECK(r, is_alike(&seen, &skipped),
		  "behind %zu bytes at %zu", n, at);
	frame_watch_fini(&seen);
	frame_watch_fini(&skipped);
}

/* In every payload of the rows, from and to every byte of it. */
static void
skipped_is_as_seen(void **state)
{
	struct frame_watch w;
	unsigned checked = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct frame_row *r = &rows[i];

		frame_watch_init(&w, r->masked);
		for (size_t at = 0; at < r->in.n; at++) {
			uint64_t left = frame_payload_left(&w);

			for (size_t n = 0; n <= left && n <= r->in.n - at;
			     n++, checked++)
				check_skip(r, at, n);
			frame_watch(&w, r->in.p + at, 1, 0);
		}
		frame_watch_fini(&w);
	}
	rows_end();
	assert_true(checked > 100);
}

struct ahead_row {
	int line;
	bool masked;
	struct slice seen, next;
	uint64_t max, ahead;
	const char *why;
};

#define AHEAD(side, seen, next, max, ahead, why) \
	{ __LINE__, side, BYTES(seen), BYTES(next), max, ahead, why }

static const struct ahead_row ahead_rows[] = {
	AHEAD(SERVER, "", "\x82\x7e\x40\x00", 0, 16388, "a header alone"),
	AHEAD(SERVER, "", "\x82\x7e\x40\x00" "xyz", 0, 16388,
	      "and a part of its payload"),
	AHEAD(CLIENT, "", "\x82\xfe\x40\x00" MASK, 0, 16392, "masked"),
	AHEAD(CLIENT, "", "\x82\xfe\x40\x00\x01\x02\x03", 0, 0,
	      "a byte of the mask is missing"),
	AHEAD(SERVER, "", "\x82", 0, 0, "one byte"),
	AHEAD(SERVER, "\x82\x00", "\x82\x05", 0, 7, "behind another frame"),
	AHEAD(SERVER, "\x82", "\x05xx", 0, 0, "not between two frames"),
	AHEAD(SERVER, "\x82\x05", "Hello", 0, 0, "in a payload"),
	AHEAD(SERVER, "", "\x82\x00\x82\x05", 0, 0, "an empty one"),
	AHEAD(SERVER, "", "\x89\x05", 0, 0, "a ping has to be seen"),
	AHEAD(SERVER, "", "\x83\x05", 0, 0, "it would be lost"),
	AHEAD(SERVER, "", "\x80\x05", 0, 0, "continues nothing"),
	AHEAD(SERVER, "\x01\x01x", "\x80\x05", 0, 7, "continues a message"),
	AHEAD(SERVER, "\x01\x01x", "\x80\x05", 6, 7, "of the length it may have"),
	AHEAD(SERVER, "\x01\x01x", "\x80\x05", 5, 0, "it would be over"),
	AHEAD(SERVER, "\x83", "\x82\x05", 0, 0, "it is lost"),
};

static void
ahead_by_row(void **state)
{
	struct frame_watch w, before;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ahead_rows); i++) {
		const struct ahead_row *r = &ahead_rows[i];
		char *next = exact_copy(r->next);
		uint64_t ahead;

		memset(&w, 0, sizeof(w));
		frame_watch_init(&w, r->masked);
		frame_watch(&w, r->seen.p, r->seen.n, r->max);
		memcpy(&before, &w, sizeof(w));
		ahead = frame_ahead(&w, next, r->next.n, r->max);
		ROW_CHECK(r, ahead == r->ahead, "%llu",
			  (unsigned long long)ahead);
		ROW_CHECK(r, memcmp(&w, &before, sizeof(w)) == 0, "changed");
		free(next);
	}
	rows_end();
}

/* Behind the first `seen` of these bytes, which are a server's. */
static void
check_place(struct slice all, size_t seen, size_t message, size_t frame)
{
	struct frame_watch w;

	frame_watch_init(&w, SERVER);
	frame_watch(&w, all.p, seen, 0);
	assert_int_equal(frame_place(&w, all.p + seen, all.n - seen, false),
			 message);
	assert_int_equal(frame_place(&w, all.p + seen, all.n - seen, true),
			 frame);
	frame_watch_fini(&w);
}

static void
places(void **state)
{
	struct slice message = SLICE("\x02\x01" "a\x89\x00\x80\x01" "b"
				     "\x82\x01" "c");
	struct slice closes = SLICE("\x02\x01" "a\x88\x02\x03\xe8\x80\x00");

	(void)state;
	check_place(message, 0, 0, 0);
	check_place(message, 1, 7, 2);
	check_place(message, 3, 5, 0);
	check_place(message, 4, 4, 1);
	check_place(message, 7, 1, 1);
	check_place(message, 9, 2, 2); /* the end of it all */
	check_place(slice_of(message.p, 7), 2, 5, 1);
	check_place(closes, 2, 7, 1);
	check_place(closes, 3, 6, 0);
	check_place(closes, 5, 4, 4); /* within that Close */
	check_place(SLICE("\x82\x02" "a\x83\x00"), 2, 2, 2);
	check_place(SLICE("\x82\x01" "a\x83\x00" "b\x82\x00"), 4, 4, 4);
}

/* Pings and pongs, also in pieces, are no sign of life; all else is. */
static void
pings_are_not_lively(void **state)
{
	static const char quiet[] = "\x89\x02yo\x8a\x00";
	static const char *const lively[] = { "\x81\x02xy", "\x88\x02\x03\xe8",
					      "\x83\x01" };
	struct frame_watch w;

	(void)state;
	frame_watch_init(&w, SERVER);
	for (size_t i = 0; i < sizeof(quiet) - 1; i++) {
		assert_int_equal(w.pongs, 0);
		frame_watch(&w, quiet + i, 1, 0);
	}
	assert_int_equal(w.pongs, 1);
	assert_false(w.lively);
	for (size_t i = 0; i < ARRAY_LEN(lively); i++) {
		frame_watch_init(&w, SERVER);
		frame_watch(&w, lively[i], strlen(lively[i]), 0);
		assert_true(w.lively);
		frame_watch_fini(&w);
		frame_watch_init(&w, SERVER);
		frame_watch(&w, lively[i], 2, 0);
		assert_true(w.lively);
		if (w.lost)
			continue;
		w.lively = false;
		frame_watch(&w, lively[i] + 2, 1, 0);
		assert_true(w.lively);
		frame_watch_fini(&w);
	}
}

/* A busy tunnel gets there within a day. */
static void
counts_do_not_begin_anew(void **state)
{
	static const char all[] = "\x81\x01x\x82\x01x\x89\x00\x8a\x00"
				  "\x01\x00\x80\x00\x02\x00\x80\x00";
	struct frame_watch w;

	(void)state;
	frame_watch_init(&w, SERVER);
	w.texts = w.binaries = w.pings = w.pongs = UINT32_MAX - 1;
	for (size_t i = 0; i < 2; i++) {
		frame_watch(&w, all, sizeof(all) - 1, 0);
		assert_int_equal(w.texts, UINT32_MAX);
		assert_int_equal(w.binaries, UINT32_MAX);
		assert_int_equal(w.pings, UINT32_MAX);
		assert_int_equal(w.pongs, UINT32_MAX);
	}
}

/* 256 GiB go by in as many steps as there are pieces: no byte is looked at. */
static void
payload_is_skipped_by_arithmetic(void **state)
{
	static const char header[] = "\x82\x7f\0\0\0\x40\0\0\0\0";
	static char block[65536];
	struct frame_watch w;

	(void)state;
	frame_watch_init(&w, SERVER);
	frame_watch(&w, header, sizeof(header) - 1, 0);
	assert_true(w.left == (uint64_t)0x40 << 32);
	for (unsigned i = 0; i < 1 << 22; i++) {
		assert_false(frame_at_boundary(&w));
		frame_watch(&w, block, sizeof(block), 0);
	}
	assert_true(frame_at_boundary(&w));
	assert_int_equal(w.binaries, 1);
}

static void
our_close(void **state)
{
	static const uint8_t mask[4] = { 0x10, 0x20, 0x30, 0x40 };
	uint8_t out[FRAME_CLOSE_MAX];
	struct frame_watch w;

	(void)state;
	assert_int_equal(frame_close(out, 1001, NULL), 4);
	assert_memory_equal(out, "\x88\x02\x03\xe9", 4);
	assert_int_equal(frame_close(out, 1002, mask), 8);
	assert_memory_equal(out, "\x88\x82\x10\x20\x30\x40\x13\xca", 8);
	frame_watch_init(&w, CLIENT);
	frame_watch(&w, out, 8, 0);
	assert_int_equal(frame_close_code(&w), 1002);
	frame_watch_fini(&w);
}

/* Two of them are in every tunnel. */
static void
a_watcher_is_small(void **state)
{
	(void)state;
	assert_true(sizeof(struct frame_watch) <= 56);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_by_row),
		cmocka_unit_test(counts_by_row),
		cmocka_unit_test(the_longest_reason),
		cmocka_unit_test(limits_by_row),
		cmocka_unit_test(the_rest_of_a_frame),
		cmocka_unit_test(payload_left_by_row),
		cmocka_unit_test(skipped_is_as_seen),
		cmocka_unit_test(ahead_by_row),
		cmocka_unit_test(places),
		cmocka_unit_test(pings_are_not_lively),
		cmocka_unit_test(counts_do_not_begin_anew),
		cmocka_unit_test(payload_is_skipped_by_arithmetic),
		cmocka_unit_test(our_close),
		cmocka_unit_test(a_watcher_is_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
