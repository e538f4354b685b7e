/* SPDX-License-Identifier: ISC */
/*
 * test_proxyhdr.c: headers of the PROXY protocol, as they come and as we write
 * them.
 */
#include "row.h"

#include <stdio.h>

#include "proto/proxyhdr.h"

#define MORE PROXYHDR_MORE
#define WHOLE PROXYHDR_WHOLE
#define BAD PROXYHDR_BAD

#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define IP4 "\xc0\0\2\1" "\xc0\0\2\2" "\xd4\x31" "\0\x50"
#define IP6_A "\x20\1\xd\xb8" "\0\0\0\0\0\0\0\0\0\0\0" "\1"
#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff" "\xc0\0\2\1"
#define TEN "0123456789"
#define FORTY TEN TEN TEN TEN
#define UNIX_NAME "/x\0" FORTY FORTY "abcdefghijklmnopqrstuvwxy"

struct look_row {
	int line;
	struct slice in;
	enum proxyhdr_look look;
	size_t rest;        /* of a whole one: what is behind it */
	const char *client; /* NULL: it says none; of a bad one a part of why */
	const char *why;
};

#define ROW(text) __LINE__, { text, sizeof(text) - 1 }

static const struct look_row rows[] = {
	/* version 1 */
	{ ROW("PROXY TCP4 192.0.2.1 192.0.2.2 54321 80\r\n"), WHOLE, 0,
	  "192.0.2.1:54321", "usual" },
	{ ROW("PROXY TCP4 192.0.2.1 192.0.2.2 54321 80\r\nGET /"), WHOLE, 5,
	  "192.0.2.1:54321", "nothing behind it is taken" },
	{ ROW("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n"), WHOLE, 0,
	  "[2001:db8::1]:1", "IPv6" },
	{ ROW("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"), WHOLE, 0,
	  "192.0.2.1:1", "IPv4 within IPv6 is IPv4" },
	{ ROW("PROXY TCP4 255.255.255.255 0.0.0.0 0 0\r\n"), WHOLE, 0,
	  "255.255.255.255:0", "ports may be 0" },
	{ ROW("PROXY TCP6 ffff:f...f:ffff ffff:f...f:ffff 1 1\r\n"), BAD, 0,
	  "such as", "the document's own figure is no address" },
	{ ROW("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
	  WHOLE, 0, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
	  "the longest with addresses" },
	{ ROW("PROXY UNKNOWN\r\n\r\n"), WHOLE, 2, NULL, "of nobody" },
	{ ROW("PROXY UNKNOWN ffff::1 x y z\r\n"), WHOLE, 0, NULL,
	  "what follows is not looked at" },
	{ ROW("PROXY UNKNOWN " FORTY FORTY TEN "x\r\n"), WHOLE, 0, NULL,
	  "107 bytes are allowed" },
	{ ROW("PROXY UNKNOWN " FORTY FORTY TEN "xy\r\n"), BAD, 0, "such as",
	  "108 are not" },
	{ ROW("PROXY UNKNOWN " FORTY FORTY TEN "xy"), BAD, 0, "such as",
	  "which is known before its end" },
	{ ROW("PROXY UNKNOWN " FORTY FORTY TEN "x\r"), MORE, 0, NULL,
	  "the LF may come" },
	{ ROW(""), MORE, 0, NULL, "nothing yet" },
	{ ROW("PROX"), MORE, 0, NULL, "the beginning of either line" },
	{ ROW("PROXY TCP4 192.0.2.1 192.0.2.2 54321 80"), MORE, 0, NULL,
	  "a port that may go on" },
	{ ROW("PROXY TCP4 192.0.2.1 192.0.2.2 54321 80\r"), MORE, 0, NULL,
	  "half of a CRLF" },
	{ ROW("PROXY TCP4 192.0.2.1 192.0.2.2 54321 80\n"), BAD, 0, "CRLF",
	  "a bare LF" },
	{ ROW("PROXY TCP4 192.0.2.1 192.0.2.2 54321 80\rx"), BAD, 0, "CRLF",
	  "a bare CR" },
	{ ROW("PROXY TCP4 192.0.2.1 192.0.2.2 54321\r\n"), BAD, 0, "such as",
	  "a port is missing" },
	{ ROW("PROXY TCP4 192.0.2.1 192.0.2.2 54321 80 \r\n"), BAD, 0,
	  "such as", "a blank too many at the end" },
	{ ROW("PROXY TCP4 192.0.2.1 192.0.2.2 54321 80 1\r\n"), BAD, 0,
	  "such as", "a word too many" },
	{ ROW("PROXY TCP4  192.0.2.1 192.0.2.2 54321 80\r\n"), BAD, 0,
	  "such as", "a blank too many" },
	{ ROW("PROXY TCP4 192.0.2.1 192.0.2.2 65536 80\r\n"), BAD, 0,
	  "such as", "no port" },
	{ ROW("PROXY TCP4 192.0.2.1 192.0.2.2 +1 80\r\n"), BAD, 0, "such as",
	  "a sign" },
	{ ROW("PROXY TCP4 192.0.2.1 192.0.2.2 01 80\r\n"), BAD, 0, "such as",
	  "a leading zero" },
	{ ROW("PROXY TCP4 2001:db8::1 192.0.2.2 1 80\r\n"), BAD, 0, "such as",
	  "the other family's address" },
	{ ROW("PROXY TCP6 192.0.2.1 ::1 1 80\r\n"), BAD, 0, "such as",
	  "the same for the other" },
	{ ROW("PROXY TCP4 192.0.2.256 192.0.2.2 1 80\r\n"), BAD, 0, "such as",
	  "no address" },
	{ ROW("PROXY TCP4 192.0.2.1\0 192.0.2.2 1 80\r\n"), BAD, 0, "such as",
	  "a NUL" },
	{ ROW("PROXY UDP4 192.0.2.1 192.0.2.2 1 80\r\n"), BAD, 0, "such as",
	  "no word of version 1" },
	{ ROW("PROXY tcp4 192.0.2.1 192.0.2.2 1 80\r\n"), BAD, 0, "such as",
	  "capitals matter" },
	{ ROW("PROXY \r\n"), BAD, 0, "such as", "no word at all" },
	{ ROW("PROXY UNKNOWNX\r\n"), BAD, 0, "such as", "nor that" },
	{ ROW("proxy TCP4"), BAD, 0, "no PROXY header", "capitals, again" },
	{ ROW("PROXY\r\n"), BAD, 0, "no PROXY header", "no blank" },
	{ ROW("GET / HTTP/1.1\r\n"), BAD, 0, "no PROXY header", "a request" },
	{ ROW("P"), MORE, 0, NULL, "perhaps a POST" },
	{ ROW("PO"), BAD, 0, "no PROXY header", "a POST" },
	{ ROW("\x16\3\1"), BAD, 0, "no PROXY header", "TLS" },

	/* version 2 */
	{ ROW(SIG "\x21\x11\0\xc" IP4), WHOLE, 0, "192.0.2.1:54321",
	  "usual" },
	{ ROW(SIG "\x21\x11\0\xc" IP4 "GET /"), WHOLE, 5, "192.0.2.1:54321",
	  "nothing behind it is taken" },
	{ ROW(SIG "\x21\x21\0\x24" IP6_A IP6_A "\0\1\0\2"), WHOLE, 0,
	  "[2001:db8::1]:1", "IPv6" },
	{ ROW(SIG "\x21\x21\0\x24" MAPPED IP6_A "\0\1\0\2"), WHOLE, 0,
	  "192.0.2.1:1", "IPv4 within IPv6 is IPv4" },
	{ ROW(SIG "\x21\x11\0\x14" IP4 "\x20\0\5\1\0\0\0\0x"), WHOLE, 1,
	  "192.0.2.1:54321", "a TLV is skipped" },
	{ ROW(SIG "\x21\x11\0\xf" IP4 "\x20\xff\xff"), WHOLE, 0,
	  "192.0.2.1:54321", "and so is one that lies about its length" },
	{ ROW(SIG "\x20\x11\0\xc" IP4), WHOLE, 0, NULL,
	  "LOCAL: a health check" },
	{ ROW(SIG "\x20\0\0\0"), WHOLE, 0, NULL, "LOCAL without a block" },
	{ ROW(SIG "\x20\x11\0\1x"), WHOLE, 0, NULL,
	  "LOCAL's block means nothing" },
	{ ROW(SIG "\x21\0\0\0"), WHOLE, 0, NULL, "of nobody" },
	{ ROW(SIG "\x21\0\0\3xyz"), WHOLE, 0, NULL, "with a block, again" },
	{ ROW(SIG "\x21\x12\0\xc" IP4), WHOLE, 0, NULL, "datagrams" },
	{ ROW(SIG "\x21\x31\0\xd8" UNIX_NAME UNIX_NAME), WHOLE, 0, NULL,
	  "a unix socket's client has no address" },
	{ ROW(SIG), MORE, 0, NULL, "the signature" },
	{ ROW("\r\n\r\n\0\r\nQUIT"), MORE, 0, NULL, "the most of it" },
	{ ROW(SIG "\x21\x11\0"), MORE, 0, NULL, "half a length" },
	{ ROW(SIG "\x21\x11\0\xc"), MORE, 0, NULL, "no block yet" },
	{ ROW(SIG "\x21\x11\x0f\xf0" IP4), MORE, 0, NULL, "4096 in all" },
	{ ROW(SIG "\x21\x11\x0f\xf1" IP4), BAD, 0, "longer than 4096",
	  "one more, known before it came" },
	{ ROW(SIG "\x21\x11\0\xb" IP4), BAD, 0, "too short",
	  "less than IPv4 takes" },
	{ ROW(SIG "\x21\x21\0\x23" IP6_A IP6_A "\0\1\0\2"), BAD, 0,
	  "too short", "less than IPv6 takes" },
	{ ROW(SIG "\x21\x31\0\xd7" UNIX_NAME UNIX_NAME), BAD, 0, "too short",
	  "less than names take" },
	{ ROW(SIG "\x22\x11\0\xc" IP4), BAD, 0, "version or command",
	  "a command that is none" },
	{ ROW(SIG "\x31\x11\0\xc" IP4), BAD, 0, "version or command",
	  "version 3" },
	{ ROW(SIG "\x21\x41\0\xc" IP4), BAD, 0, "family or transport",
	  "no family" },
	{ ROW(SIG "\x21\x13\0\xc" IP4), BAD, 0, "family or transport",
	  "no transport" },
	{ ROW("\r\n\r\n\0\r\nQUIX"), BAD, 0, "no PROXY header",
	  "almost the signature" },
	{ ROW("\r\nGET / HTTP/1.1"), BAD, 0, "no PROXY header",
	  "an empty line before a request" },
};

static void
headers_that_come(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct look_row *r = &rows[i];
		char *in = exact_copy(r->in), text[ADDR_TEXT];
		struct proxyhdr h;
		enum proxyhdr_look look = proxyhdr_look(&h, in, r->in.n);

		ROW_CHECK(r, look == r->look, "%d, %s", look,
			  h.fault ? h.fault : "no fault");
		if (look == BAD && r->look == BAD)
			ROW_CHECK(r, strstr(h.fault, r->client), "%s",
				  h.fault);
		if (look == WHOLE && r->look == WHOLE) {
			ROW_CHECK(r, h.len == r->in.n - r->rest, "%zu", h.len);
			ROW_CHECK(r, h.has_client == (r->client != NULL),
				  "%d", h.has_client);
			if (h.has_client && r->client)
				ROW_CHECK(r, strcmp(addr_text(&h.client, text),
						    r->client) == 0,
					  "%s", text);
		}
		free(in);
	}
	rows_end();
}

