/* SPDX-License-Identifier: ISC */
/*
 * frame.c: proto/frame against a reader that has all frames before it.
 *
 * Input: one byte, whose lowest bit says whether frames are masked and the
 * others the size of the pieces; then the bytes of one direction.
 */
#include "fuzz.h"

#include "proto/frame.h"

struct seen {
	uint32_t messages;
	uint16_t code;
	bool lost, closed, in_message, at_boundary;
	size_t good; /* bytes of whole frames */
};

struct frame {
	size_t header;
	uint64_t payload;
	unsigned op;
	bool fin, masked;
};

/* RFC 6455 5.2; false when the header is not whole. */
static bool
read_frame(struct frame *f, const uint8_t *p, size_t n)
{
	size_t more;

	if (n < 2)
		return false;
	f->fin = p[0] & 0x80;
	f->op = p[0] & 0x0f;
	f->masked = p[1] & 0x80;
	f->payload = p[1] & 0x7f;
	more = f->payload == 126 ? 2 : f->payload == 127 ? 8 : 0;
	f->header = 2 + more + (f->masked ? 4 : 0);
	if (n < f->header)
		return false;
	if (more)
		f->payload = 0;
	for (size_t i = 0; i < more; i++)
		f->payload = f->payload << 8 | p[2 + i];
	return true;
}

/* Could the two bytes begin a frame here (RFC 6455 5.1, 5.4, 5.5)? */
static bool
may_come(const uint8_t *p, bool masked, bool in_message)
{
	unsigned op = p[0] & 0x0f, n = p[1] & 0x7f;

	if (!!(p[1] & 0x80) != masked)
		return false;
	if (op >= 8)
		return op <= 10 && p[0] & 0x80 && n <= 125 &&
		       !(op == 8 && n == 1);
	return op <= 2 && (op == 0) == in_message;
}

static uint16_t
close_code(const struct frame *f, const uint8_t *p)
{
	static const uint8_t none[4];
	const uint8_t *mask = f->masked ? p + f->header - 4 : none;

	if (f->payload == 0)
		return 1005;
	return (uint16_t)((p[f->header] ^ mask[0]) << 8 |
			  (p[f->header + 1] ^ mask[1]));
}

static struct seen
read_simply(const uint8_t *p, size_t n, bool masked)
{
	struct seen s = { .at_boundary = true };
	struct frame f;

	for (; n > 0; p += f.header + f.payload, n -= f.header + f.payload) {
		s.lost = n >= 2 && !may_come(p, masked, s.in_message);
		s.at_boundary = !s.lost && read_frame(&f, p, n);
		if (!s.at_boundary)
			break;
		if ((s.lost = f.payload >> 63))
			break;
		s.messages += f.op == 1 || f.op == 2;
		if (f.op < 8)
			s.in_message = !f.fin;
		if (f.op == 8 && (n >= f.header + f.payload ||
				  n - f.header >= 2))
			s.code = close_code(&f, p);
		s.at_boundary = n - f.header >= f.payload;
		if (!s.at_boundary)
			break;
		s.closed |= f.op == 8;
		s.good += f.header + f.payload;
	}
	if (s.lost)
		s.at_boundary = false;
	return s;
}

static void
check(const struct frame_watch *w, const struct seen *s)
{
	MUST(w->messages == s->messages && w->lost == s->lost);
	MUST(w->closed == s->closed && w->code == s->code);
	MUST(w->in_message == s->in_message);
	MUST(frame_at_boundary(w) == s->at_boundary);
	MUST(frame_at_message_boundary(w) ==
	     (s->at_boundary && !s->in_message));
}

/* Our own Close is one, too. */
static void
check_close(uint16_t code, const uint8_t *mask)
{
	uint8_t bytes[FRAME_CLOSE_MAX];
	size_t n = frame_close(bytes, code, mask);
	struct frame_watch w;

	MUST(n <= sizeof(bytes));
	frame_watch_init(&w, mask != NULL);
	frame_watch(&w, bytes, n, 0);
	MUST(w.closed && !w.lost && w.code == code && frame_at_boundary(&w));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of((const char *)data, size);
	uint8_t first = fuzz_byte(&in);
	bool masked = first & 1;
	size_t piece = 1 + (first >> 1);
	uint8_t *p = (uint8_t *)fuzz_copy(in);
	struct frame_watch whole, pieces;
	struct seen seen = read_simply(p, in.n, masked);

	frame_watch_init(&whole, masked);
	frame_watch_init(&pieces, masked);
	MUST(frame_watch(&whole, p, in.n, 0) == (seen.lost ? seen.good : in.n));
	for (size_t i = 0; i < in.n; i += piece) {
		size_t n = in.n - i < piece ? in.n - i : piece;
		uint8_t *part = (uint8_t *)fuzz_copy(slice_of(in.p + i, n));

		frame_watch(&pieces, part, n, 0);
		free(part);
	}
	check(&whole, &seen);
	check(&pieces, &seen);
	if (in.n >= 6)
		check_close((uint16_t)(p[0] << 8 | p[1]),
			    masked ? p + 2 : NULL);
	free(p);
	return 0;
}
