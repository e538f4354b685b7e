/* SPDX-License-Identifier: ISC */
/*
 * demo_feed.c: what each open page is told.
 */
#include "run/demo_feed.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/list.h"
#include "run/demo_json.h"

#define FEEDS_MAX 64
#define BACKLOG_MAX (512 * 1024) /* bytes for a page that does not read */
#define IDS 4                    /* of its newest WebSockets */
#define RANDOM 16                /* bytes */

#define TICKET_QUERY "?ticket="
#define LAST_WORDS "[WebSocket Proxy] Connection closed"

struct feeds {
	struct witness witness;
	const struct feed_pause *pause;
	pthread_mutex_t lock; /* of all below, and of each feed */
	struct list open;
	unsigned nopen;
	bool draining;
};

struct feed {
	struct list link;
	struct feeds *all;
	void *reader;
	bool waits;     /* the reader does */
	bool over;      /* ends when all was read */
	bool tunnelled; /* its WebSocket is open */
	struct buf *out;
	struct buf *entered; /* the head of its newest upgrade */
	uint64_t ids[IDS];   /* the newest first */
	char ticket[2 * RANDOM + 1];
};

/* ------------------------------------------------------------------- words */

static void
go_on(struct feed *f)
{
	if (f->waits)
		f->all->pause->go_on(f->reader);
	f->waits = false;
}

static void
finish(struct feed *f)
{
	f->over = true;
	go_on(f);
}

/* Without memory, or a reader, the feed ends; its page opens another one. */
static void
tell(struct feed *f, const char *event, struct slice data)
{
	if (f->over)
		return;
	if (buf_len(f->out) > BACKLOG_MAX ||
	    !buf_printf(&f->out, "event: %s\ndata: ", event) ||
	    !buf_add(&f->out, data.p, data.n) ||
	    !buf_printf(&f->out, "\n\n"))
		finish(f);
	else
		go_on(f);
}

static void
tell_heads(struct feed *f, const char *event, struct slice before,
	   struct slice after)
{
	struct buf *json = NULL;

	if (demo_json_heads(&json, f->ids[0], before, after))
		tell(f, event, buf_slice(json));
	buf_free(&json);
}

/* -------------------------------------------------------------- whose it is */

static struct feed *
find_ticket(struct feeds *all, struct slice query)
{
	struct slice prefix = SLICE(TICKET_QUERY);

	if (!slice_starts(query, prefix))
		return NULL;
	query = slice_of(query.p + prefix.n, query.n - prefix.n);
	list_each(it, &all->open) {
		struct feed *f = container_of(it, struct feed, link);

		if (slice_eq(query, slice_str(f->ticket)))
			return f;
	}
	return NULL;
}

static struct feed *
find_id(struct feeds *all, uint64_t id)
{
	list_each(it, &all->open) {
		struct feed *f = container_of(it, struct feed, link);

		for (size_t i = 0; i < IDS; i++)
			if (f->ids[i] == id)
				return f;
	}
	return NULL;
}

/* ------------------------------------------------------------------ events */

/* Its lines may go on a little after the next one's begin. */
static void
note_id(struct feed *f, uint64_t id)
{
	memmove(&f->ids[1], &f->ids[0], (IDS - 1) * sizeof(f->ids[0]));
	f->ids[0] = id;
}

static void
on_asked(struct witness *w, const struct conn *c)
{
	struct feeds *all = container_of(w, struct feeds, witness);
	struct slice head = buf_slice(c->hs->bytes);
	struct feed *f;

	pthread_mutex_lock(&all->lock);
	if ((f = find_ticket(all, c->hs->req.query))) {
		note_id(f, c->id);
		buf_free(&f->entered);
		(void)!buf_add(&f->entered, head.p, head.n);
	}
	pthread_mutex_unlock(&all->lock);
}

static void
on_switched(struct witness *w, const struct conn *c, struct slice came,
	    struct slice sent)
{
	struct feeds *all = container_of(w, struct feeds, witness);
	struct feed *f;

	pthread_mutex_lock(&all->lock);
	if ((f = find_id(all, c->id))) {
		f->tunnelled = true;
		tell_heads(f, "answer", came, sent);
	}
	pthread_mutex_unlock(&all->lock);
}

void
feeds_on_arrival(struct feeds *all, struct slice head)
{
	struct feed *f;
	struct head h;

	if (!head_parse(&h, HEAD_REQUEST, head.p, head.n)) {
		pthread_mutex_lock(&all->lock);
		f = find_ticket(all, h.query);
		if (f && f->entered)
			tell_heads(f, "request", buf_slice(f->entered), head);
		if (f)
			buf_free(&f->entered);
		pthread_mutex_unlock(&all->lock);
	}
	head_fini(&h);
}

