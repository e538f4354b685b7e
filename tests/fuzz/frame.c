/* SPDX-License-Identifier: ISC */
/*
 * frame.c: proto/frame against a reader that has all frames before it.
 *
 * Input: one byte, whose lowest bit says whether frames are masked and the
 * others the size of the pieces; then the bytes of one direction.
 *
 * They go by at once; in pieces; split at every place between two frames, or
 * two messages; and as the relay's pipes have them, of data frames the headers
 * alone, once without a limit and once with one, of as many bytes as a piece.
 */
#include "fuzz.h"

#include "proto/frame.h"

struct seen {
	uint32_t texts, binaries, pings, pongs;
	uint64_t message, largest;
	unsigned code;
	uint8_t reason[123];
	size_t nreason;
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

/* Of the first Close; a whole one. */
static void
read_close(struct seen *s, const struct frame *f, const uint8_t *p)
{
	static const uint8_t none[4];
	const uint8_t *mask = f->masked ? p + f->header - 4 : none;

	p += f->header;
	s->closed = true;
	s->code = 1005;
	if (f->payload < 2)
		return;
	s->code = (unsigned)(p[0] ^ mask[0]) << 8 | (p[1] ^ mask[1]);
	for (size_t i = 2; i < f->payload; i++)
		s->reason[s->nreason++] = p[i] ^ mask[i % 4];
}

/* One whose header is whole, but perhaps not its payload. */
static void
count(struct seen *s, const struct frame *f)
{
	s->texts += f->op == 1;
	s->binaries += f->op == 2;
	if (f->op >= 8)
		return;
	s->message = f->op == 0 ? s->message + f->payload : f->payload;
	if (s->message > s->largest)
		s->largest = s->message;
	s->in_message = !f->fin;
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
		count(&s, &f);
		s.at_boundary = n - f.header >= f.payload;
		if (!s.at_boundary)
			break;
		s.pings += f.op == 9;
		s.pongs += f.op == 10;
		if (f.op == 8 && !s.closed)
			read_close(&s, &f, p);
		s.good += f.header + f.payload;
	}
	if (s.lost)
		s.at_boundary = false;
	return s;
}

static void
check(const struct frame_watch *w, const struct seen *s)
{
	struct slice reason = frame_close_reason(w);

	MUST(w->texts == s->texts && w->binaries == s->binaries);
	MUST(w->pings == s->pings && w->pongs == s->pongs);
	MUST(w->largest == s->largest && w->lost == s->lost);
	MUST(w->closed == s->closed && frame_close_code(w) == s->code);
	MUST(slice_eq(reason, slice_of((const char *)s->reason, s->nreason)));
	MUST(w->in_message == s->in_message);
	MUST(frame_at_boundary(w) == s->at_boundary);
	MUST(frame_at_message_boundary(w) ==
	     (s->at_boundary && !s->in_message));
}

/* Where one of ours could stand: before and behind each byte. */
enum place { NONE, FRAMES, MESSAGES, IN_CLOSE };

static enum place
place_of(const struct frame_watch *w)
{
	if (frame_in_payload(w) && frame_opcode(w) == OP_CLOSE)
		return IN_CLOSE;
	return frame_at_message_boundary(w) ? MESSAGES
	       : frame_at_boundary(w) ? FRAMES : NONE;
}

static enum place *
map_places(struct slice in, bool masked)
{
	enum place *map = malloc((in.n + 1) * sizeof(*map));
	struct frame_watch w;

	MUST(map);
	frame_watch_init(&w, masked);
	for (size_t i = 0; i < in.n; i++) {
		map[i] = place_of(&w);
		frame_watch(&w, in.p + i, 1, 0);
	}
	map[in.n] = place_of(&w);
	frame_watch_fini(&w);
	return map;
}

/* How many of n bytes lead to the first. */
static size_t
find_place(const enum place *map, size_t n, bool within)
{
	for (size_t k = 0; k < n && map[k] != IN_CLOSE; k++)
		if (map[k] == MESSAGES || (within && map[k] == FRAMES))
			return k;
	return n;
}

