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
#include "proto/frame.h"

#define RESERVED 0x70 /* bits for extensions, of which there are none here */
#define CONTROL_MAX 125
#define HEADER_MAX 10 /* of a server's frames */

struct echo {
	int fd;
	struct frame_watch watch;
	size_t at; /* in the present frame's payload */
	uint8_t opcode; /* of the present message, or the last */
	size_t message_len, control_len;
	uint8_t message[DEMO_ECHO_MAX], control[CONTROL_MAX];
	uint8_t in[16 * 1024], out[HEADER_MAX + DEMO_ECHO_MAX];
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

/* In one piece, so that it is one in the log as well. */
static bool
send_frame(struct echo *e, uint8_t opcode, const uint8_t *payload, size_t n)
{
	uint8_t *header = e->out;
	size_t len = 2;

	header[0] = (uint8_t)(0x80 | opcode);
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
	memcpy(header + len, payload, n);
	return send_all(e->fd, e->out, len + n);
}

/* Always false: the end. */
static bool
send_close(int fd, uint16_t code)
{
	uint8_t frame[FRAME_CLOSE_MAX];
	size_t n = frame_close(frame, code, NULL);

	(void)send_all(fd, frame, n);
	return false;
}

/* -------------------------------------------------------------- receiving */

static bool
is_control(const struct echo *e)
{
	return frame_opcode(&e->watch) >= OP_CLOSE;
}

/* The watcher has seen to it that there is room. */
static void
gather(struct echo *e, const uint8_t *p, size_t n)
{
	uint8_t *to = is_control(e) ? e->control : e->message;
	size_t *len = is_control(e) ? &e->control_len : &e->message_len;

	for (size_t i = 0; i < n; i++)
		to[(*len)++] = p[i] ^ e->watch.mask[e->at++ % 4];
}

static bool
take_control(struct echo *e)
{
	size_t n = e->control_len;

	e->control_len = 0;
	if (frame_opcode(&e->watch) == OP_PING)
		return send_frame(e, OP_PONG, e->control, n);
	if (frame_opcode(&e->watch) == OP_PONG)
		return true;
	(void)send_frame(e, OP_CLOSE, e->control, n < 2 ? 0 : 2);
	return false;
}

static bool
take_data(struct echo *e)
{
	size_t n = e->message_len;

	if (frame_opcode(&e->watch) != OP_CONTINUATION)
		e->opcode = (uint8_t)frame_opcode(&e->watch);
	if (e->watch.in_message)
		return true;
	e->message_len = 0;
	return send_frame(e, e->opcode, e->message, n);
}

/* The code to close with, or 0 while all is well. */
static uint16_t
refute(const struct frame_watch *w)
{
	if (w->lost || (w->first & RESERVED))
		return CLOSE_PROTOCOL_ERROR;
	return w->over ? CLOSE_TOO_BIG : 0;
}

/* A part of a header, or of a payload; false at the end. */
static bool
take_step(struct echo *e, const uint8_t **p, size_t *n)
{
	struct frame_watch *w = &e->watch;
	bool payload = frame_in_payload(w);
	size_t took = frame_step(w, *p, *n, DEMO_ECHO_MAX);
	uint16_t code = refute(w);

	if (code != 0)
		return send_close(e->fd, code);
	if (payload)
		gather(e, *p, took);
	else
		e->at = 0;
	*p += took;
	*n -= took;
	if (!frame_at_boundary(w))
		return true;
	return is_control(e) ? take_control(e) : take_data(e);
}

static bool
take(struct echo *e, const uint8_t *p, size_t n)
{
	bool ok = true;

	while (ok && n > 0)
		ok = take_step(e, &p, &n);
	return ok;
}

static bool
receive(struct echo *e)
{
	ssize_t n;

	do
		n = recv(e->fd, e->in, sizeof(e->in), 0);
	while (n < 0 && errno == EINTR);
	return n > 0 && take(e, e->in, (size_t)n);
}

void
demo_echo(int fd, const void *early, size_t n)
{
	struct echo *e = calloc(1, sizeof(*e));

	if (!e)
		return;
	sock_set_nodelay(fd);
	e->fd = fd;
	frame_watch_init(&e->watch, true);
	if (take(e, early, n))
		while (receive(e))
			continue;
	frame_watch_fini(&e->watch);
	free(e);
}
