/* SPDX-License-Identifier: ISC */
/*
 * test_demo.c: the demonstration's WebSocket server, and what pages are told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attrib.h"
#include "base/buf.h"
#include "run/demo_echo.h"
#include "run/demo_feed.h"
#include "run/demo_json.h"

/* A mask of zeros leaves the payload readable. */
#define M "\0\0\0\0"
#define TABLE(in, out, why) \
	{ __LINE__, {in, sizeof(in) - 1}, {out, sizeof(out) - 1}, why }

static const struct {
	int line;
	struct slice in, out;
	const char *why;
} rows[] = {
	TABLE("\x81\x82" M "hi", "\x81\x02hi", "text comes back as text"),
	TABLE("\x81\x82\x01\x02\x03\x04ik", "\x81\x02hi", "it is unmasked"),
	TABLE("\x82\x81" M "\xff", "\x82\x01\xff", "binary as binary"),
	TABLE("\x01\x81" M "a\x00\x81" M "b\x80\x81" M "c", "\x81\x03"
	      "abc", "three fragments come back as one"),
	TABLE("\x01\x81" M "a\x89\x81" M "p\x80\x81" M "b", "\x8a\x01p\x81\x02"
	      "ab", "a ping between fragments"),
	TABLE("\x8a\x80" M "\x81\x80" M, "\x81\x00", "a pong is no question"),
	TABLE("\x88\x82" M "\x0f\xa1", "\x88\x02\x0f\xa1", "Close for Close"),
	TABLE("\x88\x85" M "\x0f\xa1"
	      "bye", "\x88\x02\x0f\xa1", "its reason is not repeated"),
	TABLE("\x88\x80" M "\x81\x80" M, "\x88\x00", "nothing after a Close"),
	TABLE("\x88\x81" M "x", "\x88\x02\x03\xea", "half a code in a Close"),
	TABLE("\x81\x01" "a", "\x88\x02\x03\xea", "an unmasked frame: 1002"),
	TABLE("\xc1\x80" M, "\x88\x02\x03\xea", "a reserved bit"),
	TABLE("\xc1\x81" M "x", "\x88\x02\x03\xea", "also before a payload"),
	TABLE("\x80\x80" M, "\x88\x02\x03\xea", "nothing to continue"),
	TABLE("\x01\x80" M "\x81\x80" M, "\x88\x02\x03\xea",
	      "a message within a message"),
	TABLE("\x83\x80" M, "\x88\x02\x03\xea", "an unknown opcode"),
	TABLE("\x8b\x80" M, "\x88\x02\x03\xea", "an unknown control opcode"),
	TABLE("\x09\x80" M, "\x88\x02\x03\xea", "a fragmented ping"),
	TABLE("\x89\xfe\0\x7e" M, "\x88\x02\x03\xea", "a ping of 126 bytes"),
	TABLE("\x82\xff\0\0\0\0\0\1\0\1" M, "\x88\x02\x03\xf1",
	      "65537 bytes: 1009"),
	TABLE("\x01\x81" M "a\x80\xff\0\0\0\0\0\1\0\0" M, "\x88\x02\x03\xf1",
	      "as many in all the frames of a message"),
	TABLE("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff" M, "\x88\x02\x03\xea",
	      "2^64 - 1 bytes are none (RFC 6455 5.2)"),
	TABLE("\x81\x85" M "ab", "", "an end within a frame"),
};

/* Shows demo_echo the input, `early` bytes of it beforehand. */
static size_t
echo_of(struct slice in, size_t early, char *out, size_t room)
{
	size_t n = 0;
	ssize_t got;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(write(fds[0], in.p + early, in.n - early),
			 (ssize_t)(in.n - early));
	shutdown(fds[0], SHUT_WR);
	demo_echo(fds[1], in.p, early);
	close(fds[1]);
	while ((got = read(fds[0], out + n, room - n)) > 0)
		n += (size_t)got;
	close(fds[0]);
	return n;
}

