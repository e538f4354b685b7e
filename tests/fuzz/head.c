/* SPDX-License-Identifier: ISC */
/*
 * head.c: proto/head and proto/upgrade, fed with anything.
 *
 * Input: one byte, whose lowest bit is the kind and the others the size of the
 * pieces; then the bytes of a connection.
 */
#include "fuzz.h"

#include "proto/head.h"
#include "proto/upgrade.h"
#include "strict.h"

#define MAX 2048

struct verdict {
	const struct head_fault *fault;
	size_t len;
};

/* As it would be if the bytes came in pieces of that size. */
static struct verdict
look(enum head_kind kind, struct slice bytes, size_t piece)
{
	struct verdict v = { NULL, 0 };
	size_t scanned = 0;

	for (size_t n = 0; n < bytes.n && !v.fault && v.len == 0;) {
		char *p;

		n = bytes.n - n < piece ? bytes.n : n + piece;
		p = fuzz_copy(slice_of(bytes.p, n));
		v.fault = head_look(kind, p, n, MAX, &scanned, &v.len);
		MUST(scanned <= n && v.len <= n);
		free(p);
	}
	return v;
}

/* The field lines lie end to end between the start line and the end. */
static void
check_fields(const struct head *h)
{
	uint32_t at = h->line_end;

	MUST(h->start < h->line_end && h->line_end <= h->len - 2);
	for (uint32_t i = 0; i < h->nfields; i++) {
		const struct head_field *f = &h->fields[i];

		MUST(f->at == at && f->name_len > 0);
		MUST(h->base[f->at + f->name_len] == ':');
		MUST(f->value > f->at + f->name_len);
		MUST(f->value + f->value_len <= f->end - 2);
		MUST(memcmp(h->base + f->end - 2, "\r\n", 2) == 0);
		MUST(f->id < F_COUNT && h->first[f->id] > 0);
		MUST(h->first[f->id] <= i + 1);
		at = f->end;
	}
	MUST(at == h->len - 2);
}

static enum strict_framing
framing_of(const struct head *h)
{
	switch (h->framing) {
	case BODY_NONE:
		return FRAMED_NONE;
	case BODY_LENGTH:
		return FRAMED_LENGTH;
	case BODY_CHUNKED:
		return FRAMED_CHUNKED;
	case BODY_UNTIL_CLOSE:
		break;
	}
	return FRAMED_CLOSE;
}

static enum strict_kind
kind_of(const struct head *h)
{
	return h->kind == HEAD_REQUEST ? STRICT_REQUEST : STRICT_RESPONSE;
}

/* What passes means the same to the other reader. */
static void
check_meaning(const struct head *h)
{
	struct slice bytes = slice_of(h->base + h->start, h->len - h->start);
	struct strict_head s;

	MUST(strict_head(kind_of(h), bytes, &s) == STRICT_WHOLE);
	MUST(s.all.n == bytes.n);
	MUST(slice_eq(s.method, h->method) && slice_eq(s.target, h->target));
	MUST(s.status == h->status && (s.minor > 0) == h->minor);
	MUST(s.framing == framing_of(h) && s.length == h->content_length);
	MUST(s.close == !h->persistent);
	if (h->kind == HEAD_REQUEST)
		MUST(strict_is_upgrade(&s) ==
		     (upgrade_of_request(h) == UPGRADE_WEBSOCKET));
}

/*
 * http-parser is stricter than the lint in places that do no harm; it must not
 * be what finds out that a head can be read in two ways.
 */
static void
check_fault(const struct head *h, const struct head_fault *fault)
{
	struct strict_head s;

	MUST(fault->status >= 400 && fault->word && fault->why);
	if (strcmp(fault->word, "disagreement") == 0)
		MUST(strict_head(kind_of(h),
				 slice_of(h->base + h->start,
					  h->len - h->start),
				 &s) == STRICT_WHOLE);
}

static void
check_same(const struct head *a, const struct head *b)
{
	MUST(a->len == b->len && a->start == b->start);
	MUST(a->line_end == b->line_end && a->minor == b->minor);
	MUST(slice_eq(a->method, b->method) && slice_eq(a->target, b->target));
	MUST(slice_eq(a->path, b->path) && slice_eq(a->query, b->query));
	MUST(slice_eq(a->authority, b->authority) && a->status == b->status);
	MUST(slice_eq(a->phrase, b->phrase) && a->framing == b->framing);
	MUST(a->content_length == b->content_length);
	MUST(a->persistent == b->persistent && a->nfields == b->nfields);
	MUST(memcmp(a->first, b->first, sizeof(a->first)) == 0);
	MUST(a->nfields == 0 ||
	     memcmp(a->fields, b->fields, a->nfields * sizeof(*a->fields)) ==
		     0);
}

/* Is it the 101 to a certain request?  Both readers must think so. */
static void
check_switch(const struct head *res)
{
	static const struct slice asking = SLICE(
		"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
	struct strict_head strict_req, strict_res;
	struct head req;

	MUST(!head_parse(&req, HEAD_REQUEST, asking.p, asking.n));
	strict_head(STRICT_REQUEST, asking, &strict_req);
	strict_head(STRICT_RESPONSE, slice_of(res->base, res->len),
		    &strict_res);
	MUST(!upgrade_refute(&req, res, true) ==
	     strict_is_switch(&strict_req, &strict_res));
	head_fini(&req);
}

static void
check_head(enum head_kind kind, struct slice bytes)
{
	char *p = fuzz_copy(bytes), *q = fuzz_copy(bytes);
	struct head h, again;
	const struct head_fault *fault = head_parse(&h, kind, p, bytes.n);

	MUST(head_parse(&again, kind, q, bytes.n) == fault);
	if (fault) {
		check_fault(&h, fault);
	} else {
		check_fields(&h);
		check_meaning(&h);
		check_same(&h, &again);
	}
	if (!fault && kind == HEAD_RESPONSE)
		check_switch(&h);
	head_fini(&h);
	head_fini(&again);
	free(p);
	free(q);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of((const char *)data, size);
	uint8_t first = fuzz_byte(&in);
	enum head_kind kind = first & 1 ? HEAD_RESPONSE : HEAD_REQUEST;
	struct verdict whole = look(kind, in, SIZE_MAX);
	struct verdict pieces = look(kind, in, 1 + (first >> 1));

	MUST(whole.fault == pieces.fault);
	MUST(whole.fault || whole.len == pieces.len);
	if (whole.len > 0 && !whole.fault)
		check_head(kind, slice_of(in.p, whole.len));
	return 0;
}
