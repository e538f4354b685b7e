/* SPDX-License-Identifier: ISC */
/*
 * frame.h: a passive watcher of WebSocket frames (RFC 6455 5.2).
 *
 * It is shown the bytes of one direction as they pass, in pieces of any size,
 * skips payloads by arithmetic, and knows how many messages went by, whether
 * the stream stands between frames, and what a Close said.  On nonsense it
 * declares itself lost, once and for all, and lets the bytes pass.
 */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	OP_CONTINUATION = 0,
	OP_TEXT = 1,
	OP_BINARY = 2,
	OP_CLOSE = 8,
	OP_PING = 9,
	OP_PONG = 10,
};

struct frame_watch {
	uint64_t left;     /* payload still to come of the present frame */
	uint32_t messages; /* data messages begun */
	uint16_t code;     /* of a Close: 1005 if it had none; 0 before one */
	uint8_t need;      /* bytes of the present frame header, 0 between */
	uint8_t have;
	uint8_t head[14];
	uint8_t close_have; /* bytes of the Close's code seen */
	bool masked : 1;     /* frames of this side must be masked */
	bool in_message : 1; /* a fragmented message is open */
	bool lost : 1;
	bool closed : 1;     /* a whole Close frame has gone by */
};

void frame_watch_init(struct frame_watch *w, bool masked);
void frame_watch(struct frame_watch *w, const void *p, size_t n);
/*
 * The same with the first of these bytes only: a part of one frame's header,
 * or of one payload, or all of them when it is lost.  Returns how many; n must
 * not be 0.
 */
size_t frame_step(struct frame_watch *w, const void *p, size_t n);
/* Of the frame that goes by, or has just gone by. */
static inline unsigned
frame_opcode(const struct frame_watch *w)
{
	return w->head[0] & 0x0f;
}
/* Between two frames, so that one of ours could be put there. */
bool frame_at_boundary(const struct frame_watch *w);
/* Between two messages. */
bool frame_at_message_boundary(const struct frame_watch *w);

#define FRAME_CLOSE_MAX 8
/*
 * Writes a Close frame with that code (RFC 6455 5.5.1), masked with `mask`
 * unless that is NULL; returns its length.
 */
size_t frame_close(uint8_t out[FRAME_CLOSE_MAX], uint16_t code,
		   const uint8_t mask[4]);

#endif
