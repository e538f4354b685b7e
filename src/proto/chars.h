/* SPDX-License-Identifier: ISC */
/*
 * chars.h: what each byte may be in HTTP/1 (RFC 9110 5.6.2, RFC 3986 3).
 *
 * One table of 256 bytes answers for all; the C library's ctype would ask the
 * locale.
 */
#ifndef PROTO_CHARS_H
#define PROTO_CHARS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum char_class {
	CHAR_TOKEN = 1 << 0,  /* of a method or a field name: tchar */
	CHAR_VALUE = 1 << 1,  /* of a field value: visible, blank, tab, or
			       * obs-text */
	CHAR_TARGET = 1 << 2, /* of a request target; more than RFC 3986 lets:
			       * applications are sent such things */
	CHAR_HOST = 1 << 3,   /* of a registered name */
	CHAR_HEX = 1 << 4,
	CHAR_DIGIT = 1 << 5,
};

extern const uint8_t chars_table[256];

static inline bool
char_is(char c, enum char_class class)
{
	return chars_table[(uint8_t)c] & class;
}

/* Are all four from p on? */
static inline bool
chars_four(const char *p, enum char_class class)
{
	return chars_table[(uint8_t)p[0]] & chars_table[(uint8_t)p[1]] &
	       chars_table[(uint8_t)p[2]] & chars_table[(uint8_t)p[3]] & class;
}

/* The first byte from p on that is not of that class; `end` if none. */
static inline const char *
chars_skip(const char *p, const char *end, enum char_class class)
{
	while (end - p >= 4 && chars_four(p, class))
		p += 4;
	while (p < end && char_is(*p, class))
		p++;
	return p;
}

static inline bool
chars_all(struct slice s, enum char_class class)
{
	return chars_skip(s.p, s.p + s.n, class) == s.p + s.n;
}

/* A hexadecimal digit's value, -1 if c is none. */
static inline int
char_hex(char c)
{
	if (!char_is(c, CHAR_HEX))
		return -1;
	return char_is(c, CHAR_DIGIT) ? c - '0' : (c | 0x20) - 'a' + 10;
}

#endif
