/* SPDX-License-Identifier: ISC */
/*
 * body_rows.h: chunked bodies, whole, broken and unfinished, each with its
 * reason, like head_rows.h.
 */
#ifndef TESTS_UNIT_BODY_ROWS_H
#define TESTS_UNIT_BODY_ROWS_H

#include "base/slice.h"

enum body_end { BODY_WHOLE, BODY_BAD, BODY_OPEN };

struct body_row {
	int line;
	struct slice in;
	enum body_end end;
	size_t taken; /* of `in`, without what follows the body */
	struct slice payload;
	const char *mutant;
	const char *section; /* of a row whose `why` names no other */
	const char *why;
};

#define TEXT(literal) { (literal), sizeof(literal) - 1 }
/* A body, and what follows it. */
#define GOOD(body, next, payload, mutant, why) \
	{ __LINE__, TEXT(body next), BODY_WHOLE, sizeof(body) - 1, \
	  TEXT(payload), mutant, SECTION, why }
#define BAD(body, mutant, why) \
	{ __LINE__, TEXT(body), BODY_BAD, 0, TEXT(""), mutant, SECTION, why }
/* Neither whole nor bad so far. */
#define OPEN(body, mutant, why) \
	{ __LINE__, TEXT(body), BODY_OPEN, sizeof(body) - 1, TEXT(""), \
	  mutant, SECTION, why }
#define END "0\r\n\r\n"

