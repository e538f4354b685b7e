/* SPDX-License-Identifier: ISC */
/*
 * frame.c: a passive watcher of WebSocket frames (RFC 6455 5.2).
 *
 * Everything goes by frame_step, which takes headers byte by byte.  Nearly all
 * that ever comes are messages of one frame that lie whole in their piece:
 * frame_messages is a short cut for these, and comes to the same.
 */
#include "proto/frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIN 0x80
#define MASK 0x80
#define NO_CODE 1005

/* Of the present frame; from 1 to 13: so many bytes of its header have come. */
enum { BETWEEN = 0, IN_PAYLOAD = 14, ENDED };

void
frame_watch_init(struct frame_watch *w, bool masked)
{
	memset(w, 0, sizeof(*w));
	w->masked = masked;
}

void
frame_watch_fini(struct frame_watch *w)
{
	free(w->said);
	w->said = NULL;
}

static bool
is_data(const struct frame_watch *w)
{
	return frame_opcode(w) < OP_CLOSE;
}

/* ---- headers ---- */

static bool
is_control_sane(const struct frame_watch *w)
{
	unsigned opcode = frame_opcode(w), n = w->second & 0x7f;

	if (opcode < OP_CLOSE || opcode > OP_PONG)
		return false;
	if (!(w->first & FIN) || n > 125)
		return false;
	return opcode != OP_CLOSE || n != 1;
}

/* RFC 6455 5.1, 5.4, 5.5, on a header's first two bytes. */
static bool
is_sane(const struct frame_watch *w)
{
	unsigned opcode = frame_opcode(w);

	if (w->second >> 7 != w->masked)
		return false;
	if (opcode <= OP_BINARY)
		return (opcode == OP_CONTINUATION) == w->in_message;
	return is_control_sane(w);
}

/* Bytes of the payload's length behind the first two. */
static size_t
length_bytes(uint8_t second)
{
	unsigned n = second & 0x7f;

	return n < 126 ? 0 : n == 126 ? 2 : 8;
}

static void
give_up(struct frame_watch *w)
{
	w->stage = ENDED;
	w->lively = true;
}

static void
take_first_byte(struct frame_watch *w, uint8_t byte)
{
	w->first = byte;
	w->stage = 1;
}

static void
take_second_byte(struct frame_watch *w, uint8_t byte)
{
	w->second = byte;
	w->stage = 2;
	w->left = 0;
	w->lost = !is_sane(w);
	if (w->lost)
		give_up(w);
}

/* One more; at the end of its 32 bits it stays, rather than begin anew. */
static void
count(uint32_t *n)
{
	if (++*n == 0)
		*n = UINT32_MAX;
}

static void
end_frame(struct frame_watch *w)
{
	w->stage = BETWEEN;
	w->split = false;
	if (is_data(w))
		return;
	w->closed |= frame_opcode(w) == OP_CLOSE;
	if (frame_opcode(w) == OP_PING)
		count(&w->pings);
	else if (frame_opcode(w) == OP_PONG)
		count(&w->pongs);
}

static void
begin_data(struct frame_watch *w, uint64_t max)
{
	unsigned opcode = frame_opcode(w);
	uint64_t before = opcode == OP_CONTINUATION ? w->message : 0;

	if (w->left > (max ? max - before : INT64_MAX)) {
		w->lost = w->left > INT64_MAX;
		w->over = !w->lost;
		give_up(w);
		return;
	}
	if (opcode == OP_TEXT)
		count(&w->texts);
	else if (opcode == OP_BINARY)
		count(&w->binaries);
	w->message = before + w->left;
	if (w->message > w->largest)
		w->largest = w->message;
	w->in_message = !(w->first & FIN);
	w->lively = true;
}

/* A header is whole. */
static void
begin_payload(struct frame_watch *w, uint64_t max)
{
	w->stage = IN_PAYLOAD;
	if (length_bytes(w->second) == 0)
		w->left = w->second & 0x7f;
	if (is_data(w))
		begin_data(w, max);
	else
		w->lively |= frame_opcode(w) == OP_CLOSE;
	if (w->left == 0)
		end_frame(w);
}

/* A header, or the part of it that is there; returns how many bytes. */
static size_t
take_header(struct frame_watch *w, const uint8_t *p, size_t n, uint64_t max)
{
	size_t k = 0, mask, end;

	if (w->stage == BETWEEN)
		take_first_byte(w, p[k++]);
	if (w->stage == 1 && k < n)
		take_second_byte(w, p[k++]);
	if (w->stage == 1 || w->stage == ENDED)
		return k;
	mask = 2 + length_bytes(w->second);
	end = w->masked ? mask + 4 : mask;
	for (; k < n && w->stage < mask; w->stage++)
		w->left = w->left << 8 | p[k++];
	for (; k < n && w->stage < end; w->stage++)
		w->mask[w->stage - mask] = p[k++];
	if (w->stage == end)
		begin_payload(w, max);
	return k;
}

/* ---- payloads ---- */

/* n bytes of a Close's; the first Close is the one that counts. */
static void
hear(struct frame_watch *w, const uint8_t *p, size_t n)
{
	size_t all = w->second & 0x7f, at = all - (size_t)w->left;

	if (w->closed)
		return;
	if (at == 0) {
		w->said = malloc(sizeof(*w->said) + all);
		w->unheard = !w->said;
	}
	if (w->unheard)
		return;
	w->said->n = (uint8_t)(at + n);
	for (size_t i = at; i < at + n; i++)
		w->said->bytes[i] =
			p[i - at] ^ (w->masked ? w->mask[i % 4] : 0);
}