static void
test_echo(void **state)
{
	char out[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t early = 0; early <= rows[i].in.n; early++) {
			size_t n = echo_of(rows[i].in, early, out,
					   sizeof(out));

			if (!slice_eq(slice_of(out, n), rows[i].out))
				fail_msg("line %d, %zu early: %s",
					 rows[i].line, early, rows[i].why);
		}
}

/* The three ways to write a length (RFC 6455 5.2), at their borders. */
static void
test_echo_of_lengths(void **state)
{
	static const size_t lengths[] = {125, 126, 65535, 65536};
	static char in[DEMO_ECHO_MAX + 14], out[DEMO_ECHO_MAX + 14];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		size_t n = lengths[i];
		size_t head = n < 126 ? 2 : n < 65536 ? 4 : 10;

		memset(in, 'x', sizeof(in));
		memset(in + 2, 0, 12);
		in[0] = (char)0x82;
		in[1] = (char)(0x80 | (n < 126 ? n : n < 65536 ? 126 : 127));
		in[head - 1] = n < 126 ? in[1] : (char)(n & 0xff);
		if (n >= 126)
			in[head - 2] = (char)(n >> 8 & 0xff);
		if (n >= 65536)
			in[head - 3] = (char)(n >> 16);
		assert_int_equal(echo_of(slice_of(in, head + 4 + n), 0, out,
					 sizeof(out)),
				 head + n);
		assert_memory_equal(out + 2, in + 2, head - 2);
		assert_memory_equal(out + head, in + head + 4, n);
	}
}

/* What was put there as a string, which the next call frees. */
static const char *
text_of(struct buf **b)
{
	static struct buf *last;

	buf_free(&last);
	last = *b;
	*b = NULL;
	if (!last)
		return "";
	assert_true(buf_add(&last, "", 1));
	return buf_data(last);
}

#define GET "GET /ws HTTP/1.1\r\n"
#define GET_JSON "{\"id\":7,\"lines\":[" \
		 "{\"sign\":\"=\",\"before\":\"GET /ws HTTP/1.1\\u000d\\u000a\"},"
#define END_JSON "{\"sign\":\"=\",\"before\":\"\\u000d\\u000a\"}]}"
#define EOL "\\u000d\\u000a"

static const struct {
	const char *before, *after, *json;
} head_rows[] = {
	{ GET "\r\n", GET "\r\n", GET_JSON END_JSON },
	{ GET "\r\n", GET "X: 1\r\n\r\n",
	  GET_JSON "{\"sign\":\"+\",\"after\":\"X: 1" EOL "\"}," END_JSON },
	{ GET "A: b\r\n\r\n", GET "A: c\r\n\r\n",
	  GET_JSON "{\"sign\":\"~\",\"before\":\"A: b" EOL "\",\"after\":\"A: c" EOL
	  "\",\"head\":3,\"tail\":2}," END_JSON },
	{ GET "Cookie: c=1\r\n\r\n", GET "\r\n",
	  GET_JSON "{\"sign\":\"-\",\"before\":\"Cookie: c=1" EOL
	  "\",\"secret\":true}," END_JSON },
	{ GET "Referer: /?token=t\r\n\r\n", GET "Referer: /?token=t\r\n\r\n",
	  GET_JSON "{\"sign\":\"=\",\"before\":\"Referer: /?token=t" EOL
	  "\",\"secret\":true}," END_JSON },
	{ GET "A: \"\\</script>\xff\x7f\r\n\r\n",
	  GET "A: \"\\</script>\xff\x7f\r\n\r\n",
	  GET_JSON "{\"sign\":\"=\",\"before\":\"A: \\u0022\\u005c</script>"
	  "\\u00ff\\u007f" EOL "\"}," END_JSON },
};

static void
test_heads_as_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(head_rows); i++) {
		struct buf *json = NULL;

		assert_true(demo_json_heads(&json, 7,
					    slice_str(head_rows[i].before),
					    slice_str(head_rows[i].after)));
		assert_string_equal(text_of(&json), head_rows[i].json);
	}
}

