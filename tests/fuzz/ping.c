/* SPDX-License-Identifier: ISC */
/*
 * ping.c: taking out what we had put in gives back the original stream.
 *
 * Input: one byte, whose lowest bit says whether frames are masked and the
 * others the size of the pieces; one that says behind how many bytes, at the
 * next boundary, the Pong comes, and how long a message may be when it all goes
 * by for the second time; then the bytes of one direction.
 */
#include "fuzz.h"

#include "proto/ping.h"

struct stream {
	uint8_t *p;
	size_t n;
};

/* Of the input's sum, so that no input can have it. */
static void
make_tag(uint8_t tag[PING_TAG], struct slice in)
{
	uint64_t sum = 14695981039346656037u;

	for (size_t i = 0; i < in.n; i++)
		sum = (sum ^ (uint8_t)in.p[i]) * 1099511628211u;
	for (size_t i = 0; i < PING_TAG; i++)
		tag[i] = (uint8_t)((sum *= 1099511628211u) >> 56);
}

/* The first boundary from there on; beyond the end if there is none. */
static size_t
boundary(struct slice in, size_t from, bool masked)
{
	struct frame_watch w;
	size_t i;

	frame_watch_init(&w, masked);
	for (i = 0; i <= in.n; i++) {
		if (i >= from && frame_at_boundary(&w))
			break;
		if (i < in.n)
			frame_watch(&w, in.p + i, 1, 0);
	}
	frame_watch_fini(&w);
	return i;
}

static struct stream
put_in(struct slice in, size_t at, const uint8_t *tag, bool masked)
{
	static const uint8_t mask[4] = { 0x12, 0x89, 0, 0xfe };
	uint8_t pong[PING_MAX];
	size_t n = ping_frame(pong, tag, masked ? mask : NULL);
	struct stream s = { malloc(in.n + n), in.n + n };

	MUST(s.p);
	pong[0] = 0x80 | OP_PONG;
	memcpy(s.p, in.p, at);
	memcpy(s.p + at, pong, n);
	memcpy(s.p + at + n, in.p + at, in.n - at);
	return s;
}

/* All but our Pong goes on, to where a message is too long (0: none is). */
static void
filter(struct pinged *s, struct frame_watch *w, struct stream in, size_t piece,
       uint64_t max, struct stream *out)
{
	struct pinged other = { .nheld = 0 };
	uint8_t back[PING_MAX];
	size_t nback, good;

	out->n = 0;
	for (size_t at = 0, n; at < in.n && !w->over; at += n) {
		uint8_t *part;
		size_t kept;

		n = in.n - at < piece ? in.n - at : piece;
		part = (uint8_t *)fuzz_copy(slice_of((char *)in.p + at, n));
		kept = ping_filter(s, &other, w, part, n, max, back, &nback,
				   &good);
		MUST(kept <= n && (nback == 0 || kept > 0));
		MUST(good <= kept);
		if (w->over)
			kept = good;
		memcpy(out->p + out->n, back, nback);
		memcpy(out->p + out->n + nback, part, kept);
		out->n += nback + kept;
		free(part);
	}
	MUST(!w->over || s->nheld == 0);
	memcpy(out->p + out->n, s->held, s->nheld);
	out->n += s->nheld;
}

/*
 * With a limit: what goes on is what came, up to the frame that is too much;
 * of that one, if it came in pieces, the header's first bytes.
 */
static void
check_limit(struct slice in, struct stream sent, struct stream *out,
	    const uint8_t *tag, size_t at, uint64_t max, uint8_t first)
{
	struct pinged s = { .nheld = 0 };
	struct frame_watch w, plain;
	size_t good;

	ping_sent(&s, tag);
	frame_watch_init(&w, first & 1);
	frame_watch_init(&plain, first & 1);
	good = frame_watch(&plain, in.p, in.n, max);
	filter(&s, &w, sent, 1 + (first >> 1), max, out);
	MUST(out->n <= in.n && memcmp(out->p, in.p, out->n) == 0);
	MUST(w.over == plain.over && w.lost == plain.lost);
	MUST(w.texts == plain.texts && w.binaries == plain.binaries &&
	     w.largest == plain.largest);
	if (!w.over) {
		MUST(out->n == in.n);
	} else {
		MUST(out->n >= good && out->n < good + 14);
		MUST(!frame_is_whole(&w) || out->n == good);
		MUST(s.waiting == (at > good));
	}
	frame_watch_fini(&w);
	frame_watch_fini(&plain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of((const char *)data, size);
	uint8_t first = fuzz_byte(&in), tag[PING_TAG];
	bool masked = first & 1;
	size_t from = fuzz_byte(&in), at;
	struct pinged s = { .nheld = 0 };
	struct frame_watch w, plain;
	struct stream sent, out;

	at = boundary(in, from, masked);
	make_tag(tag, slice_of((const char *)data, size));
	ping_sent(&s, tag);
	if (at <= in.n)
		sent = put_in(in, at, tag, masked);
	else
		sent = (struct stream){ (uint8_t *)fuzz_copy(in), in.n };
	out = (struct stream){ malloc(sent.n + 1), 0 };
	MUST(out.p);
	frame_watch_init(&w, masked);
	frame_watch_init(&plain, masked);
	frame_watch(&plain, in.p, in.n, 0);
	filter(&s, &w, sent, 1 + (first >> 1), 0, &out);
	MUST(out.n == in.n && memcmp(out.p, in.p, in.n) == 0);
	MUST(s.waiting == (at > in.n));
	MUST(w.texts == plain.texts && w.binaries == plain.binaries && w.lost == plain.lost &&
	     frame_close_code(&w) == frame_close_code(&plain) && w.left == plain.left);
	frame_watch_fini(&w);
	frame_watch_fini(&plain);
	check_limit(in, sent, &out, tag, at, from, first);
	free(sent.p);
	free(out.p);
	return 0;
}