/* Each piece ends at such a place, if there is one in it. */
static void
split_at_places(struct slice in, size_t piece, bool masked, bool within,
		const struct seen *s)
{
	enum place *map = map_places(in, masked);
	struct frame_watch w;

	frame_watch_init(&w, masked);
	for (size_t at = 0, n, k; at < in.n; at += k) {
		struct frame_watch before = w;
		char *part;

		n = in.n - at < piece ? in.n - at : piece;
		part = fuzz_copy(slice_of(in.p + at, n));
		k = frame_place(&w, part, n, within);
		MUST(memcmp(&w, &before, sizeof(w)) == 0);
		MUST(k == find_place(map + at, n, within));
		if (k == 0) /* it stands there: to the next one, then */
			k = 1;
		frame_watch(&w, part, k, 0);
		free(part);
	}
	check(&w, s);
	frame_watch_fini(&w);
	free(map);
}

/* What frame_ahead has to say. */
static uint64_t
look_ahead(const struct frame_watch *w, const uint8_t *p, size_t n,
	   uint64_t max)
{
	uint64_t before;
	struct frame f;

	if (!frame_at_boundary(w) || n < 2 ||
	    !may_come(p, w->masked, w->in_message) || !read_frame(&f, p, n))
		return 0;
	before = f.op == 0 ? w->message : 0;
	if (f.op >= 8 || f.payload == 0 || f.payload >> 63 ||
	    (max && before + f.payload > max))
		return 0;
	return f.header + f.payload;
}

/* The next bytes, as a pipe has them; how many those were. */
static size_t
pass_by(struct frame_watch *w, const uint8_t *p, size_t n, size_t piece,
	uint64_t max)
{
	uint64_t left = frame_payload_left(w), ahead;
	size_t most = n < piece ? n : piece;
	uint8_t *next;

	if (left > 0) {
		most = left < most ? (size_t)left : most;
		frame_skip(w, most);
		return most;
	}
	if (most > FRAME_HEADER_MAX)
		most = FRAME_HEADER_MAX;
	next = (uint8_t *)fuzz_copy(slice_of((const char *)p, most));
	ahead = frame_ahead(w, next, most, max);
	MUST(ahead == look_ahead(w, next, most, max));
	if (ahead > 0)
		most = ahead < most ? (size_t)ahead : most;
	else
		most = 1;
	frame_watch(w, next, most, max);
	free(next);
	return most;
}

static void
check_same(const struct frame_watch *a, const struct frame_watch *b)
{
	MUST(a->texts == b->texts && a->binaries == b->binaries);
	MUST(a->pings == b->pings && a->pongs == b->pongs);
	MUST(a->message == b->message && a->largest == b->largest);
	MUST(a->stage == b->stage && a->left == b->left);
	MUST(a->in_message == b->in_message && a->closed == b->closed);
	MUST(a->lost == b->lost && a->over == b->over);
	MUST(a->lively == b->lively);
	MUST(frame_close_code(a) == frame_close_code(b));
	MUST(slice_eq(frame_close_reason(a), frame_close_reason(b)));
}

/* It is where one is that sees every byte, at any time. */
static void
skip_payloads(const uint8_t *p, size_t n, size_t piece, bool masked,
	      uint64_t max)
{
	struct frame_watch w, plain;
	size_t at = 0, to = 0;

	frame_watch_init(&w, masked);
	frame_watch_init(&plain, masked);
	while (at < n) {
		to += pass_by(&w, p + at, n - at, piece, max);
		for (; at < to; at++)
			frame_watch(&plain, p + at, 1, max);
		check_same(&w, &plain);
		w.lively = plain.lively = false;
	}
	frame_watch_fini(&w);
	frame_watch_fini(&plain);
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
	MUST(w.closed && !w.lost && frame_at_boundary(&w));
	MUST(frame_close_code(&w) == code && frame_close_reason(&w).n == 0);
	frame_watch_fini(&w);
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
	split_at_places(in, piece, masked, true, &seen);
	split_at_places(in, piece, masked, false, &seen);
	skip_payloads(p, in.n, piece, masked, 0);
	skip_payloads(p, in.n, piece, masked, piece);
	frame_watch_fini(&whole);
	frame_watch_fini(&pieces);
	if (in.n >= 6)
		check_close((uint16_t)(p[0] << 8 | p[1]),
			    masked ? p + 2 : NULL);
	free(p);
	return 0;
}
