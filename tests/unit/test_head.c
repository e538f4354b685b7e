/* SPDX-License-Identifier: ISC */
/*
 * test_head.c: the head of an HTTP/1 message.
 */
#include "row.h"

#include "head_rows.h"
#include "proto/field.h"
#include "proto/head.h"

#define MAX 65536

static const char *
word_of(const struct head_fault *fault)
{
	return fault ? fault->word : "(none)";
}

/*
 * Each byte value at each place of a good request: what passes must keep its
 * line structure, and what http-parser reads must be what we read: a
 * "disagreement" would be a hole in the lint.
 */
static void
every_byte_everywhere(void **state)
{
	static const char good[] =
		"GET /a?b HTTP/1.1\r\nHost: a\r\nUpgrade: b\r\nX-Y: z\r\n\r\n";
	struct slice s = slice_of(good, sizeof(good) - 1);
	char bytes[sizeof(good)];
	const struct head_fault *f;

	(void)state;
	for (size_t at = 0; at < s.n; at++) {
		for (unsigned c = 0; c < 256; c++) {
			struct head h;

			memcpy(bytes, good, sizeof(good));
			bytes[at] = (char)c;
			f = head_parse(&h, HEAD_REQUEST, bytes, s.n);
			if (f && strcmp(f->word, "disagreement") == 0)
				fail_msg("byte %u at %zu: %s", c, at, f->word);
			if (!f && h.nfields != 3)
				fail_msg("byte %u at %zu: %u fields", c, at,
					 h.nfields);
			head_fini(&h);
		}
	}
}

/* Not one prefix of a head is a head, and none is read past its end. */
static void
every_prefix_is_unfinished(void **state)
{
	static const char good[] = WITH("Content-Length: 5\r\nA:\r\n");
	struct slice s = slice_of(good, 0);

	(void)state;
	for (; s.n < sizeof(good) - 1; s.n++) {
		char *p = exact_copy(s);
		size_t scanned = 0, len;
		struct head h;

		assert_null(head_look(HEAD_REQUEST, p, s.n, MAX, &scanned,
				      &len));
		assert_int_equal(len, 0);
		assert_int_equal(scanned, s.n);
		assert_non_null(head_parse(&h, HEAD_REQUEST, p, s.n));
		head_fini(&h);
		free(p);
	}
}

static void
what_follows_a_head_is_not_its(void **state)
{
	static const char two[] = "\r\n" GET("/a") GET("/b");
	size_t scanned = 0, len;

	(void)state;
	assert_null(head_look(HEAD_REQUEST, two, sizeof(two) - 1, MAX,
			      &scanned, &len));
	assert_int_equal(len, strlen("\r\n" GET("/a")));
	assert_int_equal(scanned, len);
}

/* ---- what a head that passes is understood to be ---- */

struct meaning_row {
	int line;
	enum head_kind kind;
	const char *head;
	const char *path, *query, *authority;
	enum body_kind framing;
	uint64_t length;
	unsigned minor;
	bool persistent;
	const char *why;
};

#define REQ __LINE__, HEAD_REQUEST
#define RES __LINE__, HEAD_RESPONSE

