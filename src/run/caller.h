/* SPDX-License-Identifier: ISC */
/*
 * caller.h: a connection to the admin socket: one request, one answer.
 *
 * Nobody waits for it: a caller that says nothing, or does not read, is let go
 * after ten seconds.  Nor does it wait longer than that, but for what goes on.
 */
#ifndef RUN_CALLER_H
#define RUN_CALLER_H

#include "base/list.h"
#include "net/stream.h"
#include "proto/head.h"
#include "run/listing.h"

struct caller;

/*
 * A whole request came: it is to be answered now, or later, with caller_say.
 */
typedef void caller_asks(struct caller *c, const struct head *req, void *arg);
/* It waits for no answer any more; one that is said goes nowhere. */
typedef void caller_gone(struct caller *c, void *arg);

enum caller_state { CALLER_ASKS, CALLER_WAITS, CALLER_HEARS };

struct caller {
	struct list link;   /* its owner's */
	struct stream s;
	struct timer late;  /* its ten seconds */
	struct timer turn;  /* goes on, or ends it, in the next one */
	struct listing *listing; /* owned: what it has yet to hear; or NULL */
	enum caller_state state;
	size_t scanned;     /* of its head */
	size_t surplus;     /* bytes that came behind it */
	bool json;          /* how it wants the answer: or as text */
	bool http11;        /* it knows chunks, and interim answers */
	uint64_t heard;     /* ms: when it asked, or heard such a one */
	caller_asks *asks;
	caller_gone *gone;
	void *arg;
};

/*
 * Takes over fd, which is closed if memory is out, and then it is NULL.  It
 * adds itself to `list`, and frees itself.
 */
struct caller *caller_new(struct poller *p, int fd, struct list *list,
			  caller_asks *asks, caller_gone *gone, void *arg);
/*
 * The answer, in the form that it wants: takes the bytes of *body.  Not `ok`:
 * memory was out for them, which is a 503 without any.
 */
void caller_say(struct caller *c, unsigned status, struct buf **body, bool ok);
/* The same of a sentence: what was done (200), or why not. */
void caller_say_sentence(struct caller *c, unsigned status,
			 const char *sentence);
/* What it waits for is under way: its ten seconds begin anew. */
void caller_has_news(struct caller *c);
/*
 * A list, which is its own then.  It is written as the caller takes it, a piece
 * in each turn of the loop; one that breaks off has no last chunk, but to who
 * speaks HTTP/1.0 it just ends.
 */
void caller_say_list(struct caller *c, struct listing *l);
/* Frees it at once. */
void caller_close(struct caller *c);

#endif
