/* SPDX-License-Identifier: ISC */
/*
 * unping.c: one direction of a tunnel without its Pings and Pongs.
 *
 * It is written after RFC 6455 5.2 and shares nothing with src/proto.  What is
 * no frame may be read as one: it is read alike on both sides.
 */
#include "unping.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Of the frame in front, as far as its header has come. */
static uint64_t
frame_length(struct slice in)
{
	const uint8_t *p = (const uint8_t *)in.p;
	size_t more, header = 2;
	uint64_t n;

	if (in.n < 2)
		return 2;
	n = p[1] & 0x7f;
	more = n == 127 ? 8 : n == 126 ? 2 : 0;
	header += more + (p[1] & 0x80 ? 4 : 0);
	if (in.n < header)
		return header;
	if (more > 0)
		n = 0;
	for (size_t i = 0; i < more; i++)
		n = n << 8 | p[2 + i];
	return n > UINT64_MAX - header ? UINT64_MAX : header + n;
}

static bool
is_ping_or_pong(char first)
{
	return (first & 0x0f) == 0x9 || (first & 0x0f) == 0xa;
}

size_t
unping(struct slice in, char *out)
{
	size_t kept = 0;

	while (in.n > 0) {
		uint64_t whole = frame_length(in);
		size_t n = whole < in.n ? (size_t)whole : in.n;

		if (!is_ping_or_pong(in.p[0])) {
			memcpy(out + kept, in.p, n);
			kept += n;
		}
		in.p += n;
		in.n -= n;
	}
	return kept;
}
