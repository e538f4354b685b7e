/* SPDX-License-Identifier: ISC */
/*
 * caller.c: a connection to the admin socket: one request, one answer.
 */
#include "run/caller.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "run/admin_text.h"

#define PATIENCE 10000           /* ms */
#define SIGN_OF_LIFE 2000        /* ms */
#define HEAD_MAX (8 * 1024)
#define SURPLUS_MAX (64 * 1024)  /* bytes that are read and thrown away */
#define PIECE 4096

static void
be_patient(struct caller *c)
{
	timer_set(&c->late, clock_ms() + PATIENCE);
}

void
caller_close(struct caller *c)
{
	if (c->state == CALLER_WAITS)
		c->gone(c, c->arg);
	timer_clear(&c->late);
	timer_clear(&c->turn);
	listing_free(c->listing);
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

/* `length`: the field that says where its body ends. */
static bool
send_head(struct caller *c, unsigned status, const char *length)
{
	struct buf *head = NULL;
	bool ok = buf_printf(&head,
			     "HTTP/1.1 %u %s\r\n"
			     "Content-Type: %s\r\n"
			     "%s"
			     "Cache-Control: no-store\r\n"
			     "Connection: close\r\n\r\n",
			     status, phrase(status),
			     c->json ? "application/json"
				     : "text/plain; charset=utf-8", length) &&
		  stream_send(&c->s, buf_data(head), buf_len(head));

	buf_free(&head);
	return ok;
}

/* It is called back in the next turn of the loop; others come first. */
static void
await_turn(struct caller *c)
{
	timer_set(&c->turn, 0);
}

/* All was said; or not `ok`, a part of it, and that is the end. */
static void
finish(struct caller *c, bool ok)
{
	if (!ok)
		stream_forget(&c->s);
	stream_finish(&c->s);
	/* Whoever has said its last word before makes no event any more. */
	if (c->s.eof && !c->s.out)
		await_turn(c);
}

void
caller_say(struct caller *c, unsigned status, struct buf **body, bool ok)
{
	char length[64];

	if (!ok) {
		buf_free(body);
		status = 503;
	}
	c->state = CALLER_HEARS;
	be_patient(c);
	snprintf(length, sizeof(length), "Content-Length: %zu\r\n",
		 buf_len(*body));
	finish(c, send_head(c, status, length) &&
		  stream_send(&c->s, buf_data(*body), buf_len(*body)));
	buf_free(body);
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

/* ---- a list ---- */

/* A piece as a chunk (RFC 9112 7.1); without any bytes it is the last one. */
static bool
send_chunk(struct caller *c, struct buf *piece)
{
	struct buf *chunk = NULL;
	bool ok = buf_printf(&chunk, "%zx\r\n", buf_len(piece)) &&
		  buf_add(&chunk, buf_data(piece), buf_len(piece)) &&
		  buf_add(&chunk, "\r\n", 2) &&
		  stream_send(&c->s, buf_data(chunk), buf_len(chunk));

	buf_free(&chunk);
	return ok;
}

static bool
send_piece(struct caller *c, struct buf *piece)
{
	return c->http11 ? send_chunk(c, piece)
			 : stream_send(&c->s, buf_data(piece), buf_len(piece));
}

static void
end_list(struct caller *c, bool ok)
{
	listing_free(c->listing);
	c->listing = NULL;
	finish(c, ok);
}

/* It has taken what was sent, and hears the next piece. */
static void
go_on(struct caller *c)
{
	struct buf *piece = NULL;
	bool ok = listing_put(c->listing, &piece) && send_piece(c, piece);

	be_patient(c);
	if (!ok || buf_len(piece) == 0)
		end_list(c, ok);
	else if (!c->s.out)
		await_turn(c);
	buf_free(&piece);
}

static void
on_turn(struct timer *t)
{
	struct caller *c = container_of(t, struct caller, turn);

	if (c->listing)
		go_on(c);
	else
		caller_close(c);
}

void
caller_say_list(struct caller *c, struct listing *l)
{
	c->state = CALLER_HEARS;
	c->listing = l;
	be_patient(c);
	if (send_head(c, 200, c->http11 ? "Transfer-Encoding: chunked\r\n"
					: ""))
		await_turn(c);
	else
		end_list(c, false);
}

/* ---- while it waits ---- */

/*
 * A caller may have a limit of its own: to say something there are interim
 * answers, of which the simplest clients know this one (RFC 9110 15.2.1).
 */
void
caller_has_news(struct caller *c)
{
	static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
	uint64_t now = clock_ms();

	be_patient(c);
	if (!c->http11 || now - c->heard < SIGN_OF_LIFE)
		return;
	c->heard = now;
	(void)!stream_send(&c->s, interim, strlen(interim));
}

/* ---- the request ---- */

static void
on_late(struct timer *t)
{
	struct caller *c = container_of(t, struct caller, late);

	if (c->state != CALLER_WAITS) {
		caller_close(c);
		return;
	}
	c->gone(c, c->arg);
	caller_say_sentence(c, 503, "a worker has not answered for 10 s");
}

static void
take_request(struct caller *c, size_t len)
{
	struct head req;
	const struct head_fault *fault =
		head_parse(&req, HEAD_REQUEST, buf_data(c->s.in), len);

	/* Of a bad head as far as it was understood. */
	c->json = !head_lists(&req, F_ACCEPT, SLICE("text/plain"));
	c->http11 = req.minor > 0;
	c->heard = clock_ms();
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
	if (got == 0)
		stream_set_reading(&c->s, false);
	if (got > 0 && c->state == CALLER_ASKS)
		look(c);
	else if (got > 0)
		c->surplus += (size_t)got;
	return c->surplus < SURPLUS_MAX;
}

/* More than its FIN: it will not read what it asked for. */
static bool
is_gone(const struct caller *c)
{
	return c->s.eof && stream_end(&c->s) == END_GONE;
}

/* Then nobody is there who could ask for more. */
static bool
is_told_all(const struct caller *c)
{
	return c->state == CALLER_HEARS && !c->listing && !c->s.out;
}

static void
on_event(struct watch *w, unsigned news)
{
	struct caller *c = container_of(w, struct caller, s.watch);
	bool owed = c->s.out != NULL;

	if (((news & NEWS_WRITE) && !stream_flush(&c->s)) ||
	    ((news & NEWS_READ) && !read_some(c)) || is_gone(c)) {
		caller_close(c);
		return;
	}
	if (is_told_all(c) && c->s.eof) {
		caller_close(c);
	} else if (owed && (news & NEWS_WRITE)) {
		be_patient(c);
		if (c->listing && !c->s.out)
			go_on(c);
	}
}

struct caller *
caller_new(struct poller *p, int fd, struct list *list,
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
	stream_init(&c->s, p, fd, on_event);
	stream_set_reading(&c->s, true);
	timer_init(&c->late, p, on_late);
	timer_init(&c->turn, p, on_turn);
	be_patient(c);
	return c;
}
