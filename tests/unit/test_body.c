/* SPDX-License-Identifier: ISC */
/*
 * test_body.c: where a message's body ends.
 */
#include "row.h"

#include "proto/body.h"

static struct body
new_body(enum body_kind kind, uint64_t length, bool strip)
{
	struct head req = { .framing = kind, .content_length = length };
	struct body b;

	body_of_request(&b, &req);
	b.strip = strip;
	return b;
}

/* A backend must not get the beginning of a chunk line that is refused. */
static void
of_a_bad_line_nothing_goes_on(void **state)
{
	struct body b = new_body(BODY_CHUNKED, 0, false);
	char in[] = "1\r\nx\r\n5;a\n";
	size_t pass;

	(void)state;
	assert_int_equal(body_feed(&b, in, sizeof(in) - 1, &pass), 6);
	assert_int_equal(pass, 6);
	assert_non_null(b.bad);
	assert_int_equal(body_feed(&b, in, 1, &pass), 0);
	assert_int_equal(pass, 0);
}

/* Feeds `begin` and then bytes of 'a' until the body is bad; how many. */
static size_t
until_bad(const char *begin)
{
	struct body b = new_body(BODY_CHUNKED, 0, false);
	char in[64], a = 'a';
	size_t pass, n = strlen(begin);

	memcpy(in, begin, n);
	assert_int_equal(body_feed(&b, in, n, &pass), n);
	for (n = 0; !b.bad && n < 1000000; n++)
		body_feed(&b, &a, 1, &pass);
	return n;
}

static void
extensions_and_trailers_are_bounded(void **state)
{
	(void)state;
	assert_in_range(until_bad("5;"), 4000, 5000);
	assert_in_range(until_bad("0\r\n"), 16000, 17000);
	assert_in_range(until_bad("0\r\nA: "), 16000, 17000);
}

/* The limit is a line's, not that of the whole body. */
static void
many_chunks_pass(void **state)
{
	struct body b = new_body(BODY_CHUNKED, 0, false);
	char chunk[] = "1\r\nx\r\n";
	size_t pass;

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(body_feed(&b, chunk, 6, &pass), 6);
	assert_null(b.bad);
	assert_int_equal(b.total, 100000);
}

static void
a_length_ends_exactly(void **state)
{
	struct body b = new_body(BODY_LENGTH, 5, false);
	char in[] = "helloGET /";
	size_t pass;

	(void)state;
	assert_false(b.done);
	assert_int_equal(body_feed(&b, in, 3, &pass), 3);
	assert_int_equal(pass, 3);
	assert_false(b.done);
	assert_int_equal(body_feed(&b, in + 3, 7, &pass), 2);
	assert_int_equal(pass, 2);
	assert_true(b.done);
	assert_int_equal(b.total, 5);
	assert_int_equal(body_feed(&b, in + 5, 5, &pass), 0);
	assert_int_equal(pass, 0);
}

static void
a_length_may_be_huge(void **state)
{
	struct body b = new_body(BODY_LENGTH, INT64_MAX, false);
	char in[1000] = "";
	size_t pass;

	(void)state;
	assert_int_equal(body_feed(&b, in, sizeof(in), &pass), sizeof(in));
	assert_true(b.left == (uint64_t)INT64_MAX - sizeof(in));
}

static void
no_body_is_done_at_once(void **state)
{
	struct body none = new_body(BODY_NONE, 0, false);
	struct body zero = new_body(BODY_LENGTH, 0, false);
	char c = 'x';
	size_t pass;

	(void)state;
	assert_true(none.done);
	assert_true(zero.done);
	assert_int_equal(body_feed(&none, &c, 1, &pass), 0);
	assert_int_equal(pass, 0);
	assert_true(body_eof(&none));
}

static void
only_the_end_of_a_connection_may_end_a_body(void **state)
{
	struct body b = new_body(BODY_UNTIL_CLOSE, 0, false);
	char in[] = "hello";
	size_t pass;

	(void)state;
	assert_int_equal(body_feed(&b, in, 5, &pass), 5);
	assert_int_equal(pass, 5);
	assert_false(b.done);
	assert_true(body_eof(&b));
	assert_true(b.done);

	b = new_body(BODY_LENGTH, 6, false);
	assert_int_equal(body_feed(&b, in, 5, &pass), 5);
	assert_false(body_eof(&b));
	assert_non_null(b.bad);
}

