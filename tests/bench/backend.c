/* SPDX-License-Identifier: ISC */
/*
 * backend.c: the server behind the proxies of the bench.
 *
 *	backend PORT		prints "listening PORT"; 0 is any
 *
 *	GET /ws?role=R&size=N&seed=S	a WebSocket
 *		echo	answers each message
 *		down	sends messages from one mark to the next
 *		up	takes messages
 *	GET /bytes?size=N&seed=S&n=I	a body
 *	POST /sink?size=N&seed=S&n=I	takes a body
 *
 * Whatever comes is checked (flow.h, pattern.h).  What is wrong goes back to
 * the load generator, as the text of a Close or the body of a 400.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flow.h"
#include "net.h"
#include "pattern.h"
#include "wire.h"

#define BURST (1024 * 1024) /* bytes to one connection before the next */

enum state { HEAD, TUNNEL, BODY, DEAF, GONE };
enum role { ECHO, DOWN, UP };

/* An HTTP answer under way: a head, and a piece of the pattern or a text. */
struct answer {
	char head[512];
	size_t nhead;
	const void *body;
	size_t nbody;
	size_t at;
};

struct conn {
	struct wire wire;
	enum state state;
	enum role role;
	struct inflow in;
	struct outflow out;
	struct answer answer;
	bool streams; /* DOWN: between two marks */
	bool watched; /* EPOLLOUT is asked for */
	bool last;    /* closes when everything is sent */
	char wrong[128];
	size_t body_left; /* BODY: of a request */
	const uint8_t *body;
	struct wire_head head;
};

static int epoll;
static uint8_t scratch[256 * 1024];

static void
end(struct conn *c)
{
	close(c->wire.fd);
	c->state = GONE;
}

/*
 * The client's end is waited for: a close with something unread is a reset,
 * by which the client would lose our last words.
 */
static void
end_after_client(struct conn *c)
{
	shutdown(c->wire.fd, SHUT_WR);
	c->state = DEAF;
}

/* ------------------------------------------------------------ reading heads */

/* The value of "name=" in the target, 0 if there is none. */
static unsigned
number_of(const char *head, const char *name)
{
	const char *at = strstr(head, name);
	const char *line = strchr(head, '\r');

	return at && at < line ? (unsigned)strtoul(at + strlen(name), NULL, 10)
			       : 0;
}

/* The value of a header field into `to`; its name may be in any case. */
static bool
field_of(const char *head, const char *name, char *to, size_t size)
{
	size_t n = strlen(name);

	for (const char *at = head; (at = strstr(at, "\r\n")); at++) {
		const char *value = at + 2 + n;

		if (strncasecmp(at + 2, name, n) != 0 || *value != ':')
			continue;
		value += 1 + strspn(value + 1, " \t");
		snprintf(to, size, "%.*s", (int)strcspn(value, "\r"), value);
		return true;
	}
	return false;
}

/* ------------------------------------------------------------------ answers */

static void
answer(struct conn *c, const char *status, const void *body, size_t nbody)
{
	struct answer *a = &c->answer;

	a->nhead = (size_t)snprintf(a->head, sizeof(a->head),
				    "HTTP/1.1 %s\r\n"
				    "Content-Type: application/octet-stream\r\n"
				    "Content-Length: %zu\r\n"
				    "\r\n",
				    status, nbody);
	a->body = body;
	a->nbody = nbody;
	a->at = 0;
}

static void
answer_400(struct conn *c, const char *why)
{
	snprintf(c->wrong, sizeof(c->wrong), "%s", why);
	c->last = true;
	answer(c, "400 Bad Request", c->wrong, strlen(c->wrong));
}

/* RFC 6455 4.2.2: base64 of the SHA-1 of the key and a GUID. */
static void
accept_of(const char *key, char *to)
{
	char text[128];
	unsigned char sha[SHA_DIGEST_LENGTH];
	int n = snprintf(text, sizeof(text), "%.60s%s", key,
			 "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");

	SHA1((unsigned char *)text, (size_t)n, sha);
	EVP_EncodeBlock((unsigned char *)to, sha, sizeof(sha));
}

static void
answer_101(struct conn *c)
{
	struct answer *a = &c->answer;
	char key[64], accept[32];

	if (!field_of(c->head.text, "Sec-WebSocket-Key", key, sizeof(key))) {
		answer_400(c, "the upgrade has no Sec-WebSocket-Key");
		return;
	}
	accept_of(key, accept);
	a->nhead = (size_t)snprintf(a->head, sizeof(a->head),
				    "HTTP/1.1 101 Switching Protocols\r\n"
				    "Upgrade: websocket\r\n"
				    "Connection: Upgrade\r\n"
				    "Sec-WebSocket-Accept: %s\r\n"
				    "\r\n",
				    accept);
	a->nbody = 0;
	a->at = 0;
	c->state = TUNNEL;
}

/* False if the connection is gone. */
static bool
send_answer(struct conn *c)
{
	struct answer *a = &c->answer;

	while (a->at < a->nhead + a->nbody) {
		size_t in_head = a->at < a->nhead ? a->at : a->nhead;
		size_t in_body = a->at - in_head;
		ssize_t n = wire_send(&c->wire, a->head + in_head,
				      a->nhead - in_head,
				      (const char *)a->body + in_body,
				      a->nbody - in_body);

		if (n == WIRE_AGAIN)
			return true;
		if (n < 0)
			return false;
		a->at += (size_t)n;
	}
	return true;
}

/* ----------------------------------------------------------------- requests */

