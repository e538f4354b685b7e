/* SPDX-License-Identifier: ISC */
/*
 * frame.h: a passive watcher of WebSocket frames (RFC 6455 5.2).
 *
 * It is shown the bytes of one direction as they pass, in pieces of any size,
 * skips payloads by arithmetic, and knows how many messages went by, whether
 * the stream stands between frames, and what a Close said.  On nonsense it
 * declares itself lost, once and for all, and lets the bytes pass.
 *
 * The payload of a Close alone is memory of its own, while that goes by; a copy
 * of a watcher may be shown anything else.
 */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum {
	OP_CONTINUATION = 0,
	OP_TEXT = 1,
	OP_BINARY = 2,
	OP_CLOSE = 8,
	OP_PING = 9,
	OP_PONG = 10,
};

/* Codes of a Close that we send (RFC 6455 7.4.1, and IANA's registry). */
enum {
	CLOSE_GOING_AWAY = 1001,
	CLOSE_PROTOCOL_ERROR = 1002,
	CLOSE_TOO_BIG = 1009,
	CLOSE_SERVICE_RESTART = 1012,
};

#define FRAME_HEADER_MAX 14

/* What a Close said: its code and the reason, unmasked. */
struct frame_said {
	uint8_t n;
	uint8_t bytes[];
};

struct frame_watch {
	uint64_t left;     /* payload still to come of the present frame */
	uint64_t message;  /* payload of the present message, or the last */
	uint64_t largest;  /* of all messages, as their frames announced it */
	struct frame_said *said; /* by the first Close; owned; or NULL */
	/* At most UINT32_MAX each, and that then. */
	uint32_t texts, binaries; /* messages begun */
	uint32_t pings, pongs;    /* that have gone by */
	uint8_t first, second;    /* bytes of the present frame */
	uint8_t mask[4];
	uint8_t stage;       /* 0 between frames; frame.c has the others */
	bool masked : 1;     /* frames of this side must be masked */
	bool in_message : 1; /* a fragmented message is open */
	bool lost : 1;
	bool split : 1;      /* the present frame began in an earlier piece */
	bool over : 1;       /* a message was longer than it may be */
	bool closed : 1;     /* a whole Close frame has gone by */
	bool unheard : 1;    /* memory was out for what it said */
	bool lively : 1;     /* for the owner to clear: there was anything but
			      * pings and pongs */
};

void frame_watch_init(struct frame_watch *w, bool masked);
void frame_watch_fini(struct frame_watch *w);
/*
 * n bytes go by, of which a message may have at most `max` in all its frames
 * (0: any number).  Returns n, or how many came before the frame that made it
 * lost or over; that is 0 ever after.
 */
size_t frame_watch(struct frame_watch *w, const void *p, size_t n,
		   uint64_t max);
/*
 * The same without a limit, but only up to the end of the present frame:
 * returns how many bytes that took.
 */
size_t frame_watch_one(struct frame_watch *w, const void *p, size_t n);
/*
 * The same with the first of these bytes only: a part of one frame's header,
 * or of one payload, or all of them when it is lost or over.  Returns how
 * many; n must not be 0.  frame_begin_piece comes before those of one read.
 */
size_t frame_step(struct frame_watch *w, const void *p, size_t n,
		  uint64_t max);
/*
 * A short cut: the whole messages, of one frame each, that these bytes begin
 * with, as many steps would take them.  Returns how many bytes, perhaps 0.
 */
size_t frame_messages(struct frame_watch *w, const void *p, size_t n,
		      uint64_t max);
void frame_begin_piece(struct frame_watch *w);
/*
 * For bytes that are not read at all: how many of the payload of the present
 * data frame are still to come, and that n of those have gone by.  0 in a
 * header, in a control frame, and once it is lost or over.
 */
uint64_t frame_payload_left(const struct frame_watch *w);
void frame_skip(struct frame_watch *w, size_t n);
/* Within a frame's payload: the next step takes of that, not of a header. */
bool frame_in_payload(const struct frame_watch *w);
/*
 * Between two frames: how long, header and payload, is the data frame that
 * begins with the n bytes at p?  0 if it is none, or its header is not whole, or
 * would make it lost or over with that `max`.  n must not be 0.
 */
uint64_t frame_ahead(const struct frame_watch *w, const void *p, size_t n,
		     uint64_t max);
/*
 * How many of these bytes lead to the first place between two messages, or
 * `within` one between two of its frames; n if they lead to none, or a Close
 * comes before it.
 */
size_t frame_place(const struct frame_watch *w, const void *p, size_t n,
		   bool within);
/* Of the frame that goes by, or has just gone by. */
static inline unsigned
frame_opcode(const struct frame_watch *w)
{
	return w->first & 0x0f;
}
/* The code of the first Close: 1005 if it had none; 0 before, or unheard. */
unsigned frame_close_code(const struct frame_watch *w);
/* Its reason, any bytes, at most 123; they live as long as the watcher. */
struct slice frame_close_reason(const struct frame_watch *w);
/*
 * The bytes that frame_watch let pass end between two frames, also if the next
 * one made it lost or over.
 */
bool frame_is_whole(const struct frame_watch *w);
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