static const struct meaning_row meanings[] = {
	{ REQ, WITH(""), "/", "", "a", BODY_NONE, 0, 1, true, "plain" },
	{ REQ, GET("/a/b?c?d"), "/a/b", "?c?d", "a", BODY_NONE, 0, 1, true,
	  "the first '?' divides" },
	{ REQ, GET("/?"), "/", "?", "a", BODY_NONE, 0, 1, true,
	  "an empty query has its '?'" },
	{ REQ, GET("http://A/b?c"), "/b", "?c", "a", BODY_NONE, 0, 1, true,
	  "absolute-form" },
	{ REQ, GET("http://a?c"), "/", "?c", "a", BODY_NONE, 0, 1, true,
	  "an empty path is /" },
	{ REQ, "GET http://a:1/ HTTP/1.0\r\n\r\n", "/", "", "a:1", BODY_NONE,
	  0, 0, false, "the authority without a Host" },
	{ REQ, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "*", "", "a",
	  BODY_NONE, 0, 1, true, "asterisk-form" },
	{ REQ, "\r\n" FOR(" a:3000 "), "/", "", "a:3000", BODY_NONE, 0, 1,
	  true, "behind an empty line" },
	{ REQ, WITH("Content-Length: 0010\r\n"), "/", "", "a", BODY_LENGTH,
	  10, 1, true, "leading zeros" },
	{ REQ, WITH("Transfer-Encoding: Chunked\r\n"), "/", "", "a",
	  BODY_CHUNKED, 0, 1, true, "chunked" },
	{ REQ, WITH("Connection: x, Close\r\n"), "/", "", "a", BODY_NONE, 0,
	  1, false, "Connection lists close" },
	{ REQ, WITH("Connection: a\r\nConnection: close\r\n"), "/", "", "a",
	  BODY_NONE, 0, 1, false, "in its second line" },
	{ REQ, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "/", "", "",
	  BODY_NONE, 0, 0, true, "HTTP/1.0 that keeps it" },
	{ REQ, "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "/",
	  "", "", BODY_NONE, 0, 0, false, "close wins" },
	{ REQ, "GET / HTTP/1.9\r\nHost: a\r\n\r\n", "/", "", "a", BODY_NONE,
	  0, 1, true, "a higher minor version reads as 1" },
	{ RES, OK(""), "", "", "", BODY_UNTIL_CLOSE, 0, 1, true,
	  "a response without a length lasts until the end" },
	{ RES, OK("Content-Length: 7\r\n"), "", "", "", BODY_LENGTH, 7, 1,
	  true, "with a length" },
	{ RES, "HTTP/1.0 200 OK\r\n\r\n", "", "", "", BODY_UNTIL_CLOSE, 0, 0,
	  false, "HTTP/1.0" },
};

static void
meanings_by_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
		const struct meaning_row *r = &meanings[i];
		const struct head_fault *f;
		struct head h;

		f = head_parse(&h, r->kind, r->head, strlen(r->head));
		ROW_CHECK(r, !f, "%s", word_of(f));
		ROW_CHECK(r, slice_eq(h.path, slice_str(r->path)), "%.*s",
			  SLICE_ARG(h.path));
		ROW_CHECK(r, slice_eq(h.query, slice_str(r->query)), "%.*s",
			  SLICE_ARG(h.query));
		ROW_CHECK(r, slice_eq(h.authority, slice_str(r->authority)),
			  "%.*s", SLICE_ARG(h.authority));
		ROW_CHECK(r, h.framing == r->framing, "%d", (int)h.framing);
		ROW_CHECK(r, h.content_length == r->length, "%u",
			  (unsigned)h.content_length);
		ROW_CHECK(r, h.minor == r->minor, "%u", h.minor);
		ROW_CHECK(r, h.persistent == r->persistent, "%d",
			  h.persistent);
		head_fini(&h);
	}
	rows_end();
}

static void
offsets_lead_to_the_bytes(void **state)
{
	static const char bytes[] =
		"\r\nGET / HTTP/1.1\r\nhoST:a\r\nA:\r\nX-y: \t b c \t\r\n"
		"a: 2\r\n\r\n";
	const struct head_field *f;
	struct head h;

	(void)state;
	assert_null(head_parse(&h, HEAD_REQUEST, bytes, sizeof(bytes) - 1));
	assert_ptr_equal(h.base, bytes);
	assert_int_equal(h.start, 2);
	assert_int_equal(h.len, sizeof(bytes) - 1);
	assert_int_equal(h.line_end, 18);
	assert_int_equal(h.nfields, 4);
	for (uint32_t i = 0, at = h.line_end; i < h.nfields; i++) {
		assert_int_equal(h.fields[i].at, at);
		at = h.fields[i].end;
		assert_memory_equal(bytes + at - 2, "\r\n", 2);
	}
	assert_int_equal(h.fields[3].end, h.len - 2);

	assert_true(slice_eq(field_name(&h, &h.fields[0]), SLICE("hoST")));
	assert_true(slice_eq(head_value(&h, F_HOST), SLICE("a")));
	assert_int_equal(h.fields[1].value_len, 0);
	assert_true(slice_eq(field_value(&h, &h.fields[2]), SLICE("b c")));
	assert_null(head_first(&h, F_UPGRADE));
	assert_int_equal(head_value(&h, F_UPGRADE).n, 0);
	f = head_first(&h, F_OTHER);
	assert_ptr_equal(f, &h.fields[1]);
	f = head_next(&h, head_next(&h, f));
	assert_ptr_equal(f, &h.fields[3]);
	assert_null(head_next(&h, f));
	head_fini(&h);
}

