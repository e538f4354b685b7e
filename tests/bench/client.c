/* SPDX-License-Identifier: ISC */
/*
 * client.c: ask, check the answer, work, close.
 */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "latency.h"
#include "net.h"
#include "pattern.h"

#define BURST (1024 * 1024) /* bytes to one connection before the next */
#define KEY "dGhlIHNhbXBsZSBub25jZQ==" /* of RFC 6455 1.3, with its answer */
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static const char *const works[] = {"echo", "down", "up",
				    "open", "get",  "post"};

struct client_common common;

static int epoll;
static uint8_t scratch[256 * 1024];

static void step(struct client *c);

void
client_init(const char *name)
{
	pattern_init();
	epoll = net_epoll();
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		if (strcmp(name, works[i]) == 0) {
			common.work = (enum client_work)i;
			return;
		}
	net_fail("there is no work \"%s\"", name);
}

/* -------------------------------------------------------------------- units */

static void
unit_done(struct client *c, size_t n)
{
	common.units++;
	common.bytes += n;
	if (c->busy) {
		latency_add(net_now() - c->since);
		c->busy = false;
		common.nbusy--;
	}
}

static void
unit_begun(struct client *c)
{
	c->busy = true;
	c->since = net_now();
	common.nbusy++;
}

static bool
is_http(void)
{
	return common.work == WORK_GET || common.work == WORK_POST;
}

/* ------------------------------------------------------------------- asking */

