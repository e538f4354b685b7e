/* SPDX-License-Identifier: ISC */
/*
 * test_ping.c: a Ping of ours, and the Pong to it.
 */
#include "row.h"

#include "proto/ping.h"

#define TAG "0123456789abcdef"
#define PONG "\x8a\x10" TAG
#define MASK "\x01\x02\x03\x04"
#define MASKED_PONG "\x8a\x90" MASK "\x31\x33\x31\x37\x35\x37\x35\x33" \
	"\x39\x3b\x62\x66\x62\x66\x66\x62"

struct ping_row {
	int line;
	bool masked;
	struct slice in, out;
	const char *state; /* of letters: w waits for its Pong still, o owes
			    * one to a Ping "x" that went by after ours */
	const char *why;
};

#define BYTES(literal) { (literal), sizeof(literal) - 1 }
#define ROW(masked, in, out, state, why) \
	{ __LINE__, masked, BYTES(in), BYTES(out), state, why }
#define SAME(masked, in, state, why) ROW(masked, in, in, state, why)

static const struct ping_row rows[] = {
	ROW(false, PONG, "", "o", "our Pong"),
	ROW(true, MASKED_PONG, "", "o", "masked"),
	ROW(false, "\x82\x01" "a" PONG "\x82\x01" "b",
	    "\x82\x01" "a" "\x82\x01" "b", "o", "glued to others"),
	ROW(false, "\x02\x01" "a" PONG "\x80\x01" "b",
	    "\x02\x01" "a" "\x80\x01" "b", "o", "between fragments"),
	ROW(false, PONG PONG, PONG, "o", "only one is ours"),
	ROW(false, "\x8a\x10" "0123456789abcdeF" PONG,
	    "\x8a\x10" "0123456789abcdeF", "o", "behind one like it"),
	SAME(false, "\x8a\x10" "0123456789abcdeF", "wo", "the last byte"),
	SAME(false, "\x8a\x10" "X123456789abcdef", "wo", "the first byte"),
	SAME(false, "\x8a\x0f" "0123456789abcde", "wo", "shorter"),
	SAME(false, "\x8a\x11" TAG "g", "wo", "longer"),
	SAME(false, "\x8a\x00", "wo", "empty"),
	SAME(false, "\x89\x10" TAG, "wo", "a Ping"),
	SAME(false, "\x82\x12" PONG, "wo", "within a message"),
	SAME(false, "\xca\x10" TAG, "wo", "with RSV1: not as we sent it"),
	SAME(true, "\x8a\x10" TAG, "wo", "a client that does not mask"),
	SAME(false, "\x83\x00" PONG, "wo", "once lost, always lost"),
	SAME(true, "\x8a\x90\0\0\0\0" "0123456789abcdeF", "wo", "masked by 0"),
	SAME(false, "\x8a\x01x", "", "to the other's Ping: ours came before"),
	SAME(true, "\x8a\x81" MASK "\x79", "", "the same, masked"),
	SAME(false, "\x8a\x01y", "wo", "to another one"),
	ROW(false, PONG "\x8a\x01x", "\x8a\x01x", "", "both"),
	SAME(false, "\x8a\x10" "0123456789", "wo", "an end in the midst"),
};

/* What goes on of it, in pieces; at its end what is held goes as well. */
static void
check_row(const struct ping_row *r, size_t first, size_t piece)
{
	struct pinged from = { .nheld = 0 }, to = { .nheld = 0 };
	struct frame_watch w, opposite;
	uint8_t back[PING_MAX], their[] = "\x89\x01x", out[64];
	size_t n = first, len = 0, kept, nback, good;

	frame_watch_init(&w, r->masked);
	frame_watch_init(&opposite, false);
	ping_sent(&from, (const uint8_t *)TAG);
	assert_int_equal(ping_filter(&to, &from, &opposite, their, 3, 0,
				     back, &nback, &good), 3);
	for (size_t at = 0; at < r->in.n; at += n, n = piece) {
		uint8_t *p;

		if (n > r->in.n - at)
			n = r->in.n - at;
		p = (uint8_t *)exact_copy(slice_of(r->in.p + at, n));
		kept = ping_filter(&from, &to, &w, p, n, 0, back, &nback,
				   &good);
		memcpy(out + len, back, nback);
		memcpy(out + len + nback, p, kept);
		len += nback + kept;
		free(p);
	}
	memcpy(out + len, from.held, from.nheld);
	len += from.nheld;
	ROW_CHECK(r, len == r->out.n && memcmp(out, r->out.p, len) == 0,
		  "%zu bytes, %zu, %zu", len, first, piece);
	ROW_CHECK(r, from.waiting == (strchr(r->state, 'w') != NULL),
		  "%zu, %zu", first, piece);
	ROW_CHECK(r, from.owes == (strchr(r->state, 'o') != NULL),
		  "%zu, %zu", first, piece);
}

/* At every split in two, and in pieces of every size. */
static void
pongs_by_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t n = 1; n <= rows[i].in.n; n++) {
			check_row(&rows[i], n, 256);
			check_row(&rows[i], n, n);
		}
	rows_end();
}

static void
our_ping(void **state)
{
	uint8_t out[PING_MAX];

	(void)state;
	assert_int_equal(ping_frame(out, (const uint8_t *)TAG, NULL), 18);
	assert_memory_equal(out, "\x89\x10" TAG, 18);
	assert_int_equal(ping_frame(out, (const uint8_t *)TAG,
				    (const uint8_t *)MASK), 22);
	out[0]++; /* a Pong is as long */
	assert_memory_equal(out, MASKED_PONG, 22);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pongs_by_row),
		cmocka_unit_test(our_ping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
