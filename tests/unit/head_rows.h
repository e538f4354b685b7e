/* SPDX-License-Identifier: ISC */
/*
 * head_rows.h: heads that may pass and heads that may not, each with its
 * reason.  For every rule of the lint there are rows on both sides of its
 * border.
 *
 * A row's word is the fault's, NULL for a head that passes.
 */
#ifndef TESTS_UNIT_HEAD_ROWS_H
#define TESTS_UNIT_HEAD_ROWS_H

#include "base/slice.h"

struct head_row {
	int line;
	struct slice head;
	unsigned status;
	const char *word;
	const char *why;
};

#define BYTES(literal) { (literal), sizeof(literal) - 1 }
#define PASS(head, why) { __LINE__, BYTES(head), 0, NULL, why }
#define FAIL(status, word, head, why) \
	{ __LINE__, BYTES(head), status, word, why }
/* A request with these field lines beside a good request line and Host. */
#define WITH(fields) "GET / HTTP/1.1\r\nHost: a\r\n" fields "\r\n"
/* A request with this method, with this target, for this Host. */
#define DO(method) method " / HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET(target) "GET " target " HTTP/1.1\r\nHost: a\r\n\r\n"
#define FOR(host) "GET / HTTP/1.1\r\nHost: " host "\r\n\r\n"
/* A response with these field lines, with this status line. */
#define OK(fields) "HTTP/1.1 200 OK\r\n" fields "\r\n"
#define SAY(status_line) status_line "\r\n\r\n"