static bool
is_last(struct slice line)
{
	return memmem(line.p, line.n, LAST_WORDS, strlen(LAST_WORDS)) != NULL;
}

void
feeds_on_line(void *feeds, uint64_t id, enum log_level level,
	      struct slice line)
{
	struct feeds *all = feeds;
	struct buf *json = NULL;
	struct feed *f;

	pthread_mutex_lock(&all->lock);
	if ((f = find_id(all, id))) {
		if (demo_json_line(&json, level, line))
			tell(f, "line", buf_slice(json));
		if (is_last(line) && id == f->ids[0])
			f->tunnelled = false;
		if (all->draining && !f->tunnelled)
			finish(f);
	}
	pthread_mutex_unlock(&all->lock);
	buf_free(&json);
}

void
feeds_beat(struct feeds *all)
{
	pthread_mutex_lock(&all->lock);
	list_each(it, &all->open) {
		struct feed *f = container_of(it, struct feed, link);

		if (!f->out && !f->over && buf_add(&f->out, ":\n\n", 3))
			go_on(f);
	}
	pthread_mutex_unlock(&all->lock);
}

static void
finish_all(struct feeds *all, bool tunnelled)
{
	pthread_mutex_lock(&all->lock);
	all->draining = true;
	list_each(it, &all->open) {
		struct feed *f = container_of(it, struct feed, link);

		if (tunnelled || !f->tunnelled)
			finish(f);
	}
	pthread_mutex_unlock(&all->lock);
}

void
feeds_drain(struct feeds *all)
{
	finish_all(all, false);
}

void
feeds_end(struct feeds *all)
{
	finish_all(all, true);
}

/* ---------------------------------------------------------------- one feed */

static bool
make_ticket(char ticket[2 * RANDOM + 1])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[RANDOM];

	if (getentropy(bytes, sizeof(bytes)) < 0)
		return false;
	for (size_t i = 0; i < RANDOM; i++) {
		ticket[2 * i] = digits[bytes[i] >> 4];
		ticket[2 * i + 1] = digits[bytes[i] & 0xf];
	}
	ticket[2 * RANDOM] = '\0';
	return true;
}

/* Has it a place among the others? */
static bool
enter(struct feed *f)
{
	struct feeds *all = f->all;
	bool ok;

	pthread_mutex_lock(&all->lock);
	ok = all->nopen < FEEDS_MAX && !all->draining;
	if (ok) {
		list_push_back(&all->open, &f->link);
		all->nopen++;
	}
	pthread_mutex_unlock(&all->lock);
	return ok;
}

struct feed *
feed_open(struct feeds *all, void *reader)
{
	struct feed *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->all = all;
	f->reader = reader;
	if (make_ticket(f->ticket) &&
	    buf_printf(&f->out,
		       "retry: 1000\nevent: ticket\ndata: \"%s\"\n\n",
		       f->ticket) &&
	    enter(f))
		return f;
	buf_free(&f->out);
	free(f);
	return NULL;
}

void
feed_close(struct feed *f)
{
	struct feeds *all = f->all;

	pthread_mutex_lock(&all->lock);
	list_remove(&f->link);
	all->nopen--;
	pthread_mutex_unlock(&all->lock);
	buf_free(&f->out);
	buf_free(&f->entered);
	free(f);
}

ssize_t
feed_read(struct feed *f, char *out, size_t max)
{
	struct feeds *all = f->all;
	ssize_t n;

	pthread_mutex_lock(&all->lock);
	n = (ssize_t)(buf_len(f->out) < max ? buf_len(f->out) : max);
	if (n > 0) {
		memcpy(out, buf_data(f->out), (size_t)n);
		buf_take(&f->out, (size_t)n);
	} else if (f->over) {
		n = -1;
	} else {
		f->waits = true;
		all->pause->wait(f->reader);
	}
	pthread_mutex_unlock(&all->lock);
	return n;
}

struct feeds *
feeds_new(const struct feed_pause *pause)
{
	struct feeds *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->witness = (struct witness){ on_asked, on_switched };
	all->pause = pause;
	list_init(&all->open);
	pthread_mutex_init(&all->lock, NULL);
	return all;
}

void
feeds_free(struct feeds *all)
{
	if (!all)
		return;
	pthread_mutex_destroy(&all->lock);
	free(all);
}

struct witness *
feeds_witness(struct feeds *all)
{
	return &all->witness;
}