static void
test_line_as_json(void **state)
{
	struct buf *json = NULL;

	(void)state;
	assert_true(demo_json_line(&json, 30, SLICE("a: { \"x\": '…\\x1b' }")));
	assert_string_equal(text_of(&json),
			    "{\"level\":30,\"text\":\"a: { \\u0022x\\u0022: "
			    "'…\\u005cx1b' }\"}");
}

/* ---- feeds ---- */

static void
note_wait(void *reader)
{
	*(bool *)reader = true;
}

static void
note_go_on(void *reader)
{
	*(bool *)reader = false;
}

static const struct feed_pause pauses = { note_wait, note_go_on };

/* All that it says until it has no more, or "(end)" for its end. */
static const char *
heard(struct feed *f)
{
	struct buf *all = NULL;
	char some[7]; /* in pieces */
	ssize_t n;

	while ((n = feed_read(f, some, sizeof(some))) > 0)
		assert_true(buf_add(&all, some, (size_t)n));
	if (n < 0)
		assert_true(buf_add(&all, "(end)", 5));
	return text_of(&all);
}

#define TICKET_AT "data: \""
#define TICKET_LEN 32

static void
take_ticket(struct feed *f, char ticket[TICKET_LEN + 1])
{
	const char *at = strstr(heard(f), TICKET_AT);

	assert_non_null(at);
	memcpy(ticket, at + strlen(TICKET_AT), TICKET_LEN);
	ticket[TICKET_LEN] = '\0';
}

/* An upgrade enters bowsprit, and reaches the backend with a line more. */
static void
upgrade(struct feeds *all, const char *ticket, uint64_t id)
{
	struct handshake hs = { .upgrade = UPGRADE_WEBSOCKET };
	struct conn c = { .hs = &hs, .id = id };
	struct buf *reached = NULL;
	struct head h;

	assert_true(buf_printf(&hs.bytes,
			       "GET /ws?ticket=%s HTTP/1.1\r\nHost: a\r\n\r\n",
			       ticket));
	assert_true(buf_printf(&reached, "GET /ws?ticket=%s HTTP/1.1\r\n"
			       "Host: a\r\nX: 1\r\n\r\n", ticket));
	assert_null(head_parse(&h, HEAD_REQUEST, buf_data(hs.bytes),
			       buf_len(hs.bytes)));
	hs.req = h;
	feeds_witness(all)->asked(feeds_witness(all), &c);
	feeds_on_arrival(all, buf_slice(reached));
	feeds_witness(all)->switched(feeds_witness(all), &c,
				     SLICE("HTTP/1.1 101 S\r\n\r\n"),
				     SLICE("HTTP/1.1 101 S\r\n\r\n"));
	head_fini(&h);
	buf_free(&hs.bytes);
	buf_free(&reached);
}

static void
test_a_page_is_told_of_its_own_websocket(void **state)
{
	struct feeds *all = feeds_new(&pauses);
	bool waits[2] = { false, false };
	struct feed *mine, *other;
	char ticket[TICKET_LEN + 1], others[TICKET_LEN + 1];
	const char *text;

	(void)state;
	assert_non_null(all);
	assert_non_null(mine = feed_open(all, &waits[0]));
	assert_non_null(other = feed_open(all, &waits[1]));
	take_ticket(mine, ticket);
	take_ticket(other, others);
	assert_string_not_equal(ticket, others);
	assert_true(waits[0] && waits[1]);

	upgrade(all, ticket, 7);
	assert_true(!waits[0] && waits[1]);
	text = heard(mine);
	assert_non_null(strstr(text, "event: request\ndata: {\"id\":7,"));
	assert_non_null(strstr(text, "{\"sign\":\"+\",\"after\":\"X: 1"));
	assert_non_null(strstr(text, "event: answer\ndata: {\"id\":7,"));

	feeds_on_line(all, 7, LOG_INFO, SLICE("mine { id: 7 }"));
	feeds_on_line(all, 8, LOG_INFO, SLICE("another { id: 8 }"));
	upgrade(all, "none", 9);
	assert_string_equal(heard(mine), "event: line\ndata: {\"level\":30,"
			    "\"text\":\"mine { id: 7 }\"}\n\n");
	assert_string_equal(heard(other), "");

	/* The next one's lines and the last one's. */
	upgrade(all, ticket, 10);
	feeds_on_line(all, 7, LOG_INFO, SLICE("late"));
	feeds_on_line(all, 10, LOG_INFO, SLICE("early"));
	text = heard(mine);
	assert_non_null(strstr(text, "late"));
	assert_non_null(strstr(text, "early"));

	feeds_beat(all);
	assert_string_equal(heard(other), ":\n\n");
	feed_close(mine);
	feed_close(other);
	feeds_free(all);
}

