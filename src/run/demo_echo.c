/* SPDX-License-Identifier: ISC */
/*
 * demo_echo.c: a WebSocket server that sends every message back (RFC 6455).
 *
 * A message goes back in one frame of its kind, however many it came in; a
 * ping is answered with a pong, a Close with a Close.  It has a thread of its
 * own, so that it may simply block: a client that does not read what it is
 * sent is not read from either.
 */
#include "run/demo_echo.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/sockopt.h"

#define HEADER_MAX 14
#define CONTROL_MAX 125

#define OP_CONTINUATION 0x0
#define OP_TEXT 0x1
#define OP_BINARY 0x2
#define OP_CLOSE 0x8
#define OP_PING 0x9
#define OP_PONG 0xA

/* RFC 6455 7.4.1 */
#define CODE_PROTOCOL_ERROR 1002
#define CODE_TOO_BIG 1009

struct echo {
	int fd;
	size_t in_len;
	size_t message_len;
	uint8_t opcode; /* of the message that is being gathered; 0: none */
	uint8_t in[HEADER_MAX + DEMO_ECHO_MAX];
	uint8_t message[DEMO_ECHO_MAX];
};

struct frame {
	bool fin;
	uint8_t opcode;
	size_t header; /* its length */
	uint64_t payload;
	const uint8_t *mask;
};

/* ---------------------------------------------------------------- sending */

static bool
send_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, p, n, 0);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

static bool
send_frame(int fd, uint8_t opcode, const uint8_t *payload, size_t n)
{
	uint8_t header[10] = {(uint8_t)(0x80 | opcode)};
	size_t len = 2;

	if (n <= CONTROL_MAX) {
		header[1] = (uint8_t)n;
	} else if (n <= UINT16_MAX) {
		header[1] = 126;
		header[2] = (uint8_t)(n >> 8);
		header[3] = (uint8_t)n;
		len = 4;
	} else {
		header[1] = 127;
		for (int i = 0; i < 8; i++)
			header[2 + i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
		len = 10;
	}
	return send_all(fd, header, len) && send_all(fd, payload, n);
}

/* Always false: the end. */
static bool
send_close(int fd, unsigned code)
{
	uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};

	(void)send_frame(fd, OP_CLOSE, payload, sizeof(payload));
	return false;
}

/* -------------------------------------------------------------- receiving */

/* Reads a frame's header; false until it is complete. */
static bool
parse_header(const uint8_t *p, size_t n, struct frame *f)
{
	size_t extra;

	if (n < 2)
		return false;
	f->fin = p[0] & 0x80;
	f->opcode = p[0] & 0x0F;
	f->payload = p[1] & 0x7F;
	extra = f->payload == 126 ? 2 : f->payload == 127 ? 8 : 0;
	f->header = 2 + extra + 4;
	if (n < f->header)
		return false;
	if (extra > 0)
		f->payload = 0;
	for (size_t i = 0; i < extra; i++)
		f->payload = f->payload << 8 | p[2 + i];
	f->mask = p + 2 + extra;
	return true;
}

/* The code to close with, or 0 if the frame may stand here. */
static unsigned
refute(const struct echo *e, const uint8_t *p, const struct frame *f)
{
	bool is_control = f->opcode & 0x8;

	if ((p[0] & 0x70) || !(p[1] & 0x80)) /* RSV; a client must mask */
		return CODE_PROTOCOL_ERROR;
	if (is_control)
		return f->opcode > OP_PONG || !f->fin ||
				       f->payload > CONTROL_MAX
			       ? CODE_PROTOCOL_ERROR
			       : 0;
	if (f->opcode > OP_BINARY ||
	    (f->opcode == OP_CONTINUATION) != (e->opcode != 0))
		return CODE_PROTOCOL_ERROR;
	return f->payload > DEMO_ECHO_MAX - e->message_len ? CODE_TOO_BIG : 0;
}

static bool
take_control(struct echo *e, const struct frame *f, const uint8_t *payload)
{
	size_t n = (size_t)f->payload;

	if (f->opcode == OP_PING)
		return send_frame(e->fd, OP_PONG, payload, n);
	if (f->opcode == OP_PONG)
		return true;
	(void)send_frame(e->fd, OP_CLOSE, payload, n < 2 ? 0 : 2);
	return false;
}

static bool
take_data(struct echo *e, const struct frame *f, const uint8_t *payload)
{
	bool ok = true;

	memcpy(e->message + e->message_len, payload, (size_t)f->payload);
	e->message_len += (size_t)f->payload;
	if (f->opcode != OP_CONTINUATION)
		e->opcode = f->opcode;
	if (f->fin) {
		ok = send_frame(e->fd, e->opcode, e->message, e->message_len);
		e->message_len = 0;
		e->opcode = 0;
	}
	return ok;
}

static void
unmask(uint8_t *payload, size_t n, const uint8_t *mask)
{
	for (size_t i = 0; i < n; i++)
		payload[i] ^= mask[i % 4];
}

/* Takes every complete frame off the input; false at the end. */
static bool
take_frames(struct echo *e)
{
	struct frame f;
	size_t at = 0;
	bool ok = true;

	while (ok && parse_header(e->in + at, e->in_len - at, &f)) {
		uint8_t *payload = e->in + at + f.header;
		unsigned code = refute(e, e->in + at, &f);

		if (code != 0)
			return send_close(e->fd, code);
		if (e->in_len - at - f.header < f.payload)
			break;
		unmask(payload, (size_t)f.payload, f.mask);
		ok = f.opcode & 0x8 ? take_control(e, &f, payload)
				    : take_data(e, &f, payload);
		at += f.header + (size_t)f.payload;
	}
	e->in_len -= at;
	memmove(e->in, e->in + at, e->in_len);
	return ok;
}

static bool
receive(struct echo *e)
{
	ssize_t n;

	do
		n = recv(e->fd, e->in + e->in_len, sizeof(e->in) - e->in_len,
			 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	e->in_len += (size_t)n;
	return true;
}

void
demo_echo(int fd, const void *early, size_t n)
{
	struct echo *e = malloc(sizeof(*e));

	if (!e)
		return;
	/* A frame leaves in two pieces; the second is not to wait for an ACK. */
	sock_set_nodelay(fd);
	e->fd = fd;
	e->message_len = 0;
	e->opcode = 0;
	e->in_len = n < sizeof(e->in) ? n : sizeof(e->in);
	if (e->in_len > 0)
		memcpy(e->in, early, e->in_len);
	/* A whole frame fits into the input: there is always room to read. */
	while (take_frames(e) && receive(e))
		continue;
	free(e);
}