static size_t
take_payload(struct frame_watch *w, const uint8_t *p, size_t n)
{
	if (n > w->left)
		n = (size_t)w->left;
	if (frame_opcode(w) == OP_CLOSE)
		hear(w, p, n);
	w->lively |= is_data(w) || frame_opcode(w) == OP_CLOSE;
	w->left -= n;
	if (w->left == 0)
		end_frame(w);
	return n;
}

/* ---- pieces ---- */

void
frame_begin_piece(struct frame_watch *w)
{
	if (w->stage != BETWEEN && w->stage != ENDED)
		w->split = true;
}

size_t
frame_step(struct frame_watch *w, const void *p, size_t n, uint64_t max)
{
	if (w->stage == ENDED)
		return n;
	return w->stage == IN_PAYLOAD ? take_payload(w, p, n)
				      : take_header(w, p, n, max);
}

/* A whole message of one frame, of that many bytes, has gone by. */
static void
note_message(struct frame_watch *w, uint8_t first, size_t size)
{
	w->first = first;
	w->message = size;
	if (size > w->largest)
		w->largest = size;
	if ((first & 0x0f) == OP_TEXT)
		count(&w->texts);
	else
		count(&w->binaries);
	w->lively = true;
}

size_t
frame_messages(struct frame_watch *w, const void *bytes, size_t n,
	       uint64_t max)
{
	const uint8_t *p = bytes, *end = p + n;
	size_t mask = w->masked ? 4 : 0, header, size;

	if (w->stage != BETWEEN || w->in_message)
		return 0;
	for (; end - p >= 4; p += header + size) {
		uint8_t first = p[0] & (FIN | 0x0f);

		if (first != (FIN | OP_TEXT) && first != (FIN | OP_BINARY))
			break;
		header = 2 + mask;
		size = p[1] ^ (mask ? MASK : 0);
		if (size == 126) {
			header += 2;
			size = (size_t)p[2] << 8 | p[3];
		} else if (size > 126) {
			break;
		}
		if ((size_t)(end - p) < header + size || (max && size > max))
			break;
		note_message(w, p[0], size);
	}
	return (size_t)(p - (const uint8_t *)bytes);
}

/* What comes behind the first `at` bytes, which were whole messages. */
static size_t
watch_rest(struct frame_watch *w, const uint8_t *p, size_t n, size_t at,
	   uint64_t max)
{
	size_t frame = at, k;

	frame_begin_piece(w);
	while (at < n && w->stage != ENDED) {
		k = frame_messages(w, p + at, n - at, max);
		at += k ? k : frame_step(w, p + at, n - at, max);
		if (w->stage == BETWEEN)
			frame = at;
	}
	return w->stage == ENDED ? frame : n;
}

size_t
frame_watch(struct frame_watch *w, const void *bytes, size_t n, uint64_t max)
{
	size_t at = frame_messages(w, bytes, n, max);

	return at == n ? n : watch_rest(w, bytes, n, at, max);
}

uint64_t
frame_ahead(const struct frame_watch *w, const void *p, size_t n, uint64_t max)
{
	struct frame_watch next = *w;
	size_t header;

	if (w->stage != BETWEEN)
		return 0;
	header = frame_step(&next, p, n, max);
	return frame_payload_left(&next) > 0
		? header + frame_payload_left(&next) : 0;
}

size_t
frame_watch_one(struct frame_watch *w, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	size_t at = 0;

	while (at < n && w->stage != BETWEEN && w->stage != ENDED)
		at += frame_step(w, p + at, n - at, 0);
	return at;
}

bool
frame_in_payload(const struct frame_watch *w)
{
	return w->stage == IN_PAYLOAD;
}

uint64_t
frame_payload_left(const struct frame_watch *w)
{
	return w->stage == IN_PAYLOAD && is_data(w) ? w->left : 0;
}

void
frame_skip(struct frame_watch *w, size_t n)
{
	assert(n <= frame_payload_left(w));
	if (n == 0)
		return;
	frame_begin_piece(w);
	take_payload(w, NULL, n); /* of data none is looked at */
}

bool
frame_is_whole(const struct frame_watch *w)
{
	return w->stage == BETWEEN || (w->stage == ENDED && !w->split);
}

bool
frame_at_boundary(const struct frame_watch *w)
{
	return w->stage == BETWEEN;
}

bool
frame_at_message_boundary(const struct frame_watch *w)
{
	return frame_at_boundary(w) && !w->in_message;
}

size_t
frame_place(const struct frame_watch *w, const void *bytes, size_t n,
	    bool within)
{
	struct frame_watch at = *w;
	const uint8_t *p = bytes;
	size_t k = 0;

	while (k < n && !(within ? frame_at_boundary(&at)
				 : frame_at_message_boundary(&at))) {
		if (frame_in_payload(&at) && frame_opcode(&at) == OP_CLOSE)
			return n;
		k += frame_step(&at, p + k, n - k, 0);
	}
	return k;
}

/* ---- a Close ---- */

unsigned
frame_close_code(const struct frame_watch *w)
{
	if (!w->closed || w->unheard)
		return 0;
	if (!w->said)
		return NO_CODE;
	return (unsigned)w->said->bytes[0] << 8 | w->said->bytes[1];
}

struct slice
frame_close_reason(const struct frame_watch *w)
{
	if (!w->closed || !w->said)
		return SLICE_NONE;
	return slice_of((const char *)w->said->bytes + 2, w->said->n - 2u);
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