static void
test_a_drain_ends_feeds_with_their_websockets(void **state)
{
	static const struct slice closed =
		SLICE("[WebSocket Proxy] Connection closed: { id: 7 }");
	struct feeds *all = feeds_new(&pauses);
	bool waits[2] = { false, false };
	struct feed *open, *idle;
	char ticket[TICKET_LEN + 1], none[TICKET_LEN + 1];

	(void)state;
	assert_non_null(open = feed_open(all, &waits[0]));
	assert_non_null(idle = feed_open(all, &waits[1]));
	take_ticket(open, ticket);
	take_ticket(idle, none);
	upgrade(all, ticket, 7);
	(void)heard(open);
	feeds_drain(all);
	assert_true(waits[0] && !waits[1]);
	assert_string_equal(heard(idle), "(end)");
	assert_null(feed_open(all, NULL));
	feeds_on_line(all, 7, LOG_INFO, SLICE("not yet"));
	assert_null(strstr(heard(open), "(end)"));
	feeds_on_line(all, 7, LOG_INFO, closed);
	assert_non_null(strstr(heard(open), "id: 7 }\"}\n\n(end)"));
	feed_close(open);
	feed_close(idle);
	feeds_free(all);
}

static void
test_a_page_that_does_not_read_is_left(void **state)
{
	static char line[1000];
	struct feeds *all = feeds_new(&pauses);
	bool waits = false;
	struct feed *f = feed_open(all, &waits);
	char ticket[TICKET_LEN + 1];
	size_t n = 0;

	(void)state;
	memset(line, 'x', sizeof(line));
	assert_non_null(f);
	take_ticket(f, ticket);
	upgrade(all, ticket, 7);
	for (int i = 0; i < 10000; i++)
		feeds_on_line(all, 7, LOG_INFO,
			      slice_of(line, sizeof(line)));
	n = strlen(heard(f));
	assert_in_range(n, 500 * 1000, 600 * 1000);
	assert_string_equal(heard(f), "(end)");
	feed_close(f);
	feeds_free(all);
}

static void
test_there_is_an_end_to_pages(void **state)
{
	struct feeds *all = feeds_new(&pauses);
	struct feed *f[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(f); i++)
		assert_non_null(f[i] = feed_open(all, NULL));
	assert_null(feed_open(all, NULL));
	feed_close(f[0]);
	assert_non_null(f[0] = feed_open(all, NULL));
	feeds_end(all);
	for (size_t i = 0; i < ARRAY_LEN(f); i++)
		feed_close(f[i]);
	feeds_free(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_echo_of_lengths),
		cmocka_unit_test(test_heads_as_json),
		cmocka_unit_test(test_line_as_json),
		cmocka_unit_test(test_a_page_is_told_of_its_own_websocket),
		cmocka_unit_test(test_a_drain_ends_feeds_with_their_websockets),
		cmocka_unit_test(test_a_page_that_does_not_read_is_left),
		cmocka_unit_test(test_there_is_an_end_to_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