#define SECTION "RFC 9112 7.1"
static const struct body_row bodies[] = {
	GOOD(END, "", "", "wants a chunk before the last", "an empty body"),
	GOOD("5\r\nhello\r\n" END, "", "hello", "loses the CR of a chunk",
	     "one chunk"),
	GOOD("5\r\nhello\r\n" END, "GET /", "hello", "reads behind the end",
	     "the next request"),
	GOOD("5\r\nhello\r\n1\r\n!\r\n" END, "", "hello!",
	     "loses the CR of a chunk", "two"),
	GOOD("a\r\n0123456789\r\n" END, "", "0123456789",
	     "knows decimal digits", "hexadecimal"),
	GOOD("A\r\n0123456789\r\n" END, "", "0123456789",
	     "knows decimal digits", "in capitals"),
	GOOD("10\r\n0123456789abcdef\r\n" END, "", "0123456789abcdef",
	     "counts in tens", "sixteen bytes"),
	GOOD("0005\r\nhello\r\n000\r\n\r\n", "", "hello",
	     "refuses leading zeros of a size", "leading zeros"),
	GOOD("0000000000000005\r\nhello\r\n" END, "", "hello",
	     "allows fifteen digits", "sixteen digits"),
	GOOD("2\r\n\r\n\r\n" END, "", "\r\n", "loses the CR of a chunk",
	     "payload like a line's end"),
	GOOD("5\r\n0\r\n\r\n\r\n" END, "", "0\r\n\r\n",
	     "loses the CR of a chunk", "like the last chunk"),
	GOOD("3\r\n\0\n\xff\r\n" END, "", "\0\n\xff",
	     "loses the CR of a chunk", "any bytes"),
	GOOD("1;a=b\r\nx\r\n0;c\r\n\r\n", "", "x", "refuses extensions",
	     "RFC 9112 7.1.1: extensions"),
	GOOD("1;a=\"b;\t\xff\"\r\nx\r\n" END, "", "x", "refuses extensions",
	     "RFC 9112 7.1.1: a quoted one"),
	GOOD("1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n", "GET /", "x",
	     "refuses trailers", "RFC 9112 7.1.2: trailers"),
	GOOD("0\r\nDigest: b\r\nX-Hosts: c\r\n\r\n", "", "",
	     "refuses trailers", "RFC 9110 6.5.1: names that are no head's"),
	GOOD("0\r\nX-A-Name-That-Is-Longer-Than-Any-Known-One-Host: c\r\n\r\n",
	     "", "", "refuses trailers", "a long name"),
	OPEN("7fffffffffffffff\r\nx", "refuses the largest size", "2^63 - 1"),
	OPEN("5\r\nhell", "takes any end for the end", "within a chunk"),
	OPEN("5\r\nhello\r\n", "takes every chunk for the last",
	     "before the last"),

	BAD("\r\nhello", "takes no size for 0", "no size"),
	BAD("x\r\n", "ignores bytes in a size", "no hexadecimal digit"),
	BAD(" 5\r\nhello\r\n" END, "ignores bytes in a size",
	    "a blank before the size"),
	BAD("5 \r\nhello\r\n" END, "ignores bytes in a size",
	    "behind it: http-parser lets it pass"),
	BAD("5\t;a\r\nhello\r\n" END, "ignores bytes in a size",
	    "a tab behind it"),
	BAD("+5\r\nhello\r\n" END, "ignores bytes in a size", "a sign"),
	BAD("-1\r\n", "ignores bytes in a size", "a negative size"),
	BAD("0x5\r\nhello\r\n" END, "ignores bytes in a size",
	    "C's way to write it"),
	BAD("5_0\r\n", "ignores bytes in a size", "Python's int() takes it"),
	BAD("8000000000000000\r\n", "lets sizes overflow", "2^63"),
	BAD("10000000000000005\r\nhello\r\n" END, "lets sizes overflow",
	    "2^64 + 5"),
	BAD("00000000000000005\r\nhello\r\n" END, "lets sizes overflow",
	    "seventeen digits"),
	BAD("5\nhello\r\n" END, "accepts LF behind a size",
	    "RFC 9112 2.2: LF alone behind the size"),
	BAD("5\r\rhello\r\n" END, "accepts any byte for LF", "CR CR"),
	BAD("5;a\nx\r\n" END, "accepts controls in chunk lines",
	    "LF in an extension: http-parser takes it"),
	BAD("5;a\0\r\nhello\r\n" END, "accepts controls in chunk lines",
	    "NUL in an extension"),
	BAD("5;a\x7f\r\nhello\r\n" END, "accepts controls in chunk lines",
	    "DEL in an extension"),
	BAD("5;a\rbhello\r\n" END, "accepts any byte for LF",
	    "CR in an extension"),
	BAD("5\r\nhello!\r\n" END, "reads on behind a chunk",
	    "a chunk longer than its size"),
	BAD("5\r\nhello\n" END, "reads on behind a chunk",
	    "LF alone behind the payload"),
	BAD("5\r\nhello\rx" END, "accepts any byte for LF",
	    "CR alone behind it"),
	BAD("5\r\nhell\r\n" END, "reads on behind a chunk",
	    "a chunk shorter than its size"),
	BAD("0\r\n\n", "accepts LF as the last line", "LF as the last line"),
	BAD("0\r\n\rx", "accepts any byte for LF", "CR alone"),
	BAD("0\r\n A: b\r\n\r\n", "accepts any byte in a trailer's name",
	    "RFC 9112 5.2: a folded trailer"),
	BAD("0\r\nA : b\r\n\r\n", "accepts any byte in a trailer's name",
	    "RFC 9112 5.1: a blank before the colon"),
	BAD("0\r\n: b\r\n\r\n", "accepts a trailer without a name", "no name"),
	BAD("0\r\nA\r\n\r\n", "accepts any byte in a trailer's name",
	    "no colon"),
	BAD("0\r\nA: b\nC: d\r\n\r\n", "accepts controls in chunk lines",
	    "LF alone behind a trailer"),
	BAD("0\r\nA: b\rCC: d\r\n\r\n", "accepts any byte for LF",
	    "CR alone behind a trailer"),
	BAD("0\r\nA: \x01\r\n\r\n", "accepts controls in chunk lines",
	    "RFC 9110 5.5: a control in a trailer"),
	BAD("0\r\nGET / HTTP/1.1\r\n\r\n",
	    "accepts any byte in a trailer's name",
	    "a request for a trailer"),
	BAD("0\r\nContent-Length: 5\r\n\r\n", "merges trailers into the head",
	    "RFC 9110 6.5.1: framing"),
	BAD("0\r\nA: b\r\ntransfer-encoding: x\r\n\r\n",
	    "merges trailers into the head", "RFC 9110 6.5.1: the second one"),
	BAD("0\r\nHost: b\r\n\r\n", "merges trailers into the head",
	    "RFC 9110 6.5.1: routing"),
	BAD("0\r\nCookie: b\r\n\r\n", "merges trailers into the head",
	    "RFC 9110 6.5.1: who asks"),
	BAD("0\r\nX_Forwarded-For: ::1\r\n\r\n",
	    "reads underscores in trailers as they are",
	    "RFC 9110 6.5.1: a claim, CGI's way"),
};
#undef SECTION

#endif
