/* SPDX-License-Identifier: ISC */
/*
 * watch_cost.c: messages go by, watched or not, for somebody who counts the
 * instructions (watch_cost.sh).
 *
 * watch_cost off|watch|pings client|server BYTES A_PIECE CUT COUNT: so many
 * messages of that size, text, from that side, some to a piece; if CUT is not
 * 0, one a piece and each piece cut in two there.  Prints the nanoseconds of
 * processor time that a message took.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/frame.h"
#include "proto/ping.h"

enum mode { OFF, WATCH, PINGS };

struct side {
	enum mode mode;
	struct frame_watch w;
	struct pinged from, to;
};

static volatile size_t seen; /* so that even those not watched do go by */

static void
die(const char *why)
{
	fprintf(stderr, "watch_cost: %s\n", why);
	exit(2);
}

static size_t
put_message(uint8_t *p, size_t n, bool masked)
{
	uint8_t *start = p, bit = masked ? 0x80 : 0;

	*p++ = 0x80 | OP_TEXT;
	if (n < 126) {
		*p++ = (uint8_t)(bit | n);
	} else if (n < 65536) {
		*p++ = bit | 126;
		*p++ = (uint8_t)(n >> 8);
		*p++ = (uint8_t)n;
	} else {
		*p++ = bit | 127;
		for (int shift = 56; shift >= 0; shift -= 8)
			*p++ = (uint8_t)((uint64_t)n >> shift);
	}
	if (masked) {
		memcpy(p, "\x12\x34\x56\x78", 4);
		p += 4;
	}
	memset(p, 'x', n);
	return (size_t)(p - start) + n;
}

static void
go_by(struct side *s, uint8_t *p, size_t n)
{
	uint8_t back[PING_MAX];
	size_t nback, good;

	seen += n;
	if (s->mode == WATCH)
		(void)frame_watch(&s->w, p, n, 1 << 20);
	else if (s->mode == PINGS)
		(void)ping_filter(&s->from, &s->to, &s->w, p, n, 1 << 20, back,
				  &nback, &good);
}

static enum mode
mode_of(const char *word)
{
	return strcmp(word, "watch") == 0 ? WATCH
	       : strcmp(word, "pings") == 0 ? PINGS : OFF;
}

int
main(int argc, char **argv)
{
	struct side s = { .mode = OFF };
	unsigned long bytes, a_piece, cut, count;
	uint8_t *piece;
	size_t n = 0;
	bool masked;

	if (argc != 7)
		die("mode, side, bytes, messages a piece, cut, count");
	s.mode = mode_of(argv[1]);
	masked = strcmp(argv[2], "client") == 0;
	bytes = strtoul(argv[3], NULL, 10);
	a_piece = strtoul(argv[4], NULL, 10);
	cut = strtoul(argv[5], NULL, 10);
	count = strtoul(argv[6], NULL, 10);
	piece = malloc(a_piece * (bytes + 14));
	if (!piece || a_piece == 0)
		die("no piece");
	for (unsigned long i = 0; i < a_piece; i++)
		n += put_message(piece + n, bytes, masked);
	frame_watch_init(&s.w, masked);
	for (unsigned long i = 0; i < count; i += a_piece) {
		if (cut)
			go_by(&s, piece, cut);
		go_by(&s, piece + cut, n - cut);
	}
	if (s.mode != OFF && (s.w.lost || s.w.texts != count))
		die("they were not seen");
	printf("%.0f\n", (double)clock() / CLOCKS_PER_SEC * 1e9 /
				 (double)count);
	free(piece);
	return 0;
}