/* Each beginning of a good one is one that may go on. */
static void
headers_cut_anywhere(void **state)
{
	struct proxyhdr h;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct look_row *r = &rows[i];

		for (size_t n = 0; r->look == WHOLE && n < r->in.n - r->rest;
		     n++) {
			char *in = exact_copy(slice_of(r->in.p, n));

			ROW_CHECK(r, proxyhdr_look(&h, in, n) == MORE,
				  "after %zu bytes", n);
			free(in);
		}
	}
	rows_end();
}

struct write_row {
	int line;
	unsigned version;
	const char *from, *to; /* addresses with ports 1 and 2; NULL: none */
	struct slice out;
	const char *why;
};

#define OUT(text) { text, sizeof(text) - 1 }

static const struct write_row writes[] = {
	{ __LINE__, 1, "192.0.2.1", "192.0.2.2",
	  OUT("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"), "IPv4" },
	{ __LINE__, 1, "2001:db8::1", "::1",
	  OUT("PROXY TCP6 2001:db8::1 ::1 1 2\r\n"), "IPv6" },
	{ __LINE__, 1, "2001:db8::1", "192.0.2.1",
	  OUT("PROXY TCP6 2001:db8::1 ::ffff:192.0.2.1 1 2\r\n"),
	  "X-Forwarded-For may have another family" },
	{ __LINE__, 1, "192.0.2.1", "::1",
	  OUT("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"), "the other way" },
	{ __LINE__, 1, "192.0.2.1", NULL,
	  OUT("PROXY TCP4 192.0.2.1 0.0.0.0 1 0\r\n"),
	  "behind a proxy on our unix socket" },
	{ __LINE__, 1, "::2", NULL, OUT("PROXY TCP6 ::2 :: 1 0\r\n"),
	  "the same of IPv6" },
	{ __LINE__, 1, NULL, "192.0.2.1", OUT("PROXY UNKNOWN\r\n"),
	  "no address" },
	{ __LINE__, 2, "192.0.2.1", "192.0.2.2",
	  OUT(SIG "\x21\x11\0\xc" "\xc0\0\2\1" "\xc0\0\2\2" "\0\1\0\2"),
	  "IPv4" },
	{ __LINE__, 2, "2001:db8::1", "192.0.2.1",
	  OUT(SIG "\x21\x21\0\x24" IP6_A MAPPED "\0\1\0\2"), "IPv6" },
	{ __LINE__, 2, "192.0.2.1", NULL,
	  OUT(SIG "\x21\x11\0\xc" "\xc0\0\2\1" "\0\0\0\0" "\0\1\0\0"),
	  "behind a proxy on our unix socket" },
	{ __LINE__, 2, NULL, NULL, OUT(SIG "\x21\0\0\0"), "no address" },
};

static struct addr
address(const char *text, uint16_t port)
{
	struct addr a = { .family = 0 };

	if (!text)
		return a;
	assert_true(addr_parse(&a, slice_str(text)));
	a.port = port;
	return a;
}

static void
headers_that_we_write(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(writes); i++) {
		const struct write_row *r = &writes[i];
		struct addr from = address(r->from, 1), to = address(r->to, 2);
		char out[PROXYHDR_OUT];
		size_t n = proxyhdr_write(out, r->version, &from, &to);

		ROW_CHECK(r, slice_eq(slice_of(out, n), r->out), "%.*s",
			  (int)n, out);
	}
	rows_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_that_come),
		cmocka_unit_test(headers_cut_anywhere),
		cmocka_unit_test(headers_that_we_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