static void
a_list_may_have_several_lines(void **state)
{
	static const char bytes[] =
		WITH("Connection: keep-alive\r\nA: b\r\n"
		     "CONNECTION: Upgrade\r\n");
	struct head h;

	(void)state;
	assert_null(head_parse(&h, HEAD_REQUEST, bytes, sizeof(bytes) - 1));
	assert_true(head_lists(&h, F_CONNECTION, SLICE("upgrade")));
	assert_true(head_lists(&h, F_CONNECTION, SLICE("keep-alive")));
	assert_false(head_lists(&h, F_CONNECTION, SLICE("close")));
	assert_false(head_lists(&h, F_UPGRADE, SLICE("upgrade")));
	head_fini(&h);
}

static void
a_fault_leaves_enough_for_the_log(void **state)
{
	static const char bytes[] = "GET /a HTTP/1.1\r\nHost: a\r\n b\r\n\r\n";
	struct head h;

	(void)state;
	assert_non_null(head_parse(&h, HEAD_REQUEST, bytes,
				   sizeof(bytes) - 1));
	assert_true(slice_eq(h.method, SLICE("GET")));
	assert_true(slice_eq(h.target, SLICE("/a")));
	head_fini(&h);
	head_fini(&h);
}

/* ---- names ---- */

static const char *const names[F_COUNT] = {
	[F_ACCEPT] = "Accept",
	[F_AUTHORIZATION] = "Authorization",
	[F_CONNECTION] = "Connection",
	[F_CONTENT_LENGTH] = "Content-Length",
	[F_CONTENT_TYPE] = "Content-Type",
	[F_COOKIE] = "Cookie",
	[F_EXPECT] = "Expect",
	[F_FORWARDED] = "Forwarded",
	[F_HOST] = "Host",
	[F_HTTP2_SETTINGS] = "HTTP2-Settings",
	[F_KEEP_ALIVE] = "Keep-Alive",
	[F_LOCATION] = "Location",
	[F_ORIGIN] = "Origin",
	[F_PROXY_AUTHORIZATION] = "Proxy-Authorization",
	[F_PROXY_CONNECTION] = "Proxy-Connection",
	[F_SEC_WEBSOCKET_ACCEPT] = "Sec-WebSocket-Accept",
	[F_SEC_WEBSOCKET_EXTENSIONS] = "Sec-WebSocket-Extensions",
	[F_SEC_WEBSOCKET_KEY] = "Sec-WebSocket-Key",
	[F_SEC_WEBSOCKET_PROTOCOL] = "Sec-WebSocket-Protocol",
	[F_SEC_WEBSOCKET_VERSION] = "Sec-WebSocket-Version",
	[F_SET_COOKIE] = "Set-Cookie",
	[F_TE] = "TE",
	[F_TRAILER] = "Trailer",
	[F_TRANSFER_ENCODING] = "Transfer-Encoding",
	[F_UPGRADE] = "Upgrade",
	[F_USER_AGENT] = "User-Agent",
	[F_X_FORWARDED_FOR] = "X-Forwarded-For",
	[F_X_FORWARDED_HOST] = "X-Forwarded-Host",
	[F_X_FORWARDED_PORT] = "X-Forwarded-Port",
	[F_X_FORWARDED_PROTO] = "X-Forwarded-Proto",
	[F_X_REAL_IP] = "X-Real-IP",
	[F_X_REQUEST_ID] = "X-Request-Id",
};

static void
every_name_has_its_id(void **state)
{
	(void)state;
	for (enum field_id id = F_OTHER + 1; id < F_COUNT; id++) {
		struct slice name = slice_str(names[id]);
		char *other = exact_copy(name);

		assert_int_equal(field_id_of(name), id);
		other[name.n - 1] = '_';
		assert_int_equal(field_id_of(slice_of(other, name.n)), F_OTHER);
		free(other);
		name.n--;
		assert_int_equal(field_id_of(name), F_OTHER);
	}
	assert_int_equal(field_id_of(SLICE("Sec-WebSocket-Extensions2")),
			 F_OTHER);
}

/* ---- limits ---- */

