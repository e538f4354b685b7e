/* SPDX-License-Identifier: ISC */
/*
 * test_demo.c: the demonstration's WebSocket server and its page.
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
#include "run/demo_echo.h"
#include "run/demo_page.h"

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

static void
test_page_escapes_what_a_peer_sent(void **state)
{
	struct slice head = SLICE("GET /?<script>'\"&amp; HTTP/1.1\n");
	struct buf *page = NULL;

	(void)state;
	assert_true(demo_page(&page, head));
	assert_true(buf_add(&page, "", 1));
	assert_non_null(strstr(buf_data(page),
			       "GET /?&lt;script&gt;&#39;&quot;&amp;amp; "));
	buf_free(&page);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_echo_of_lengths),
		cmocka_unit_test(test_page_escapes_what_a_peer_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
