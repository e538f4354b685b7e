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

/*
 * Feeds the bytes in pieces, the first of `first` bytes, the others of `piece`,
 * until the body is done or bad.  Returns how many belonged to it; what is to
 * be forwarded is added to `out`.
 */
static size_t
feed(struct body *b, struct slice in, size_t first, size_t piece, char *out,
     size_t *out_len)
{
	char *p = exact_copy(in);
	size_t at = 0, n = first, taken, pass;

	*out_len = 0;
	while (at < in.n && !b->done && !b->bad) {
		if (n > in.n - at)
			n = in.n - at;
		taken = body_feed(b, p + at, n, &pass);
		assert_true(taken <= n && pass <= taken);
		assert_true(taken == n || b->done || b->bad);
		memcpy(out + *out_len, p + at, pass);
		*out_len += pass;
		at += taken;
		n = piece;
	}
	free(p);
	return at;
}

struct chunk_row {
	int line;
	struct slice in;
	size_t taken; /* without what follows the body */
	const char *payload; /* NULL: bad */
	const char *why;
};

#define BYTES(literal) { (literal), sizeof(literal) - 1 }
/* A body, and what follows it. */
#define GOOD(body, next, payload, why) \
	{ __LINE__, BYTES(body next), sizeof(body) - 1, payload, why }
#define BAD(body, why) { __LINE__, BYTES(body), 0, NULL, why }
#define END "0\r\n\r\n"

static const struct chunk_row chunks[] = {
	GOOD(END, "", "", "an empty body"),
	GOOD("5\r\nhello\r\n" END, "", "hello", "one chunk"),
	GOOD("5\r\nhello\r\n" END, "GET /", "hello", "the next request"),
	GOOD("5\r\nhello\r\n1\r\n!\r\n" END, "", "hello!", "two"),
	GOOD("a\r\n0123456789\r\n" END, "", "0123456789", "hexadecimal"),
	GOOD("A\r\n0123456789\r\n" END, "", "0123456789", "in capitals"),
	GOOD("0005\r\nhello\r\n000\r\n\r\n", "", "hello", "leading zeros"),
	GOOD("2\r\n\r\n\r\n" END, "", "\r\n", "payload like a line's end"),
	GOOD("5\r\n0\r\n\r\n\r\n" END, "", "0\r\n\r\n", "like the last chunk"),
	GOOD("1;a=b\r\nx\r\n0;c\r\n\r\n", "", "x", "extensions"),
	GOOD("1;a=\"b;\t\xff\"\r\nx\r\n" END, "", "x", "a quoted one"),
	GOOD("1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n", "next", "x", "trailers"),
	GOOD("0\r\nDigest: b\r\nX-Hosts: c\r\n\r\n", "", "",
	     "names that are no head's"),
	GOOD("0\r\nX-A-Name-That-Is-Longer-Than-Any-Known-One-Host: c\r\n\r\n",
	     "", "", "a long name"),

	BAD("\r\nhello", "no size"),
	BAD("x\r\n", "no hexadecimal digit"),
	BAD(" 5\r\nhello\r\n" END, "a blank before the size"),
	BAD("5 \r\nhello\r\n" END, "behind it: http-parser lets it pass"),
	BAD("5\t;a\r\nhello\r\n" END, "a tab behind it"),
	BAD("+5\r\nhello\r\n" END, "a sign"),
	BAD("-1\r\n", "a negative size"),
	BAD("0x5\r\nhello\r\n" END, "C's way to write it"),
	BAD("5_0\r\n", "Python's int() takes it"),
	BAD("8000000000000000\r\n", "2^63"),
	BAD("10000000000000005\r\nhello\r\n" END, "2^64 + 5"),
	BAD("00000000000000005\r\nhello\r\n" END, "seventeen digits"),
	BAD("5\nhello\r\n" END, "LF alone behind the size"),
	BAD("5\r\rhello\r\n" END, "CR CR"),
	BAD("5;a\nx\r\n" END, "LF in an extension: http-parser takes it"),
	BAD("5;a\0\r\nhello\r\n" END, "NUL in an extension"),
	BAD("5;a\x7f\r\nhello\r\n" END, "DEL in an extension"),
	BAD("5\r\nhello!\r\n" END, "a chunk longer than its size"),
	BAD("5\r\nhello\n" END, "LF alone behind the payload"),
	BAD("5\r\nhello\r0\r\n\r\n", "CR alone behind it"),
	BAD("5\r\nhell\r\n" END, "a chunk shorter than its size"),
	BAD("0\r\n\n", "LF alone as the last line"),
	BAD("0\r\n\rx", "CR alone"),
	BAD("0\r\n A: b\r\n\r\n", "a folded trailer"),
	BAD("0\r\nA : b\r\n\r\n", "a blank before the colon"),
	BAD("0\r\n: b\r\n\r\n", "no name"),
	BAD("0\r\nA\r\n\r\n", "no colon"),
	BAD("0\r\nA: b\nC: d\r\n\r\n", "LF alone behind a trailer"),
	BAD("0\r\nA: b\rC: d\r\n\r\n", "CR alone"),
	BAD("0\r\nA: \x01\r\n\r\n", "a control in a trailer"),
	BAD("0\r\nGET / HTTP/1.1\r\n\r\n", "a request for a trailer"),
	BAD("0\r\n: b\r\n\r\n", "a trailer without a name"),
	BAD("0\r\nContent-Length: 5\r\n\r\n", "RFC 9110 6.5.1: framing"),
	BAD("0\r\nA: b\r\ntransfer-encoding: x\r\n\r\n", "the second one"),
	BAD("0\r\nHost: b\r\n\r\n", "routing"),
	BAD("0\r\nCookie: b\r\n\r\n", "who asks"),
	BAD("0\r\nX_Forwarded-For: ::1\r\n\r\n", "a claim, CGI's way"),
};