static const struct head_row requests[] = {
	PASS("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "the plainest"),

	/* Empty lines before it, RFC 9112 2.2. */
	PASS("\r\n" GET("/"), "one empty line is skipped"),
	PASS("\r\n\r\n\r\n\r\n" GET("/"), "four are"),
	FAIL(400, "empty-lines", "\r\n\r\n\r\n\r\n\r\n" GET("/"), "five not"),
	FAIL(400, "bare-lf", "\n" GET("/"), "an empty line of LF alone"),
	FAIL(400, "bare-cr", "\r" GET("/"), "a CR and no line"),

	/* Line ends, RFC 9112 2.2. */
	FAIL(400, "bare-lf", "GET / HTTP/1.1\nHost: a\r\n\r\n",
	     "the request line ends in LF"),
	FAIL(400, "bare-lf", WITH("A: b\nX: y\r\n"),
	     "a backend that takes LF sees one more field"),
	FAIL(400, "bare-lf", "GET / HTTP/1.1\r\nHost: a\r\n\n\r\n",
	     "the empty line is LF"),
	FAIL(400, "bare-lf", "GET / HTTP/1.1\r\nHost: a\n\nGET /b\r\n\r\n",
	     "a backend that takes LF sees two requests"),
	FAIL(400, "bare-cr", WITH("A: b\rX: y\r\n"), "CR within a value"),
	FAIL(400, "bare-cr", WITH("A: b\r\r\n"), "CR CR LF"),
	FAIL(400, "bare-cr", WITH("A\rB: c\r\n"), "CR within a name"),
	FAIL(400, "bare-cr", GET("/\r"), "CR within the target"),
	FAIL(400, "bad-version", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
	     "CR CR LF after the version"),

	/* Controls and other bytes, RFC 9110 5.5. */
	FAIL(400, "nul", WITH("A: b\0c\r\n"), "NUL in a value"),
	FAIL(400, "nul", WITH("A\0b: c\r\n"), "NUL in a name"),
	FAIL(400, "nul", GET("/a\0b"), "NUL in the target"),
	FAIL(400, "control", WITH("A: b\x0b\r\n"), "VT in a value"),
	FAIL(400, "control", WITH("A: \x7f\r\n"), "DEL in a value"),
	FAIL(400, "control", WITH("A: \x1b[2J\r\n"), "ESC in a value"),
	FAIL(400, "control", GET("/\x01"), "a control in the target"),
	FAIL(400, "control", GET("/\x7f"), "DEL in the target"),
	PASS(WITH("A: b\tc\r\n"), "a tab within a value is a blank"),
	PASS(WITH("A: \xc3\xa4\xff\x80\r\n"), "obs-text in a value"),

	/* Field lines, RFC 9112 5. */
	PASS(WITH("A:b\r\n"), "no blank after the colon"),
	PASS(WITH("A:   b  \r\n"), "blanks around a value"),
	PASS(WITH("A:\r\n"), "an empty value"),
	PASS(WITH("A: \t \r\n"), "a value of blanks is empty"),
	PASS(WITH("A::\r\n"), "a colon may be a value"),
	PASS(WITH("X_Under_Score: 1\r\n"), "an underscore in a name"),
	PASS(WITH("!#$%&'*+-.^_`|~09azAZ: 1\r\n"), "every tchar"),
	FAIL(400, "obs-fold", WITH("A: b\r\n c\r\n"), "folded by a blank"),
	FAIL(400, "obs-fold", WITH("A: b\r\n\tc\r\n"), "folded by a tab"),
	FAIL(400, "obs-fold", WITH("A: b\r\n \r\n"), "folded without text"),
	FAIL(400, "obs-fold", "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
	     "RFC 9112 2.2: a blank before the first field"),
	FAIL(400, "no-colon", WITH("Ab\r\n"), "a name and no more"),
	FAIL(400, "bad-name", WITH("A b\r\n"), "no colon, but a blank"),
	FAIL(400, "empty-name", WITH(": b\r\n"), "a colon and no name"),
	FAIL(400, "blank-before-colon", WITH("A : b\r\n"),
	     "RFC 9112 5.1: what some servers take for A"),
	FAIL(400, "blank-before-colon",
	     WITH("Transfer-Encoding\t: chunked\r\n"), "the same by a tab"),
	FAIL(400, "bad-name", WITH("A B: c\r\n"), "a blank within a name"),
	FAIL(400, "bad-name", WITH("A(b): c\r\n"), "a delimiter in a name"),
	FAIL(400, "bad-name", WITH("A/b: c\r\n"), "a slash in a name"),
	FAIL(400, "bad-name", WITH("\xc3\xa4: c\r\n"), "obs-text in a name"),
	FAIL(400, "control", WITH("A\x01: c\r\n"), "a control in a name"),

	/* Methods, RFC 9110 9. */
	PASS(DO("PURGE"), "any token is a method"),
	PASS(DO("M-SEARCH"), "also with a hyphen"),
	PASS(DO("get"), "methods are case-sensitive, so this is another"),
	PASS(DO("AVERYLONGMETHODOFTHIRTYCHARACTERS"), "a long one"),
	FAIL(400, "bad-method", DO(""), "no method"),
	FAIL(400, "bad-method", DO("G(T"), "a delimiter in it"),
	FAIL(400, "bad-method", DO("AVERYLONGMETHODOFTHIRTY(CHARACTERS"),
	     "a delimiter far behind"),
	FAIL(400, "bad-method", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
	     "a tab is no blank here"),
	FAIL(501, "connect", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
	     "RFC 9110 9.3.6"),
	FAIL(405, "trace", DO("TRACE"), "RFC 9110 9.3.8"),
	PASS(DO("trace"), "but not what is another method"),

	/* The request line, RFC 9112 3. */
	FAIL(400, "bad-request-line", "GET\r\n\r\n", "a method alone"),
	FAIL(400, "http-0.9", "GET /\r\n\r\n", "HTTP/0.9"),
	FAIL(400, "no-target", "GET  HTTP/1.1\r\nHost: a\r\n\r\n",
	     "nothing between the blanks"),
	FAIL(400, "target-blank", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
	     "two blanks before the target"),
	FAIL(400, "target-blank", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
	     "two blanks behind it"),
	FAIL(400, "target-blank", GET("/a b"), "a blank in it"),
	FAIL(400, "target-blank", GET("/a\tb"), "a tab in it"),
	FAIL(400, "bad-version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
	     "a blank behind the version"),
	FAIL(400, "bad-version", "GET / http/1.1\r\nHost: a\r\n\r\n",
	     "the version is case-sensitive"),
	FAIL(400, "bad-version", "GET / HTTP/1\r\nHost: a\r\n\r\n",
	     "no minor version"),
	FAIL(400, "bad-version", "GET / HTTP/1.10\r\nHost: a\r\n\r\n",
	     "the minor version has one digit"),
	FAIL(400, "bad-version", "GET / HTTP/1.x\r\nHost: a\r\n\r\n",
	     "which is a digit"),
	FAIL(400, "bad-version", "GET / HTTP/01.1\r\nHost: a\r\n\r\n",
	     "the major version has one digit"),
	FAIL(400, "bad-version", "GET / ICY/1.1\r\nHost: a\r\n\r\n",
	     "another protocol"),
	PASS("GET / HTTP/1.2\r\nHost: a\r\n\r\n",
	     "RFC 9110 2.5: a higher minor version is compatible"),
	FAIL(505, "http2", "PRI * HTTP/2.0\r\n\r\n", "RFC 9113 3.4"),
	FAIL(505, "http2", "GET / HTTP/2.7\r\nHost: a\r\n\r\n",
	     "http-parser lets it pass"),
	FAIL(505, "version", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", "HTTP/3"),
	FAIL(505, "version", "GET / HTTP/0.9\r\nHost: a\r\n\r\n",
	     "HTTP/0.9 had no version in its line"),

	/* Targets, RFC 9112 3.2. */
	PASS(GET("/a%2Fb%00?x=%zz"), "escapes are the backend's affair"),
	PASS(GET("/?a?b/../c"), "dots in a query are no segments"),
	PASS(GET("/\xc3\xa4"), "raw UTF-8"),
	PASS(GET("/a|b\"<>[]{}^`\\c"), "what browsers and tools send raw"),
	PASS(GET("//b//c"), "empty segments"),
	FAIL(400, "target-fragment", GET("/a#b"), "a fragment"),
	FAIL(400, "dot-segments", GET("/a/../b"), "a dot segment"),
	FAIL(400, "dot-segments", GET("/a/%2e%2E/b"), "the same, escaped"),
	FAIL(400, "dot-segments", GET("/.."), "at the end"),
	FAIL(400, "dot-segments", GET("/a/.?q"), "before a query"),
	PASS(GET("/(..)photo/...."), "Next's own segments"),
	PASS("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "RFC 9112 3.2.4"),
	FAIL(400, "asterisk", GET("*"), "for OPTIONS only"),
	FAIL(400, "target-form", GET("*/"), "which is neither"),
	FAIL(400, "target-form", GET("a:443"), "authority-form"),
	FAIL(400, "target-form", GET("index.html"), "no slash"),
	FAIL(400, "target-form", GET("?q"), "a query alone"),
	PASS(GET("http://a/b"), "absolute-form"),
	PASS(GET("HTTPS://A"), "without a path, and in capitals"),
	PASS(GET("ws://a?q"), "without a path, but a query"),
	FAIL(400, "target-form", GET("ftp://a/"), "another scheme"),
	FAIL(400, "target-form", GET("http:/a"), "one slash"),
	FAIL(400, "target-form", GET("http:"), "no slash"),
	FAIL(400, "target-form", GET("://a/"), "no scheme"),
	FAIL(400, "target-host", GET("http:///b"), "no host"),
	FAIL(400, "target-host", GET("http://u:p@a/"), "RFC 9110 4.2.4"),
	FAIL(400, "target-host", GET("http://a:b/"), "a port of letters"),
	FAIL(400, "dot-segments", GET("http://a/../b"), "dots here too"),
	FAIL(400, "host-differs", GET("http://b/"), "RFC 9112 3.2.2"),
	FAIL(400, "host-differs", GET("http://a:80/"), "the port counts"),
	PASS("GET http://a/ HTTP/1.0\r\n\r\n", "HTTP/1.0 without Host"),

	/* Host, RFC 9112 3.2, RFC 9110 7.2. */
	PASS("GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 needs none"),
	FAIL(400, "host-missing", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 does"),
	FAIL(400, "host-missing", "GET http://a/ HTTP/1.1\r\n\r\n",
	     "also beside an absolute-form target"),
	FAIL(400, "host-twice", WITH("Host: b\r\n"), "two"),
	FAIL(400, "host-twice", WITH("hOST: a\r\n"), "also when equal"),
	FAIL(400, "host-invalid", FOR(""), "empty"),
	FAIL(400, "host-invalid", FOR("a b"), "a blank"),
	FAIL(400, "host-invalid", FOR("a/b"), "a path"),
	FAIL(400, "host-invalid", FOR("u@a"), "a user"),
	FAIL(400, "host-invalid", FOR("a\\b"), "a backslash"),
	FAIL(400, "host-invalid", FOR("\xc3\xa4"), "it has no obs-text"),
	FAIL(400, "host-invalid", FOR(":80"), "a port alone"),
	FAIL(400, "host-invalid", FOR("a:65536"), "a port too large"),
	FAIL(400, "host-invalid", FOR("a:80:80"), "two ports"),
	FAIL(400, "host-invalid", FOR("a:+80"), "a signed port"),
	FAIL(400, "host-invalid", FOR("::1"), "IPv6 without brackets"),
	FAIL(400, "host-invalid", FOR("[::1"), "no closing bracket"),
	FAIL(400, "host-invalid", FOR("[::1]x"), "text behind it"),
	FAIL(400, "host-invalid", FOR("[a.b]"), "brackets, but no IPv6"),
	FAIL(400, "host-invalid", FOR("[::g]"), "no hexadecimal digit"),
	FAIL(400, "host-invalid", FOR("[]"), "nothing in the brackets"),
	PASS(FOR("a:65535"), "the largest port"),
	PASS(FOR("a:"), "an empty port is legal"),
	PASS(FOR("my_app.example.com."), "underscore, final dot"),
	PASS(FOR("[::ffff:10.0.0.1]:3000"), "IPv6 with a port"),

	/* Content-Length, RFC 9110 8.6, RFC 9112 6.3. */
	PASS(WITH("Content-Length: 0\r\n"), "none"),
	PASS(WITH("Content-Length: 9223372036854775807\r\n"), "2^63 - 1"),
	FAIL(400, "length-invalid",
	     WITH("Content-Length: 9223372036854775808\r\n"), "2^63"),
	FAIL(400, "length-invalid",
	     WITH("Content-Length: 18446744073709551617\r\n"), "2^64 + 1"),
	FAIL(400, "length-invalid", WITH("Content-Length: +5\r\n"), "a sign"),
	FAIL(400, "length-invalid", WITH("Content-Length: -5\r\n"), "a sign"),
	FAIL(400, "length-invalid", WITH("Content-Length: 5,5\r\n"), "a list"),
	FAIL(400, "length-invalid", WITH("Content-Length: 5 5\r\n"), "two"),
	FAIL(400, "length-invalid", WITH("Content-Length: 0x5\r\n"), "C's"),
	FAIL(400, "length-invalid", WITH("Content-Length: 5.0\r\n"), "decimal"),
	FAIL(400, "length-invalid", WITH("Content-Length:\r\n"), "empty"),
	FAIL(400, "length-twice",
	     WITH("Content-Length: 5\r\nContent-Length: 6\r\n"), "two"),
	FAIL(400, "length-twice",
	     WITH("Content-Length: 5\r\ncontent-length: 5\r\n"),
	     "equal ones: nothing is merged here"),
	FAIL(400, "length-and-te",
	     WITH("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
	     "RFC 9112 6.1: an attempt at smuggling"),
	FAIL(400, "length-and-te",
	     WITH("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
	     "in the other order"),

	/* Transfer-Encoding, RFC 9112 6.1. */
	PASS(WITH("Transfer-Encoding: chunked\r\n"), "what all send"),
	PASS(WITH("transfer-encoding:CHUNKED\r\n"), "in other letters"),
	FAIL(501, "te-unknown", WITH("Transfer-Encoding: xchunked\r\n"),
	     "not chunked"),
	FAIL(501, "te-unknown", WITH("Transfer-Encoding: chunked;q=1\r\n"),
	     "chunked has no parameters"),
	FAIL(501, "te-unknown", WITH("Transfer-Encoding: gzip, chunked\r\n"),
	     "a coding that we do not undo"),
	FAIL(501, "te-unknown", WITH("Transfer-Encoding: identity\r\n"),
	     "http-parser lets it pass"),
	FAIL(400, "te-chunked-not-last",
	     WITH("Transfer-Encoding: chunked, gzip\r\n"), "RFC 9112 6.3"),
	FAIL(400, "te-chunked-not-last",
	     WITH("Transfer-Encoding: chunked, chunked\r\n"), "twice"),
	FAIL(400, "te-chunked-not-last",
	     WITH("Transfer-Encoding: chunked\r\n"
		  "Transfer-Encoding: chunked\r\n"),
	     "twice in two lines: http-parser lets it pass"),
	FAIL(400, "te-chunked-not-last",
	     WITH("Transfer-Encoding: chunked\r\n"
		  "Transfer-Encoding: identity\r\n"),
	     "two lines are one list"),
	FAIL(400, "te-empty", WITH("Transfer-Encoding:\r\n"), "no coding"),
	FAIL(400, "te-empty-member", WITH("Transfer-Encoding:,chunked\r\n"),
	     "http-parser takes it for no chunked"),
	FAIL(400, "te-empty-member",
	     WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n"),
	     "the same in two lines"),
	PASS(WITH("Transfer-Encoding: \tchunked \r\n"), "blanks around it"),
	FAIL(400, "te-in-http-1.0",
	     "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
	     "RFC 9112 6.1: HTTP/1.0 has none"),

	/* Single fields, RFC 6454 7.3, RFC 6455 11.3. */
	FAIL(400, "field-twice", WITH("Origin: a\r\nOrigin: b\r\n"), "Origin"),
	FAIL(400, "field-twice",
	     WITH("Sec-WebSocket-Key: a\r\nSec-WebSocket-Key: a\r\n"), "Key"),
	FAIL(400, "field-twice",
	     WITH("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8\r\n"),
	     "Version"),
	PASS(WITH("Sec-WebSocket-Protocol: a\r\n"
		  "Sec-WebSocket-Protocol: b\r\n"), "RFC 6455 11.3.4: legal"),
	PASS(WITH("Cookie: a=1\r\nCookie: b=2\r\n"), "others may repeat"),

	/* What is no HTTP at all. */
	FAIL(400, "tls-on-plain-port", "\x16\x03\x01\x02\x00\x01\x00\x01",
	     "a TLS hello"),
	FAIL(400, "bad-method", "\x05\x01\x00", "SOCKS"),
	FAIL(400, "bad-method", "\x80\x2e\x01", "SSL 2"),
	FAIL(400, "bad-request-line", "SSH-2.0-OpenSSH_9.2p1\r\n", "SSH"),
	FAIL(400, "bad-method", "{\"json\": 1}", "JSON"),
};

static const struct head_row responses[] = {
	PASS(OK(""), "the plainest"),
	PASS(SAY("HTTP/1.0 200 OK"), "HTTP/1.0"),
	PASS(SAY("HTTP/1.1 204 "), "RFC 9112 4: an empty phrase"),
	PASS(SAY("HTTP/1.1 204"), "its blank is often left out"),
	PASS(SAY("HTTP/1.1 404 Nicht gef\xfcnden\t!"), "obs-text and a tab"),
	PASS(SAY("HTTP/1.1 101 Switching Protocols"), "the lowest known"),
	PASS(SAY("HTTP/1.1 599 x"), "the highest"),
	FAIL(502, "bad-status-line", SAY("HTTP/1.1 600 x"), "RFC 9110 15"),
	FAIL(502, "bad-status-line", SAY("HTTP/1.1 099 x"), "below"),
	FAIL(502, "bad-status-line", SAY("HTTP/1.1 20 OK"), "two digits"),
	FAIL(502, "bad-status-line", SAY("HTTP/1.1 2000 OK"), "four"),
	FAIL(502, "bad-status-line", SAY("HTTP/1.1 2x0 OK"), "a letter"),
	FAIL(502, "bad-status-line", SAY("HTTP/1.1 20x OK"), "another"),
	FAIL(502, "bad-status-line", SAY("HTTP/1.1  200 OK"), "two blanks"),
	FAIL(502, "bad-status-line", SAY("HTTP/1.1\t200 OK"), "a tab"),
	FAIL(502, "bad-status-line", SAY("HTTP/1.1 200\tOK"), "a tab"),
	FAIL(502, "bad-status-line", SAY("HTTP/1.x 200 OK"), "no version"),
	FAIL(502, "bad-status-line", SAY("HTTP/1.1"), "nothing more"),
	FAIL(502, "control", SAY("HTTP/1.1 200 O\x01K"), "in the phrase"),
	FAIL(502, "nul", SAY("HTTP/1.1 200 O\0K"), "in the phrase"),
	FAIL(502, "bare-cr", SAY("HTTP/1.1 200 O\rK"), "in the phrase"),
	FAIL(502, "no-http", "Unauthorized", "Next's dev server"),
	FAIL(502, "no-http", SAY("HTTP/2 200"), "HTTP/2"),
	FAIL(502, "no-http", SAY("HTTP/2.0 200 OK"), "HTTP/2"),
	FAIL(502, "no-http", SAY("http/1.1 200 OK"), "case counts"),
	FAIL(502, "no-http", SAY("ICY 200 OK"), "Shoutcast"),
	FAIL(502, "no-http", "\r\n" OK(""), "no empty lines before it"),
	FAIL(502, "no-http", "RFB 003.008\n", "a VNC server"),

	FAIL(502, "bare-lf", "HTTP/1.1 200 OK\n\n", "LF alone"),
	FAIL(502, "obs-fold", OK("A: b\r\n c\r\n"), "folded"),
	FAIL(502, "no-colon", OK("A\r\n"), "no colon"),
	FAIL(502, "blank-before-colon", OK("A : b\r\n"), "a blank"),
	FAIL(502, "control", OK("A: \x01\r\n"), "a control"),
	PASS(OK("Set-Cookie: a=\xc3\xa4\r\nSet-Cookie: b\r\n"), "obs-text"),

	PASS(OK("Content-Length: 5\r\n"), "a length"),
	FAIL(502, "length-twice",
	     OK("Content-Length: 5\r\nContent-Length: 5\r\n"), "two"),
	FAIL(502, "length-invalid", OK("Content-Length:\r\n"), "empty"),
	FAIL(502, "length-invalid", OK("Content-Length: 5, 5\r\n"), "a list"),
	FAIL(502, "length-and-te",
	     OK("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
	     "both"),
	PASS(OK("Transfer-Encoding: chunked\r\n"), "chunked"),
	FAIL(502, "te-unknown", OK("Transfer-Encoding: gzip, chunked\r\n"),
	     "we asked for none: TE is not forwarded"),
	FAIL(502, "te-unknown", OK("Transfer-Encoding: identity\r\n"),
	     "RFC 9112 7: no coding any more"),
	FAIL(502, "te-chunked-not-last",
	     OK("Transfer-Encoding: chunked, gzip\r\n"), "not last"),
	FAIL(502, "te-in-http-1.0",
	     "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
	     "RFC 9112 6.1"),
	PASS(OK("Host: a\r\nHost: b\r\n"), "Host means nothing here"),
};

#endif
