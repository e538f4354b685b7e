/* SPDX-License-Identifier: ISC */
/*
 * flow.c: frames of RFC 6455 5.2, with a payload known beforehand.
 */
#include "flow.h"

#include <stdio.h>
#include <string.h>

#include "pattern.h"

#define BINARY 0x82 /* with FIN */
#define CLOSE 0x88
#define MASK 0x80

void
inflow_init(struct inflow *f, uint32_t seed, size_t size, bool masked)
{
	memset(f, 0, sizeof(*f));
	f->seed = seed;
	f->size = size;
	f->masked = masked;
	f->need = 2;
}

void
outflow_init(struct outflow *f, uint32_t seed, size_t size, bool masked)
{
	memset(f, 0, sizeof(*f));
	f->seed = seed;
	f->size = size;
	f->masked = masked;
}

/* --------------------------------------------------------------- coming in */

static enum flow_got
wrong(struct inflow *f, const char *what, size_t seen, size_t wanted)
{
	snprintf(f->wrong, sizeof(f->wrong),
		 "message %u: %s is %zu, should be %zu", f->number, what, seen,
		 wanted);
	return FLOW_WRONG;
}

/* How long the header is, as far as its first two bytes tell. */
static unsigned
header_length(const uint8_t *head)
{
	unsigned n = 2 + (head[1] & MASK ? 4 : 0);
	uint8_t code = head[1] & 0x7f;

	return code == 127 ? n + 8 : code == 126 ? n + 2 : n;
}

static size_t
payload_length(const uint8_t *head)
{
	uint8_t code = head[1] & 0x7f;
	unsigned bytes = code == 127 ? 8 : code == 126 ? 2 : 0;
	size_t length = bytes ? 0 : code;

	for (unsigned i = 0; i < bytes; i++)
		length = length << 8 | head[2 + i];
	return length;
}

static enum flow_got
check_header(struct inflow *f)
{
	bool masked = f->head[1] & MASK;

	f->length = payload_length(f->head);
	f->at = 0;
	if (f->head[0] != BINARY && f->head[0] != CLOSE)
		return wrong(f, "the first byte", f->head[0], BINARY);
	if (masked != f->masked)
		return wrong(f, "the mask bit", masked, f->masked);
	if (masked && memcmp(f->head + f->need - 4, pattern_key, 4) != 0)
		return wrong(f, "the first byte of the mask",
			     f->head[f->need - 4], pattern_key[0]);
	if (f->head[0] == CLOSE ? f->length > 125
				: f->length && f->length != f->size)
		return wrong(f, "the length", f->length, f->size);
	return FLOW_MORE;
}

/* True when the header is complete. */
static bool
take_header(struct inflow *f, const uint8_t **data, size_t *len)
{
	while (*len && f->have < f->need) {
		f->head[f->have++] = *(*data)++;
		(*len)--;
		if (f->have == 2)
			f->need = header_length(f->head);
	}
	return f->have == f->need;
}

/* The first byte that is not as it should be, which there is. */
static enum flow_got
name_byte(struct inflow *f, const uint8_t *data, const uint8_t *should)
{
	size_t i = 0;
	char what[64];

	while (data[i] == should[i])
		i++;
	snprintf(what, sizeof(what), "byte %zu", f->at + i);
	return wrong(f, what, data[i], should[i]);
}

static void
keep_close(struct inflow *f, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t at = f->at + i;
		uint8_t c = data[i] ^ (f->masked ? pattern_key[at % 4] : 0);

		if (at >= 2)
			f->close[at - 2] = (char)c;
	}
}

