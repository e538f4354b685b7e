/* SPDX-License-Identifier: ISC */
/*
 * frame.c: a passive watcher of WebSocket frames (RFC 6455 5.2).
 *
 * `need` is 0 between frames.  In a frame's header it grows from 2 to the
 * header's length, and stays so while the payload goes by.
 */
#include "proto/frame.h"

#include <assert.h>
#include <string.h>

#define FIN 0x80
#define MASK 0x80
#define NO_CODE 1005

void
frame_watch_init(struct frame_watch *w, bool masked)
{
	memset(w, 0, sizeof(*w));
	w->masked = masked;
}

/* The first two bytes tell how long the header is. */
static uint8_t
header_length(const struct frame_watch *w)
{
	unsigned n = w->second & 0x7f;

	return (uint8_t)(2 + (n == 126 ? 2 : n == 127 ? 8 : 0) +
			 (w->masked ? 4 : 0));
}

static bool
is_control_sane(const struct frame_watch *w)
{
	unsigned n = w->second & 0x7f;

	if (!(w->first & FIN) || n > 125)
		return false;
	return frame_opcode(w) != OP_CLOSE || n != 1;
}

/* RFC 6455 5.1, 5.4, 5.5, on a header's first two bytes. */
static bool
is_sane(const struct frame_watch *w)
{
	if (!!(w->second & MASK) != w->masked)
		return false;
	switch (frame_opcode(w)) {
	case OP_CONTINUATION:
		return w->in_message;
	case OP_TEXT:
	case OP_BINARY:
		return !w->in_message;
	case OP_CLOSE:
	case OP_PING:
	case OP_PONG:
		return is_control_sane(w);
	default:
		return false;
	}
}

static void
end_frame(struct frame_watch *w)
{
	w->split = false;
	w->pong |= frame_opcode(w) == OP_PONG;
	if (frame_opcode(w) == OP_CLOSE) {
		w->closed = true;
		if (w->close_have == 0)
			w->code = NO_CODE;
	}
	w->need = w->have = 0;
}

static bool
is_data(const struct frame_watch *w)
{
	return frame_opcode(w) < OP_CLOSE;
}

/* A header is whole. */
static void
begin_payload(struct frame_watch *w, uint64_t max)
{
	bool begins = is_data(w) && frame_opcode(w) != OP_CONTINUATION;

	if ((w->second & 0x7f) < 126)
		w->left = w->second & 0x7f;
	w->lost = w->left >> 63;
	if (w->lost)
		return;
	if (begins)
		w->message = 0;
	w->over = is_data(w) && max && w->left > max - w->message;
	if (w->over)
		return;
	if (begins)
		w->messages++;
	if (is_data(w)) {
		w->message += w->left;
		w->in_message = !(w->first & FIN);
	}
	w->close_have = 0;
	w->lively |= frame_opcode(w) != OP_PING && frame_opcode(w) != OP_PONG;
	if (w->left == 0)
		end_frame(w);
}

static void
take_header_byte(struct frame_watch *w, uint8_t byte)
{
	unsigned at = w->have++;

	if (at == 0) {
		w->first = byte;
		w->need = 2;
		w->left = 0;
	} else if (at == 1) {
		w->second = byte;
		w->lost = !is_sane(w);
		w->need = header_length(w);
	} else if (at < w->need - (w->masked ? 4u : 0u)) {
		w->left = w->left << 8 | byte;
	} else {
		w->mask[at + 4 - w->need] = byte;
	}
}

/* Gathers header bytes; returns how many it took. */
static size_t
take_header(struct frame_watch *w, const uint8_t *p, size_t n, uint64_t max)
{
	size_t k = 0;

	do
		take_header_byte(w, p[k++]);
	while (k < n && w->have < w->need && !w->lost);
	if (w->have == w->need && !w->lost)
		begin_payload(w, max);
	return k;
}

/* The code is the first two bytes; the first one waits in `second`. */
static void
take_close_byte(struct frame_watch *w, uint8_t byte)
{
	if (w->masked)
		byte ^= w->mask[w->close_have];
	if (w->close_have++ == 0)
		w->second = byte;
	else
		w->code = (uint16_t)(w->second << 8 | byte);
}

static size_t
take_payload(struct frame_watch *w, const uint8_t *p, size_t n)
{
	if (n > w->left)
		n = (size_t)w->left;
	if (frame_opcode(w) == OP_CLOSE)
		for (size_t i = 0; i < n && w->close_have < 2; i++)
			take_close_byte(w, p[i]);
	w->lively |= frame_opcode(w) != OP_PING && frame_opcode(w) != OP_PONG;
	w->left -= n;
	if (w->left == 0)
		end_frame(w);
	return n;
}

static bool
has_ended(const struct frame_watch *w)
{
	return w->lost || w->over;
}

/* Is it payload that comes next? */
static bool
is_in_payload(const struct frame_watch *w)
{
	return w->need > 0 && w->have == w->need;
}

void
frame_begin_piece(struct frame_watch *w)
{
	w->split |= w->need > 0 && !has_ended(w);
}

size_t
frame_step(struct frame_watch *w, const void *p, size_t n, uint64_t max)
{
	if (has_ended(w))
		return n;
	if (is_in_payload(w))
		return take_payload(w, p, n);
	return take_header(w, p, n, max);
}

size_t
frame_watch(struct frame_watch *w, const void *bytes, size_t n, uint64_t max)
{
	const uint8_t *p = bytes;
	size_t at = 0, frame = 0;

	if (has_ended(w))
		return 0;
	frame_begin_piece(w);
	while (at < n && !has_ended(w)) {
		at += frame_step(w, p + at, n - at, max);
		if (w->need == 0)
			frame = at;
	}
	w->lively |= has_ended(w);
	return has_ended(w) ? frame : n;
}

size_t
frame_watch_one(struct frame_watch *w, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	size_t at = 0;

	while (at < n && w->need > 0 && !has_ended(w))
		at += frame_step(w, p + at, n - at, 0);
	return at;
}

uint64_t
frame_payload_left(const struct frame_watch *w)
{
	return is_in_payload(w) && is_data(w) && !has_ended(w) ? w->left : 0;
}

void
frame_skip(struct frame_watch *w, size_t n)
{
	assert(n <= frame_payload_left(w));
	frame_begin_piece(w);
	if (n > 0)
		take_payload(w, NULL, n); /* of data none is looked at */
}

bool
frame_is_whole(const struct frame_watch *w)
{
	return w->need == 0 || (has_ended(w) && !w->split);
}

bool
frame_at_boundary(const struct frame_watch *w)
{
	return w->need == 0 && !w->lost;
}

bool
frame_at_message_boundary(const struct frame_watch *w)
{
	return frame_at_boundary(w) && !w->in_message;
}

size_t
frame_close(uint8_t out[FRAME_CLOSE_MAX], uint16_t code, const uint8_t mask[4])
{
	uint8_t *p = out;

	*p++ = FIN | OP_CLOSE;
	*p++ = mask ? MASK | 2 : 2;
	if (mask) {
		memcpy(p, mask, 4);
		p += 4;
	}
	*p++ = (uint8_t)((code >> 8) ^ (mask ? mask[0] : 0));
	*p++ = (uint8_t)((code & 0xff) ^ (mask ? mask[1] : 0));
	return (size_t)(p - out);
}