static const struct head_fault *
look_at_large(enum head_kind kind, const char *begin, size_t n, size_t max)
{
	char *p = malloc(n);
	size_t scanned = 0, len;
	const struct head_fault *fault;

	assert_non_null(p);
	memset(p, 'a', n);
	memcpy(p, begin, strlen(begin));
	fault = head_look(kind, p, n, max, &scanned, &len);
	free(p);
	return fault;
}

static void
large_heads(void **state)
{
	static const char one[] = GET("/");
	static const char line[] = "GET / HTTP/1.1\r\nA: ";
	const struct head_fault *f;
	size_t scanned = 0, len;

	(void)state;
	assert_null(look_at_large(HEAD_REQUEST, line, 1000, 1000));
	assert_ptr_equal(look_at_large(HEAD_REQUEST, line, 1001, 1000),
			 &head_too_large);
	f = look_at_large(HEAD_REQUEST, "GET /", 1001, 1000);
	assert_int_equal(f->status, 414);
	f = look_at_large(HEAD_RESPONSE, "HTTP/1.1 200 ", 1001, 1000);
	assert_int_equal(f->status, 502);
	/* Whole, but too large all the same. */
	f = head_look(HEAD_REQUEST, one, sizeof(one) - 1, sizeof(one) - 2,
		      &scanned, &len);
	assert_ptr_equal(f, &head_too_large);
	scanned = 0;
	assert_null(head_look(HEAD_REQUEST, one, sizeof(one) - 1,
			      sizeof(one) - 1, &scanned, &len));
}

/* `n` fields beside Host, each with a value of `size` bytes. */
static const struct head_fault *
parse_many(unsigned n, size_t size)
{
	static const char start[] = "GET / HTTP/1.1\r\nHost: a\r\n";
	char *p = malloc(sizeof(start) + n * (size + 5) + 2), *q = p;
	const struct head_fault *fault;
	struct head h;

	assert_non_null(p);
	q += sizeof(start) - 1;
	memcpy(p, start, sizeof(start) - 1);
	for (unsigned i = 0; i < n; i++) {
		memcpy(q, "A: ", 3);
		memset(q + 3, 'x', size);
		memcpy(q + 3 + size, "\r\n", 2);
		q += size + 5;
	}
	memcpy(q, "\r\n", 2);
	fault = head_parse(&h, HEAD_REQUEST, p, (size_t)(q + 2 - p));
	head_fini(&h);
	free(p);
	return fault;
}

static void
many_and_long_fields(void **state)
{
	(void)state;
	assert_null(parse_many(999, 1));
	assert_int_equal(parse_many(1000, 1)->status, 431);
	/* Past http-parser's own 80 KiB; the limit is the caller's. */
	assert_null(parse_many(10, 40000));
}

/*
 * A head of 1 MiB, byte by byte.  Searching from its start each time would be
 * 5e11 steps: minutes; so would a start line that is read anew at each line.
 */
static void
byte_by_byte_costs_no_more_than_once(void **state)
{
	static const char start[] = "GET / HTTP/1.1\r\nHost: a\r\n";
	const size_t max = 1 << 20;
	char *p = malloc(max);
	size_t scanned = 0, len;
	double begin = cpu_seconds();

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i + 4 <= max; i += 4)
		memcpy(p + i, "A:\r\n", 4);
	memcpy(p, start, sizeof(start) - 1);
	memset(p + sizeof(start) - 1, 'a', 3);
	for (size_t n = 1; n <= max; n++) {
		assert_null(head_look(HEAD_REQUEST, p, n, max, &scanned,
				      &len));
		if (scanned != n)
			fail_msg("%zu of %zu searched", scanned, n);
	}
	assert_true(cpu_seconds() - begin < 5);
	free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_everywhere),
		cmocka_unit_test(every_prefix_is_unfinished),
		cmocka_unit_test(what_follows_a_head_is_not_its),
		cmocka_unit_test(meanings_by_row),
		cmocka_unit_test(offsets_lead_to_the_bytes),
		cmocka_unit_test(a_list_may_have_several_lines),
		cmocka_unit_test(a_fault_leaves_enough_for_the_log),
		cmocka_unit_test(every_name_has_its_id),
		cmocka_unit_test(large_heads),
		cmocka_unit_test(many_and_long_fields),
		cmocka_unit_test(byte_by_byte_costs_no_more_than_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