enum flow_got
inflow_take(struct inflow *f, const uint8_t **data, size_t *len)
{
	const uint8_t *should;
	size_t n;

	if (f->have < f->need) {
		if (!take_header(f, data, len))
			return FLOW_MORE;
		if (check_header(f) == FLOW_WRONG)
			return FLOW_WRONG;
	}
	n = f->length - f->at < *len ? f->length - f->at : *len;
	should = pattern_of(f->seed, f->number, f->masked) + f->at;
	if (f->head[0] == CLOSE)
		keep_close(f, *data, n);
	else if (memcmp(*data, should, n) != 0)
		return name_byte(f, *data, should);
	f->at += n;
	*data += n;
	*len -= n;
	if (f->at < f->length)
		return FLOW_MORE;
	f->have = 0;
	f->need = 2;
	if (f->head[0] == CLOSE)
		return FLOW_CLOSE;
	if (f->length == 0)
		return FLOW_MARK;
	f->number++;
	return FLOW_MESSAGE;
}

/* --------------------------------------------------------------- going out */

static void
make_header(struct outflow *f, uint8_t first, size_t length)
{
	uint8_t mask = f->masked ? MASK : 0;
	uint8_t *p = f->head;
	unsigned bytes = length > 65535 ? 8 : length > 125 ? 2 : 0;

	*p++ = first;
	*p++ = mask | (uint8_t)(bytes == 8 ? 127 : bytes == 2 ? 126 : length);
	for (unsigned i = bytes; i > 0; i--)
		*p++ = (uint8_t)(length >> (8 * (i - 1)));
	if (f->masked) {
		memcpy(p, pattern_key, 4);
		p += 4;
	}
	f->nhead = (unsigned)(p - f->head);
	f->at = 0;
}

/* A Close's payload stands behind its header, in the same array. */
static void
make_close(struct outflow *f)
{
	char text[126] = {0x03, (char)0xe8}; /* 1000 */
	int n = snprintf(text + 2, sizeof(text) - 2, "%s",
			 f->close_text ? f->close_text : "");
	size_t length = (size_t)n > 123 ? 125 : (size_t)n + 2;

	make_header(f, CLOSE, length);
	for (size_t i = 0; i < length; i++)
		f->head[f->nhead++] =
			(uint8_t)text[i] ^ (f->masked ? pattern_key[i % 4] : 0);
}

static size_t
body_size(const struct outflow *f)
{
	return f->begun == FLOW_MESSAGE ? f->size : 0;
}

/* Makes the next frame's header; false if there is nothing to send. */
static bool
begin(struct outflow *f)
{
	if (f->owed) {
		f->begun = FLOW_MESSAGE;
		make_header(f, BINARY, f->size);
	} else if (f->mark) {
		f->begun = FLOW_MARK;
		f->mark = false;
		make_header(f, BINARY, 0);
	} else if (f->close) {
		f->begun = FLOW_CLOSE;
		f->close = false;
		make_close(f);
	}
	return f->begun != FLOW_MORE;
}

/* Who stops an endless flow has set `owed` to 0 in the midst of a message. */
static void
finished(struct outflow *f)
{
	if (f->begun == FLOW_MESSAGE) {
		f->number++;
		if (f->owed && f->owed != FLOW_ENDLESS)
			f->owed--;
	}
	f->begun = FLOW_MORE;
}

static ssize_t
send_rest(struct outflow *f, struct wire *w)
{
	const uint8_t *body = pattern_of(f->seed, f->number, f->masked);
	size_t in_body = f->at > f->nhead ? f->at - f->nhead : 0;
	size_t in_head = f->at - in_body;

	return wire_send(w, f->head + in_head, f->nhead - in_head,
			 body + in_body, body_size(f) - in_body);
}

bool
outflow_send(struct outflow *f, struct wire *w, size_t limit)
{
	size_t sent = 0;

	while (sent < limit && (f->begun || begin(f))) {
		ssize_t n = send_rest(f, w);

		if (n == WIRE_AGAIN)
			return true;
		if (n < 0)
			return false;
		f->at += (size_t)n;
		sent += (size_t)n;
		if (f->at < f->nhead + body_size(f))
			continue; /* the next call says EAGAIN */
		finished(f);
	}
	return true;
}

bool
outflow_owes(const struct outflow *f)
{
	return f->begun || f->owed || f->mark || f->close;
}