static void
begin_tunnel(struct conn *c)
{
	uint32_t seed = number_of(c->head.text, "seed=");
	size_t size = number_of(c->head.text, "size=");

	c->role = strstr(c->head.text, "role=down") ? DOWN
		  : strstr(c->head.text, "role=up") ? UP
					       : ECHO;
	inflow_init(&c->in, seed, size, true);
	outflow_init(&c->out, seed, size, false);
	answer_101(c);
}

static void
begin_body(struct conn *c)
{
	size_t size = number_of(c->head.text, "size=");
	char text[32];

	if (!field_of(c->head.text, "Content-Length", text, sizeof(text)) ||
	    strtoul(text, NULL, 10) != size) {
		answer_400(c, "Content-Length is not what was sent");
		return;
	}
	c->body = pattern_of(number_of(c->head.text, "seed="),
			     number_of(c->head.text, "n="), false);
	c->body_left = size;
	c->state = BODY;
}

static void
on_request(struct conn *c)
{
	const char *head = c->head.text;
	size_t size = number_of(head, "size=");
	char text[32];

	if (size > PATTERN_MAX)
		answer_400(c, "the size is beyond PATTERN_MAX");
	else if (field_of(head, "Upgrade", text, sizeof(text)))
		begin_tunnel(c);
	else if (strncmp(head, "POST ", 5) == 0)
		begin_body(c);
	else
		answer(c, "200 OK",
		       pattern_of(number_of(head, "seed="),
				  number_of(head, "n="), false),
		       size);
}

static void
take_head(struct conn *c, const uint8_t **data, size_t *len)
{
	if (wire_take_head(&c->head, data, len)) {
		c->head.n = 0;
		on_request(c);
	} else if (c->head.n == WIRE_HEAD) {
		end(c);
	}
}

static void
take_body(struct conn *c, const uint8_t **data, size_t *len)
{
	size_t n = *len < c->body_left ? *len : c->body_left;
	bool same = memcmp(*data, c->body, n) == 0;

	*data += n;
	*len -= n;
	c->body += n;
	c->body_left -= n;
	if (!same) {
		c->state = HEAD;
		answer_400(c, "a byte of the body was changed");
	} else if (c->body_left == 0) {
		c->state = HEAD;
		answer(c, "200 OK", "taken\n", 6);
	}
}

/* ------------------------------------------------------------------ tunnels */

static void
take_mark(struct conn *c)
{
	c->streams = c->role == DOWN && !c->streams;
	c->out.owed = c->streams	? FLOW_ENDLESS
		      : c->role == DOWN ? 0
					: c->out.owed;
	c->out.mark = !c->streams;
}

static void
take_frame(struct conn *c, const uint8_t **data, size_t *len)
{
	switch (inflow_take(&c->in, data, len)) {
	case FLOW_MORE:
		break;
	case FLOW_MESSAGE:
		c->out.owed += c->role == ECHO;
		break;
	case FLOW_MARK:
		take_mark(c);
		break;
	case FLOW_WRONG:
		c->out.close_text = c->in.wrong;
		*len = 0;
		/* fall through */
	case FLOW_CLOSE:
		c->out.owed = 0;
		c->out.close = c->last = true;
		break;
	}
}

/* ------------------------------------------------------------------- events */

/* Sends what there is, and asks for EPOLLOUT as long as something is left. */
static void
send_all(struct conn *c)
{
	bool left;

	if (!send_answer(c) ||
	    (c->state == TUNNEL && !outflow_send(&c->out, &c->wire, BURST))) {
		end(c);
		return;
	}
	left = c->answer.at < c->answer.nhead + c->answer.nbody ||
	       (c->state == TUNNEL && outflow_owes(&c->out));
	if (!left && c->last)
		end_after_client(c);
	if (left == c->watched)
		return;
	c->watched = left;
	net_watch(epoll, EPOLL_CTL_MOD, c->wire.fd,
		  EPOLLIN | (left ? EPOLLOUT : 0), c);
}

static void
take(struct conn *c, const uint8_t *data, size_t len)
{
	do {
		if (c->state == HEAD)
			take_head(c, &data, &len);
		else if (c->state == BODY)
			take_body(c, &data, &len);
		else if (c->state == TUNNEL)
			take_frame(c, &data, &len);
	} while (len && c->state != GONE && !c->last);
}

static void
on_event(struct conn *c, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		ssize_t n = wire_recv(&c->wire, scratch, sizeof(scratch));

		if (n == 0 || n == -1)
			end(c);
		else if (n > 0 && !c->last)
			take(c, scratch, (size_t)n);
	}
	if (c->state != GONE && c->state != DEAF)
		send_all(c);
	if (c->state == GONE)
		free(c);
}

static void
on_listener(int listener)
{
	int fd;

	while ((fd = net_accept(listener)) >= 0) {
		struct conn *c = calloc(1, sizeof(*c));

		if (!c)
			net_fail("out of memory");
		c->wire.fd = fd;
		net_watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, c);
	}
}

int
main(int argc, char **argv)
{
	struct epoll_event events[256];
	int listener;

	pattern_init();
	net_raise_nofile();
	epoll = net_epoll();
	listener = net_listen(argc > 1 ? argv[1] : "0");
	net_watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
	for (;;) {
		int n = epoll_wait(epoll, events, 256, -1);

		for (int i = 0; i < n; i++)
			if (events[i].data.ptr)
				on_event(events[i].data.ptr, events[i].events);
			else
				on_listener(listener);
	}
}