/* As a browser sends it, so that proxies have a head of the usual length. */
#define USUAL \
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 " \
	"(KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" \
	"Accept: */*\r\n" \
	"Accept-Encoding: gzip, deflate, br, zstd\r\n" \
	"Accept-Language: en-US,en;q=0.9\r\n" \
	"Cookie: session=0123456789abcdef; theme=dark\r\n"

static void
make_ask(struct client *c)
{
	int n;

	if (common.work == WORK_GET)
		n = snprintf(c->ask, sizeof(c->ask),
			     "GET /bytes?size=%zu&seed=%u&n=%u HTTP/1.1\r\n"
			     "Host: localhost\r\n" USUAL "\r\n",
			     common.size, c->seed, c->number);
	else if (common.work == WORK_POST)
		n = snprintf(c->ask, sizeof(c->ask),
			     "POST /sink?size=%zu&seed=%u&n=%u HTTP/1.1\r\n"
			     "Host: localhost\r\n" USUAL
			     "Content-Type: application/octet-stream\r\n"
			     "Content-Length: %zu\r\n\r\n",
			     common.size, c->seed, c->number, common.size);
	else
		n = snprintf(c->ask, sizeof(c->ask),
			     "GET /ws?role=%s&size=%zu&seed=%u HTTP/1.1\r\n"
			     "Host: localhost\r\n"
			     "Connection: Upgrade\r\n"
			     "Upgrade: websocket\r\n"
			     "Sec-WebSocket-Version: 13\r\n"
			     "Sec-WebSocket-Key: " KEY "\r\n"
			     "Origin: http://localhost\r\n" USUAL "\r\n",
			     works[common.work], common.size, c->seed);
	c->nask = (size_t)n;
	c->ask_at = 0;
	c->head.n = 0;
	c->body_at = 0;
	c->state = ASKED;
}

static size_t
ask_size(const struct client *c)
{
	return c->nask ? c->nask + (common.work == WORK_POST ? common.size : 0)
		       : 0;
}

static void
gone(struct client *c, const char *when)
{
	int error = 0;
	socklen_t len = sizeof(error);

	(void)getsockopt(c->wire.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	net_fail("connection %u ended %s%s%s", c->seed, when, error ? ": " : "",
		 error ? strerror(error) : "");
}

static void
send_ask(struct client *c)
{
	while (c->ask_at < ask_size(c)) {
		size_t in_head = c->ask_at < c->nask ? c->ask_at : c->nask;
		size_t in_body = c->ask_at - in_head;
		const uint8_t *body = pattern_of(c->seed, c->number, false);
		ssize_t n = wire_send(&c->wire, c->ask + in_head,
				      c->nask - in_head, body + in_body,
				      ask_size(c) - c->nask - in_body);

		if (n == WIRE_AGAIN)
			return;
		if (n < 0)
			gone(c, "while a request went out");
		c->ask_at += (size_t)n;
	}
}

/* ------------------------------------------------------------------ answers */

/* `rest` is what came behind the head: a 400's body says why. */
static void
fail_answer(struct client *c, const uint8_t *rest, size_t n)
{
	if (n > WIRE_HEAD - c->head.n)
		n = WIRE_HEAD - c->head.n;
	memcpy(c->head.text + c->head.n, rest, n);
	c->head.text[c->head.n + n] = 0;
	for (char *p = c->head.text; *p; p++)
		if (*p == '\r' || *p == '\n')
			*p = ' ';
	net_fail("connection %u got: %.300s", c->seed, c->head.text);
}

static void
ready(struct client *c)
{
	common.opening--;
	common.nready++;
	c->state = READY;
	step(c);
}

static void
take_101(struct client *c, const uint8_t *rest, size_t n)
{
	if (strncmp(c->head.text, "HTTP/1.1 101 ", 13) != 0 ||
	    !strstr(c->head.text, ACCEPT))
		fail_answer(c, rest, n);
	inflow_init(&c->in, c->seed, common.size, false);
	outflow_init(&c->out, c->seed, common.size, true);
	ready(c);
}

static void
take_200(struct client *c, const uint8_t *rest, size_t n)
{
	const char *length = strcasestr(c->head.text, "\r\nContent-Length:");

	if (strncmp(c->head.text, "HTTP/1.1 200 ", 13) != 0 || !length)
		fail_answer(c, rest, n);
	c->body_size = strtoul(length + 17, NULL, 10);
	if (common.work == WORK_GET && c->body_size != common.size)
		fail_answer(c, rest, n);
	c->ends = strcasestr(c->head.text, "\r\nConnection: close") != NULL;
	c->state = BODY;
}

static void
take_head(struct client *c, const uint8_t **data, size_t *len)
{
	if (!wire_take_head(&c->head, data, len)) {
		if (c->head.n == WIRE_HEAD)
			fail_answer(c, *data, 0);
	} else if (is_http()) {
		take_200(c, *data, *len);
	} else {
		take_101(c, *data, *len);
	}
}

void
client_connect(struct client *c)
{
	wire_open(&c->wire, net_connect(&common.to));
	c->state = CONNECTING;
	c->watched = true;
	common.opening++;
	if (common.work == WORK_OPEN)
		unit_begun(c);
	net_watch(epoll, EPOLL_CTL_ADD, c->wire.fd, EPOLLIN | EPOLLOUT, c);
}

static void
disconnect(struct client *c)
{
	wire_close(&c->wire);
	common.nready--;
	c->state = IDLE;
}

static void
on_connected(struct client *c)
{
	int error = 0;
	socklen_t len = sizeof(error);

	(void)getsockopt(c->wire.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error)
		net_fail("connect: %s", strerror(error));
	if (is_http())
		ready(c);
	else
		make_ask(c);
}

static void
answer_done(struct client *c)
{
	if (c->ask_at < ask_size(c))
		net_fail("connection %u was answered before it had sent all",
			 c->seed);
	unit_done(c, common.size);
	c->number++;
	c->state = READY;
	if (c->ends) {
		disconnect(c);
		client_connect(c);
	} else {
		step(c);
	}
}

static void
take_body(struct client *c, const uint8_t **data, size_t *len)
{
	size_t left = c->body_size - c->body_at;
	size_t n = *len < left ? *len : left;
	const uint8_t *should = pattern_of(c->seed, c->number, false);

	if (common.work == WORK_GET &&
	    memcmp(*data, should + c->body_at, n) != 0)
		net_fail("connection %u, answer %u: a byte between %zu and %zu "
			 "was changed",
			 c->seed, c->number, c->body_at, c->body_at + n);
	*data += n;
	*len -= n;
	c->body_at += n;
	if (c->body_at == c->body_size)
		answer_done(c);
}

/* ------------------------------------------------------------------ tunnels */

static void
take_message(struct client *c)
{
	if (common.work != WORK_DOWN && !c->busy)
		net_fail("connection %u: a message that nobody asked for",
			 c->seed);
	unit_done(c, common.size);
	step(c);
}

static void
take_mark(struct client *c)
{
	if (!c->marks)
		net_fail("connection %u: an empty message came", c->seed);
	c->marks = false;
	common.nmarks--;
	if (common.work != WORK_UP)
		return;
	common.units += c->out.number - c->number;
	common.bytes +=
		(unsigned long long)(c->out.number - c->number) * common.size;
}

static void
take_frame(struct client *c, const uint8_t **data, size_t *len)
{
	switch (inflow_take(&c->in, data, len)) {
	case FLOW_MORE:
		break;
	case FLOW_MESSAGE:
		take_message(c);
		break;
	case FLOW_MARK:
		take_mark(c);
		break;
	case FLOW_WRONG:
		net_fail("connection %u, from the backend: %s", c->seed,
			 c->in.wrong);
	case FLOW_CLOSE:
		if (c->in.close[0])
			net_fail("connection %u, to the backend: %s", c->seed,
				 c->in.close);
		if (c->state != CLOSING)
			net_fail("connection %u was closed", c->seed);
		break;
	}
}

/* The next thing that a connection at rest has to do, if there is one. */
static void
step(struct client *c)
{
	if (common.work == WORK_OPEN) {
		c->out.close = true;
		c->state = CLOSING;
	} else if (!common.running || c->busy) {
		return;
	} else if (common.work == WORK_ECHO) {
		unit_begun(c);
		c->out.owed++;
	} else if (is_http()) {
		unit_begun(c);
		make_ask(c);
	}
}

/* ------------------------------------------------------------------- events */

static bool
owes(const struct client *c)
{
	return c->ask_at < ask_size(c) ||
	       ((c->state == READY || c->state == CLOSING) &&
		outflow_owes(&c->out));
}

/* Sends what there is, and asks for EPOLLOUT as long as something is left. */
static void
send_all(struct client *c)
{
	bool left;

	send_ask(c);
	if ((c->state == READY || c->state == CLOSING) &&
	    !outflow_send(&c->out, &c->wire, BURST))
		gone(c, "while messages went out");
	left = owes(c) && !c->wire.wants_read;
	if (left == c->watched)
		return;
	c->watched = left;
	net_watch(epoll, EPOLL_CTL_MOD, c->wire.fd,
		  EPOLLIN | (left ? EPOLLOUT : 0), c);
}

static void
take(struct client *c, const uint8_t *data, size_t len)
{
	while (len)
		if (c->state == ASKED)
			take_head(c, &data, &len);
		else if (c->state == BODY)
			take_body(c, &data, &len);
		else if (c->state == IDLE || is_http())
			net_fail("connection %u: bytes that nobody asked for",
				 c->seed);
		else
			take_frame(c, &data, &len);
}

static void
on_end(struct client *c)
{
	if (c->state != CLOSING)
		gone(c, "unasked");
	if (common.work == WORK_OPEN)
		unit_done(c, 0);
	disconnect(c);
	if (common.running)
		client_connect(c);
}

static void
receive(struct client *c)
{
	do {
		ssize_t n = wire_recv(&c->wire, scratch, sizeof(scratch));

		if (n == 0 || n == -1)
			on_end(c);
		else if (n > 0)
			take(c, scratch, (size_t)n);
	} while (c->state != IDLE && wire_pending(&c->wire));
}

static void
on_event(struct client *c, uint32_t events)
{
	common.progress++;
	if (c->state == CONNECTING)
		on_connected(c);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive(c);
	if (c->state != IDLE && c->state != CONNECTING)
		send_all(c);
}

/* ----------------------------------------------------------------- commands */

static void
mark(struct client *c)
{
	c->out.mark = true;
	c->marks = true;
	common.nmarks++;
}

void
client_start(struct client *c)
{
	if (common.work == WORK_OPEN) {
		client_connect(c);
		return;
	}
	if (common.work == WORK_DOWN)
		c->out.mark = true;
	else if (common.work == WORK_UP)
		c->out.owed = FLOW_ENDLESS;
	c->number = common.work == WORK_UP ? c->out.number : c->number;
	step(c);
	send_all(c);
}

void
client_stop(struct client *c)
{
	if (common.work != WORK_DOWN && common.work != WORK_UP)
		return;
	c->out.owed = 0;
	mark(c);
	send_all(c);
}

void
client_echo(struct client *c)
{
	unit_begun(c);
	c->out.owed++;
	send_all(c);
}

void
client_close(struct client *c)
{
	if (c->state == IDLE)
		return;
	if (is_http()) {
		disconnect(c);
		return;
	}
	c->out.close = true;
	c->state = CLOSING;
	send_all(c);
}

void
client_events(double seconds)
{
	struct epoll_event events[256];
	long ns = (long)(seconds * 1e9);
	struct timespec limit = {ns / 1000000000, ns % 1000000000};
	int n = epoll_pwait2(epoll, events, 256, &limit, NULL);

	for (int i = 0; i < n; i++)
		on_event(events[i].data.ptr, events[i].events);
}