/* What is skipped leads where it does when it is seen. */
static void
payload_may_be_skipped(void **state)
{
	struct body length = new_body(BODY_LENGTH, 6, false);
	struct body chunked = new_body(BODY_CHUNKED, 0, false);
	struct body strip = new_body(BODY_CHUNKED, 0, true);
	struct body close = new_body(BODY_UNTIL_CLOSE, 0, false);
	char size[] = "5\r\n", end[] = "\r\n0\r\n\r\n";
	size_t pass;

	(void)state;
	assert_int_equal(body_ahead(&length), 6);
	body_skip(&length, 5);
	assert_int_equal(body_ahead(&length), 1);
	assert_false(length.done);
	body_skip(&length, 1);
	assert_true(length.done);
	assert_int_equal(length.total, 6);
	assert_int_equal(body_ahead(&length), 0);

	assert_int_equal(body_ahead(&chunked), 0);
	assert_int_equal(body_feed(&chunked, size, 3, &pass), 3);
	assert_int_equal(body_ahead(&chunked), 5);
	body_skip(&chunked, 2);
	body_skip(&chunked, 3);
	assert_int_equal(body_ahead(&chunked), 0);
	assert_int_equal(body_feed(&chunked, end, 7, &pass), 7);
	assert_true(chunked.done);
	assert_int_equal(chunked.total, 5);

	assert_int_equal(body_feed(&strip, size, 3, &pass), 3);
	assert_int_equal(body_ahead(&strip), 0);

	assert_true(body_ahead(&close) == UINT64_MAX);
	body_skip(&close, 100000);
	assert_int_equal(close.total, 100000);
}

struct response_row {
	int line;
	unsigned status;
	const char *method;
	enum body_kind framing, kind;
	const char *why;
};

static const struct response_row responses[] = {
	{ __LINE__, 200, "GET", BODY_LENGTH, BODY_LENGTH, "as its head says" },
	{ __LINE__, 200, "GET", BODY_CHUNKED, BODY_CHUNKED, "the same" },
	{ __LINE__, 200, "GET", BODY_UNTIL_CLOSE, BODY_UNTIL_CLOSE, "same" },
	{ __LINE__, 200, "HEAD", BODY_LENGTH, BODY_NONE, "RFC 9112 6.3: HEAD" },
	{ __LINE__, 404, "HEAD", BODY_CHUNKED, BODY_NONE, "any answer to it" },
	{ __LINE__, 200, "head", BODY_LENGTH, BODY_LENGTH,
	  "methods are case-sensitive" },
	{ __LINE__, 204, "GET", BODY_CHUNKED, BODY_NONE, "204" },
	{ __LINE__, 205, "GET", BODY_LENGTH, BODY_LENGTH, "205 may have one" },
	{ __LINE__, 304, "GET", BODY_LENGTH, BODY_NONE, "304" },
	{ __LINE__, 101, "GET", BODY_UNTIL_CLOSE, BODY_NONE, "1xx" },
	{ __LINE__, 199, "GET", BODY_LENGTH, BODY_NONE, "1xx" },
};

static void
responses_by_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(responses); i++) {
		const struct response_row *r = &responses[i];
		struct head res = { .status = r->status,
				    .framing = r->framing,
				    .content_length = 5 };
		struct body b;

		body_of_response(&b, &res, slice_str(r->method));
		ROW_CHECK(r, b.kind == r->kind, "%d", b.kind);
		ROW_CHECK(r, b.done == (r->kind == BODY_NONE), "%d", b.done);
	}
	rows_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_a_bad_line_nothing_goes_on),
		cmocka_unit_test(extensions_and_trailers_are_bounded),
		cmocka_unit_test(many_chunks_pass),
		cmocka_unit_test(a_length_ends_exactly),
		cmocka_unit_test(a_length_may_be_huge),
		cmocka_unit_test(no_body_is_done_at_once),
		cmocka_unit_test(only_the_end_of_a_connection_may_end_a_body),
		cmocka_unit_test(payload_may_be_skipped),
		cmocka_unit_test(responses_by_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
