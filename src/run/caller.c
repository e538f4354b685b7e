/* SPDX-License-Identifier: ISC */
/*
 * caller.c: a connection to the admin socket: one request, one answer.
 */
#include "run/caller.h"

#include <stdlib.h>
#include <unistd.h>

#include "run/admin_text.h"

#define PATIENCE 10              /* s */
#define HEAD_MAX (8 * 1024)
#define SURPLUS_MAX (64 * 1024)  /* bytes that are read and thrown away */
#define PIECE 4096

static void
be_patient(struct caller *c)
{
	static const struct timeval patience = { .tv_sec = PATIENCE };

	event_add(&c->late, &patience);
}

void
caller_close(struct caller *c)
{
	if (c->state == CALLER_WAITS)
		c->gone(c, c->arg);
	event_del(&c->late);
	list_remove(&c->link);
	stream_close(&c->s);
	free(c);
}

/* ---- the answer ---- */

static const char *
phrase(unsigned status)
{
	switch (status) {
	case 200:
		return "OK";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 409:
		return "Conflict";
	default:
		return status < 500 ? "Bad Request" : "Service Unavailable";
	}
}

void
caller_say(struct caller *c, unsigned status, struct buf **body, bool ok)
{
	struct buf *head = NULL;

	if (!ok) {
		buf_free(body);
		status = 503;
	}
	ok = buf_printf(&head,
			"HTTP/1.1 %u %s\r\n"
			"Content-Type: %s\r\n"
			"Content-Length: %zu\r\n"
			"Cache-Control: no-store\r\n"
			"Connection: close\r\n\r\n", status, phrase(status),
			c->json ? "application/json"
				: "text/plain; charset=utf-8",
			buf_len(*body)) &&
	     stream_send(&c->s, buf_data(head), buf_len(head)) &&
	     stream_send(&c->s, buf_data(*body), buf_len(*body));
	buf_free(&head);
	buf_free(body);
	c->state = CALLER_HEARS;
	be_patient(c);
	if (!ok)
		stream_forget(&c->s); /* a part of an answer, and its end */
	stream_finish(&c->s);
}

void
caller_say_sentence(struct caller *c, unsigned status, const char *sentence)
{
	struct buf *body = NULL;
	bool ok = admin_put_sentence(&body, c->json,
				     status == 200 ? "done" : "error",
				     sentence);

	caller_say(c, status, &body, ok);
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	struct caller *c = arg;

	(void)fd;
	(void)what;
	if (c->state != CALLER_WAITS) {
		caller_close(c);
		return;
	}
	c->gone(c, c->arg);
	caller_say_sentence(c, 503, "a worker has not answered for 10 s");
}

/* ---- the request ---- */

static void
take_request(struct caller *c, size_t len)
{
	struct head req;
	const struct head_fault *fault =
		head_parse(&req, HEAD_REQUEST, buf_data(c->s.in), len);

	/* Of a bad head as far as it was understood. */
	c->json = !head_lists(&req, F_ACCEPT, SLICE("text/plain"));
	if (fault) {
		caller_say_sentence(c, fault->status, fault->why);
	} else {
		c->state = CALLER_WAITS;
		be_patient(c);
		c->asks(c, &req, c->arg);
	}
	head_fini(&req);
}

static void
look(struct caller *c)
{
	size_t len = 0;
	const struct head_fault *fault =
		head_look(HEAD_REQUEST, buf_data(c->s.in), buf_len(c->s.in),
			  HEAD_MAX, &c->scanned, &len);

	if (fault)
		caller_say_sentence(c, fault->status, fault->why);
	else if (len > 0)
		take_request(c, len);
}

/* False when it was the caller's end. */
static bool
read_some(struct caller *c)
{
	char piece[PIECE];
	ssize_t got = c->state == CALLER_ASKS
		      ? stream_read_in(&c->s, piece, sizeof(piece))
		      : stream_read(&c->s, piece, sizeof(piece));

	if (got == -2 || (got == 0 && c->state == CALLER_ASKS))
		return false;
	if (got > 0 && c->state == CALLER_ASKS)
		look(c);
	else if (got > 0)
		c->surplus += (size_t)got;
	return c->surplus < SURPLUS_MAX;
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct caller *c = arg;
	bool owed = c->s.out != NULL;

	(void)fd;
	if (((what & EV_WRITE) && !stream_flush(&c->s)) ||
	    ((what & EV_READ) && !read_some(c))) {
		caller_close(c);
		return;
	}
	/* Nothing is owed, and nobody is there who could ask for more. */
	if (c->state == CALLER_HEARS && !c->s.out &&
	    (c->s.eof || (what & EV_CLOSED)))
		caller_close(c);
	else if (owed && (what & EV_WRITE))
		be_patient(c);
}

struct caller *
caller_new(struct event_base *base, int fd, struct list *list,
	   caller_asks *asks, caller_gone *gone, void *arg)
{
	struct caller *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return NULL;
	}
	c->json = true;
	c->asks = asks;
	c->gone = gone;
	c->arg = arg;
	list_push_back(list, &c->link);
	stream_init(&c->s, base, fd, on_event, c);
	stream_set_reading(&c->s, true);
	event_assign(&c->late, base, -1, 0, on_late, c);
	be_patient(c);
	return c;
}
