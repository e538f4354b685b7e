/* SPDX-License-Identifier: ISC */
/*
 * chars.c: what each byte may be in HTTP/1.
 */
#include "proto/chars.h"

#define V CHAR_VALUE
#define VU (CHAR_VALUE | CHAR_TARGET)
#define TV (CHAR_TOKEN | CHAR_VALUE)
#define TVU (CHAR_TOKEN | VU)
#define VUH (VU | CHAR_HOST)
#define ALL (TVU | CHAR_HOST)
#define HEX (ALL | CHAR_HEX)
#define DIG (HEX | CHAR_DIGIT)

/* '#' is no target's: a fragment stays in the browser (RFC 9112 3.2). */
const uint8_t chars_table[256] = {
	['\t'] = V, [' '] = V,
	['!'] = ALL, ['"'] = VU, ['#'] = TV,
	['$'] = ALL, ['%'] = ALL, ['&'] = ALL, ['\''] = ALL,
	['('] = VUH, [')'] = VUH, ['*'] = ALL, ['+'] = ALL,
	[','] = VUH, ['-'] = ALL, ['.'] = ALL, ['/'] = VU,
	['0' ... '9'] = DIG,
	[':'] = VU, [';'] = VUH, ['<'] = VU, ['='] = VUH, ['>'] = VU,
	['?'] = VU, ['@'] = VU,
	['A' ... 'F'] = HEX, ['G' ... 'Z'] = ALL,
	['['] = VU, ['\\'] = VU, [']'] = VU,
	['^'] = TVU, ['_'] = ALL, ['`'] = TVU,
	['a' ... 'f'] = HEX, ['g' ... 'z'] = ALL,
	['{'] = VU, ['|'] = TVU, ['}'] = VU, ['~'] = ALL,
	[0x80 ... 0xff] = VU,
};
