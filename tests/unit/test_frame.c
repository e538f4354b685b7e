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
	ROW(SERVER, "\x88\x02\x03\xe8\x88\x02\x03\xe9", 0, 1001, "bmc",
	    "the last one counts, should there be two"),
	ROW(SERVER, "\x88\x02\x03", 0, 0, "", "half of a code"),
	ROW(SERVER, "\x88\x05\x03\xe9" "by", 0, 1001, "",
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

static void
check_row(const struct frame_row *r, size_t first, size_t piece)
{
	char *p = exact_copy(r->in);
	struct frame_watch w;
	size_t n = first;

	frame_watch_init(&w, r->masked);
	for (size_t at = 0; at < r->in.n; at += n, n = piece) {
		if (n > r->in.n - at)
			n = r->in.n - at;
		frame_watch(&w, p + at, n);
	}
	free(p);
	ROW_CHECK(r, w.messages == r->messages, "%u messages, %zu, %zu",
		  w.messages, first, piece);
	ROW_CHECK(r, w.code == r->code, "%u, %zu, %zu", w.code, first, piece);
	ROW_CHECK(r, w.lost == has(r, 'l'), "%zu, %zu", first, piece);
	ROW_CHECK(r, w.closed == has(r, 'c'), "%zu, %zu", first, piece);
	ROW_CHECK(r, frame_at_boundary(&w) == has(r, 'b'), "%zu, %zu", first,
		  piece);
	ROW_CHECK(r, frame_at_message_boundary(&w) == has(r, 'm'),
		  "%zu, %zu", first, piece);
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

/* 256 GiB go by in as many steps as there are pieces: no byte is looked at. */
static void
payload_is_skipped_by_arithmetic(void **state)
{
	static const char header[] = "\x82\x7f\0\0\0\x40\0\0\0\0";
	static char block[65536];
	struct frame_watch w;

	(void)state;
	frame_watch_init(&w, SERVER);
	frame_watch(&w, header, sizeof(header) - 1);
	assert_true(w.left == (uint64_t)0x40 << 32);
	for (unsigned i = 0; i < 1 << 22; i++) {
		assert_false(frame_at_boundary(&w));
		frame_watch(&w, block, sizeof(block));
	}
	assert_true(frame_at_boundary(&w));
	assert_int_equal(w.messages, 1);
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
	frame_watch(&w, out, 8);
	assert_true(w.closed);
	assert_int_equal(w.code, 1002);
}

/* Two of them are in every tunnel. */
static void
a_watcher_is_small(void **state)
{
	(void)state;
	assert_true(sizeof(struct frame_watch) <= 32);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_by_row),
		cmocka_unit_test(payload_is_skipped_by_arithmetic),
		cmocka_unit_test(our_close),
		cmocka_unit_test(a_watcher_is_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