static void
check_chunks(const struct chunk_row *r, size_t first, size_t piece, bool strip)
{
	struct body b = new_body(BODY_CHUNKED, 0, strip);
	char out[256];
	size_t len, taken = feed(&b, r->in, first, piece, out, &len);
	struct slice all = slice_of(r->in.p, taken);
	struct slice payload = slice_str(r->payload);

	if (!r->payload) {
		ROW_CHECK(r, b.bad && !b.done, "not bad, %zu, %zu", first,
			  piece);
		ROW_CHECK(r, !body_eof(&b), "well at the end");
		return;
	}
	ROW_CHECK(r, !b.bad, "%s, %zu, %zu", b.bad, first, piece);
	ROW_CHECK(r, b.done && body_eof(&b), "not done");
	ROW_CHECK(r, taken == r->taken, "%zu, %zu, %zu", taken, first, piece);
	ROW_CHECK(r, b.total == payload.n, "%u", (unsigned)b.total);
	ROW_CHECK(r, slice_eq(slice_of(out, len), strip ? payload : all),
		  "%.*s", (int)len, out);
}

/* At every split in two, and in pieces of every size; kept and stripped. */
static void
chunks_by_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(chunks); i++) {
		for (size_t n = 1; n <= chunks[i].in.n; n++) {
			check_chunks(&chunks[i], n, 256, false);
			check_chunks(&chunks[i], n, 256, true);
			check_chunks(&chunks[i], n, n, false);
			check_chunks(&chunks[i], n, n, true);
		}
	}
	rows_end();
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
		cmocka_unit_test(chunks_by_row),
		cmocka_unit_test(of_a_bad_line_nothing_goes_on),
		cmocka_unit_test(extensions_and_trailers_are_bounded),
		cmocka_unit_test(many_chunks_pass),
		cmocka_unit_test(a_length_ends_exactly),
		cmocka_unit_test(a_length_may_be_huge),
		cmocka_unit_test(no_body_is_done_at_once),
		cmocka_unit_test(only_the_end_of_a_connection_may_end_a_body),
		cmocka_unit_test(responses_by_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
