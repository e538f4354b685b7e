/* SPDX-License-Identifier: ISC */
/*
 * ping.c: a Ping of ours, and the Pong to it (RFC 6455 5.5.2, 5.5.3).
 *
 * While a Pong of ours is awaited, a frame that may be it is held as far as it
 * has come.  The first byte that differs lets it go.
 */
#include "proto/ping.h"

#include <string.h>

#define FIN 0x80
#define MASK 0x80
#define MASK_AT 2 /* of a short frame */

size_t
ping_frame(uint8_t out[PING_MAX], const uint8_t tag[PING_TAG],
	   const uint8_t mask[4])
{
	uint8_t *p = out;

	*p++ = FIN | OP_PING;
	*p++ = (mask ? MASK : 0) | PING_TAG;
	if (mask) {
		memcpy(p, mask, 4);
		p += 4;
	}
	for (size_t i = 0; i < PING_TAG; i++)
		*p++ = tag[i] ^ (mask ? mask[i % 4] : 0);
	return (size_t)(p - out);
}

void
ping_sent(struct pinged *s, const uint8_t tag[PING_TAG])
{
	memcpy(s->tag, tag, PING_TAG);
	s->waiting = true;
	s->owes = false; /* else there was no place for ours */
}

/* May what is held be the beginning of our Pong? */
static bool
may_be_ours(const struct pinged *s, bool masked)
{
	const uint8_t *h = s->held, *mask = h + MASK_AT;
	size_t header = masked ? MASK_AT + 4 : MASK_AT;

	if (h[0] != (FIN | OP_PONG))
		return false;
	if (s->nheld > 1 && h[1] != ((masked ? MASK : 0) | PING_TAG))
		return false;
	for (size_t i = header; i < s->nheld; i++)
		if ((h[i] ^ (masked ? mask[(i - header) % 4] : 0)) !=
		    s->tag[i - header])
			return false;
	return true;
}

/* FNV-1a of a control frame's payload, unmasked, of which k bytes came. */
static void
add_to_sum(struct pinged *s, const struct frame_watch *w, uint64_t left,
	   const uint8_t *p, size_t k)
{
	size_t at = (w->second & 0x7f) - (size_t)left;

	for (size_t i = 0; i < k; i++) {
		uint8_t mask = w->masked ? w->mask[(at + i) % 4] : 0;

		s->sum = (s->sum ^ p[i] ^ mask) * 16777619u;
	}
}

/* A whole Ping or Pong of `from` goes on to the other side. */
static void
pass_control(struct pinged *from, struct pinged *to, unsigned opcode)
{
	if (opcode == OP_PING) {
		to->owes = true;
		to->owed = from->sum;
	} else if (from->owes && from->owed == from->sum) {
		/* A Ping before it, so one of ours, is not answered any more. */
		from->owes = from->waiting = false;
	}
}

/* Follows the Pings and Pongs; a step of k bytes led to where the watch is. */
static void
follow(struct pinged *from, struct pinged *to, const struct frame_watch *w,
       uint64_t left, const uint8_t *p, size_t k)
{
	unsigned opcode = frame_opcode(w);

	if (w->lost || (opcode != OP_PING && opcode != OP_PONG))
		return;
	if (left > 0)
		add_to_sum(from, w, left, p, k);
	if (frame_at_boundary(w))
		pass_control(from, to, opcode);
}

/* What was held is let go: to the front of p's n bytes, or else to back. */
static size_t
let_go(struct pinged *s, uint8_t *p, size_t n, uint8_t *back, size_t *nback)
{
	size_t held = s->nheld;

	s->nheld = 0;
	if (held <= n) {
		memcpy(p, s->held, held);
		return held;
	}
	/* The part that these n bytes are is in its place already. */
	*nback = held - n;
	memcpy(back, s->held, *nback);
	return n;
}

size_t
ping_filter(struct pinged *from, struct pinged *to, struct frame_watch *w,
	    uint8_t *p, size_t n, uint64_t max, uint8_t back[PING_MAX],
	    size_t *nback, size_t *good)
{
	size_t kept = 0, k;

	*nback = *good = 0;
	frame_begin_piece(w);
	for (size_t at = 0; at < n; at += k) {
		bool fresh = frame_at_boundary(w);
		bool may_be = from->nheld > 0 || (fresh && from->waiting);
		uint64_t left = w->left;

		if (fresh) {
			from->sum = 2166136261u;
			*good = kept;
		}
		k = may_be ? 0 : frame_messages(w, p + at, n - at, max);
		if (k == 0)
			k = frame_step(w, p + at, n - at, max);
		follow(from, to, w, left, p + at, k);
		if (!may_be) {
			if (kept < at)
				memmove(p + kept, p + at, k);
			kept += k;
			continue;
		}
		memcpy(from->held + from->nheld, p + at, k);
		from->nheld = (uint8_t)(from->nheld + k);
		if (!may_be_ours(from, w->masked)) {
			kept += let_go(from, p + kept, at + k - kept, back,
				       nback);
		} else if (frame_at_boundary(w)) {
			from->nheld = 0;
			from->waiting = false;
		}
	}
	return kept;
}
