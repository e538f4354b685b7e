/* SPDX-License-Identifier: ISC */
/*
 * frame.c: a passive watcher of WebSocket frames (RFC 6455 5.2).
 *
 * `need` is 0 between frames.  In a frame's header it grows from 2 to the
 * header's length, and stays so while the payload goes by.
 */
#include "proto/frame.h"

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
	unsigned n = w->head[1] & 0x7f;

	return (uint8_t)(2 + (n == 126 ? 2 : n == 127 ? 8 : 0) +
			 (w->masked ? 4 : 0));
}

static uint64_t
payload_length(const struct frame_watch *w)
{
	unsigned short_length = w->head[1] & 0x7f;
	unsigned bytes = short_length == 126 ? 2 : 8;
	uint64_t n = 0;

	if (short_length < 126)
		return short_length;
	for (unsigned i = 0; i < bytes; i++)
		n = n << 8 | w->head[2 + i];
	return n;
}

static bool
is_control_sane(const struct frame_watch *w)
{
	unsigned n = w->head[1] & 0x7f;

	if (!(w->head[0] & FIN) || n > 125)
		return false;
	return frame_opcode(w) != OP_CLOSE || n != 1;
}

/* RFC 6455 5.1, 5.4, 5.5, on a header's first two bytes. */
static bool
is_sane(const struct frame_watch *w)
{
	if (!!(w->head[1] & MASK) != w->masked)
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
	if (frame_opcode(w) == OP_CLOSE) {
		w->closed = true;
		if (w->close_have == 0)
			w->code = NO_CODE;
	}
	w->need = w->have = 0;
}

static void
begin_payload(struct frame_watch *w)
{
	unsigned op = frame_opcode(w);

	w->left = payload_length(w);
	if (w->left >> 63) {
		w->lost = true;
		return;
	}
	w->close_have = 0;
	if (op == OP_TEXT || op == OP_BINARY)
		w->messages++;
	if (op < OP_CLOSE)
		w->in_message = !(w->head[0] & FIN);
	if (w->left == 0)
		end_frame(w);
}

/* Gathers header bytes; returns how many it took. */
static size_t
take_header(struct frame_watch *w, const uint8_t *p, size_t n)
{
	size_t k;

	if (w->need == 0)
		w->need = 2;
	k = (size_t)(w->need - w->have);
	if (k > n)
		k = n;
	memcpy(w->head + w->have, p, k);
	w->have = (uint8_t)(w->have + k);
	if (w->have < w->need)
		return k;

	if (w->need == 2) {
		w->lost = !is_sane(w);
		w->need = header_length(w);
	}
	if (w->have == w->need && !w->lost)
		begin_payload(w);
	return k;
}

/* The code is the first two bytes; the first one waits in head[1]. */
static void
take_close_byte(struct frame_watch *w, uint8_t byte)
{
	if (w->masked)
		byte ^= w->head[w->need - 4 + w->close_have];
	if (w->close_have++ == 0)
		w->head[1] = byte;
	else
		w->code = (uint16_t)(w->head[1] << 8 | byte);
}

static size_t
take_payload(struct frame_watch *w, const uint8_t *p, size_t n)
{
	if (n > w->left)
		n = (size_t)w->left;
	if (frame_opcode(w) == OP_CLOSE)
		for (size_t i = 0; i < n && w->close_have < 2; i++)
			take_close_byte(w, p[i]);
	w->left -= n;
	if (w->left == 0)
		end_frame(w);
	return n;
}

size_t
frame_step(struct frame_watch *w, const void *p, size_t n)
{
	if (w->lost)
		return n;
	return w->left > 0 ? take_payload(w, p, n) : take_header(w, p, n);
}

void
frame_watch(struct frame_watch *w, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	size_t k;

	for (; n > 0; p += k, n -= k)
		k = frame_step(w, p, n);
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
