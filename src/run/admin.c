/* SPDX-License-Identifier: ISC */
/*
 * admin.c: the socket by which an operator asks and tells a running process.
 *
 *	GET    /status
 *	GET    /tunnels            open WebSockets
 *	GET    /connections        requests on their way as well
 *	GET    /tunnels/ID         or /connections/ID
 *	DELETE /tunnels/ID         the same
 *	POST   /drain
 *	POST   /reload
 *	PUT    /log-level/LEVEL
 *
 * Workers are asked for one caller after the other.
 */
#include "run/admin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/setting.h"
#include "conf/text.h"
#include "net/listen.h"
#include "proxy/limit.h"
#include "run/admin_socket.h"
#include "run/admin_text.h"
#include "run/caller.h"

#define CALLERS_MAX 16
#define SENTENCE_MAX 512

/* What a caller wants to know of the workers. */
struct question {
	struct list link;
	struct caller *caller; /* NULL: it has gone; of the first one only */
	struct survey_kind kind;
};

struct admin {
	struct poller *poller;
	struct admin_socket socket;
	struct listener *listener;
	struct list callers;
	struct list questions; /* the first is being asked */
	struct roster roster;
	const struct admin_does *does;
	void *arg;
	uint64_t began;        /* ms */
};

/* ---- what workers are asked ---- */

static struct question *
first_question(struct admin *a)
{
	return container_of(a->questions.next, struct question, link);
}

static void
forget_question(struct question *q)
{
	list_remove(&q->link);
	free(q);
}

static void
ask_next(struct admin *a)
{
	while (!list_empty(&a->questions)) {
		struct question *q = first_question(a);

		if (roster_ask(&a->roster, &q->kind, q->caller->json))
			return;
		caller_say_sentence(q->caller, 503, "memory is short");
		forget_question(q);
	}
}

static void
ask(struct admin *a, struct caller *c, struct survey_kind kind)
{
	struct question *q = calloc(1, sizeof(*q));
	bool idle = list_empty(&a->questions);

	if (!q) {
		caller_say_sentence(c, 503, "memory is short");
		return;
	}
	q->caller = c;
	q->kind = kind;
	list_push_back(&a->questions, &q->link);
	if (idle)
		ask_next(a);
}

static void
say_none(struct caller *c, const struct survey_kind *kind)
{
	char sentence[SENTENCE_MAX];

	snprintf(sentence, sizeof(sentence), "there is no %s with the id %"
		 PRIu64 ", or not any more; bowspritctl list shows those that "
		 "there are", kind->requests ? "connection" : "WebSocket",
		 kind->id);
	caller_say_sentence(c, 404, sentence);
}

static void
say_killed(struct caller *c, const struct survey_row *r)
{
	char sentence[SENTENCE_MAX], client[ADDR_TEXT];
	bool tunnel = r->state >= CS_TUNNEL;

	snprintf(sentence, sizeof(sentence), "%" PRIu64 " (%s, client %s) %s",
		 r->id, r->route, addr_host_text(&r->client, client),
		 tunnel ? "is told to go; in 5 s at most it is closed"
			: "is closed");
	caller_say_sentence(c, 200, sentence);
}

static void
say_one(struct caller *c, const struct survey_kind *kind,
	const struct survey_row *r)
{
	struct buf *body = NULL;
	bool ok;

	if (!r) {
		say_none(c, kind);
	} else if (kind->kill) {
		say_killed(c, r);
	} else {
		ok = admin_put_row(&body, c->json, r);
		caller_say(c, 200, &body, ok);
	}
}

static void
answer(struct caller *c, const struct survey_kind *kind,
       struct listing *found)
{
	if (!found) {
		caller_say_sentence(c, 503, "memory is short");
	} else if (kind->id) {
		say_one(c, kind, listing_first(found));
		listing_free(found);
	} else {
		caller_say_list(c, found);
	}
}

/* A worker has answered: also who is not asked for yet waits for it. */
static void
pass_on_news(struct admin *a)
{
	list_each(it, &a->questions) {
		struct question *q = container_of(it, struct question, link);

		if (q->caller)
			caller_has_news(q->caller);
	}
}

void
admin_on_survey(struct admin *a, struct survey *s)
{
	struct question *q;

	if (!a) {
		roster_drop(s);
		return;
	}
	pass_on_news(a);
	if (!roster_take(&a->roster, s))
		return;
	q = first_question(a);
	if (q->caller)
		answer(q->caller, &q->kind, roster_found(&a->roster));
	forget_question(q);
	roster_forget(&a->roster);
	ask_next(a);
}

/*
 * Workers that have been asked answer all the same, with a slice each; the next
 * question is asked then.
 */
static void
on_gone(struct caller *c, void *arg)
{
	struct admin *a = arg;

	list_each(it, &a->questions) {
		struct question *q = container_of(it, struct question, link);

		if (q->caller != c)
			continue;
		if (q == first_question(a)) {
			q->caller = NULL;
			roster_forget(&a->roster);
		} else {
			forget_question(q);
		}
	}
}

/* ---- what may be asked ---- */

typedef void command(struct admin *a, struct caller *c, struct slice rest);

static void
list_tunnels(struct admin *a, struct caller *c, struct slice rest)
{
	(void)rest;
	ask(a, c, (struct survey_kind){ .requests = false });
}

static void
list_all(struct admin *a, struct caller *c, struct slice rest)
{
	(void)rest;
	ask(a, c, (struct survey_kind){ .requests = true });
}

static void
ask_one(struct admin *a, struct caller *c, struct slice id,
	struct survey_kind kind)
{
	if (text_number(id, &kind.id) && kind.id > 0)
		ask(a, c, kind);
	else
		caller_say_sentence(c, 404, "an id is a number, the first "
				    "column of bowspritctl list and `id` in "
				    "the log");
}

static void
show_tunnel(struct admin *a, struct caller *c, struct slice id)
{
	ask_one(a, c, id, (struct survey_kind){ .requests = false });
}

static void
show_any(struct admin *a, struct caller *c, struct slice id)
{
	ask_one(a, c, id, (struct survey_kind){ .requests = true });
}

static void
kill_tunnel(struct admin *a, struct caller *c, struct slice id)
{
	ask_one(a, c, id, (struct survey_kind){ .kill = true });
}

static void
kill_any(struct admin *a, struct caller *c, struct slice id)
{
	ask_one(a, c, id,
		(struct survey_kind){ .kill = true, .requests = true });
}

struct routes {
	struct admin_route *list;
	size_t n;
};

static void
add_route(void *arg, const char *name, unsigned tunnels)
{
	struct routes *r = arg;

	*xgrow(r->list, r->n) =
		(struct admin_route){ .name = name, .tunnels = tunnels };
}

static void
show_status(struct admin *a, struct caller *c, struct slice rest)
{
	unsigned n = a->roster.nworkers;
	unsigned *connections = xcalloc(n, sizeof(*connections));
	struct routes routes = { .n = 0 };
	struct buf *body = NULL;
	struct admin_status s = {
		.conf = a->does->conf(a->arg),
		.uptime = (clock_ms() - a->began) / 1000,
		.draining = a->does->is_draining(a->arg),
		.nworkers = n,
		.connections = connections,
	};
	bool ok;

	(void)rest;
	for (unsigned i = 0; i < n; i++)
		connections[i] = a->does->connections(a->arg, i);
	limit_each(add_route, &routes);
	s.routes = routes.list;
	s.nroutes = routes.n;
	ok = admin_put_status(&body, c->json, &s);
	free(routes.list);
	free(connections);
	caller_say(c, 200, &body, ok);
}

/* `why`: what is in the way; or NULL, and it is done. */
static void
say_outcome(struct caller *c, const char *why, const char *done)
{
	caller_say_sentence(c, why ? 409 : 200, why ? why : done);
}

static void
do_drain(struct admin *a, struct caller *c, struct slice rest)
{
	(void)rest;
	say_outcome(c, a->does->drain(a->arg), "finishing what is under way");
}

static void
do_reload(struct admin *a, struct caller *c, struct slice rest)
{
	(void)rest;
	say_outcome(c, a->does->reload(a->arg),
		    "the configuration was read again");
}

static void
set_level(struct admin *a, struct caller *c, struct slice level)
{
	const struct setting_word *w =
		setting_find(SECTION_LOG, "level")->words;
	char sentence[SENTENCE_MAX];

	(void)a;
	while (w->word && !slice_eq(slice_str(w->word), level))
		w++;
	if (!w->word) {
		caller_say_sentence(c, 404, "the levels are debug, info, warn "
				    "and error");
		return;
	}
	log_set_level((enum log_level)w->value);
	snprintf(sentence, sizeof(sentence), "the log has level %s, until the "
		 "configuration is read again", w->word);
	log_say(LOG_WARN, "bowspritctl: %s", sentence);
	caller_say_sentence(c, 200, sentence);
}

static const struct {
	const char *method;
	const char *path; /* with a final '/': and something behind it */
	command *does;
} commands[] = {
	{ "GET", "/status", show_status },
	{ "GET", "/tunnels", list_tunnels },
	{ "GET", "/connections", list_all },
	{ "GET", "/tunnels/", show_tunnel },
	{ "GET", "/connections/", show_any },
	{ "DELETE", "/tunnels/", kill_tunnel },
	{ "DELETE", "/connections/", kill_any },
	{ "POST", "/drain", do_drain },
	{ "POST", "/reload", do_reload },
	{ "PUT", "/log-level/", set_level },
};

static bool
matches(struct slice path, const char *pattern, struct slice *rest)
{
	struct slice p = slice_str(pattern);

	if (p.p[p.n - 1] != '/' || !slice_starts(path, p))
		return slice_eq(path, p);
	*rest = slice_of(path.p + p.n, path.n - p.n);
	return true;
}

static void
on_request(struct caller *c, const struct head *req, void *arg)
{
	struct admin *a = arg;
	struct slice rest = SLICE_NONE;
	bool known = false;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (!matches(req->path, commands[i].path, &rest))
			continue;
		known = true;
		if (slice_eq(req->method, slice_str(commands[i].method))) {
			commands[i].does(a, c, rest);
			return;
		}
	}
	if (known)
		caller_say_sentence(c, 405, "not with this method: GET asks, "
				    "DELETE ends a connection, POST is for "
				    "/drain and /reload, PUT for /log-level/");
	else
		caller_say_sentence(c, 404, "there is /status, /tunnels, "
				    "/connections, /drain, /reload and "
				    "/log-level/");
}

/* ---- callers ---- */

/* Who has been silent longest makes room. */
static bool
make_room(struct admin *a)
{
	unsigned n = 0;

	list_each(it, &a->callers)
		n++;
	if (n < CALLERS_MAX)
		return true;
	list_each(it, &a->callers) {
		struct caller *c = container_of(it, struct caller, link);

		if (c->state == CALLER_ASKS) {
			caller_close(c);
			return true;
		}
	}
	return false;
}

static void
on_accept(void *arg, const void *tag, int fd, const struct addr *peer)
{
	struct admin *a = arg;

	(void)tag;
	(void)peer;
	if (make_room(a))
		(void)caller_new(a->poller, fd, &a->callers, on_request,
				 on_gone, a);
	else
		close(fd);
}

struct admin *
admin_open(struct poller *p, const struct conf *conf,
	   pid_t predecessor, unsigned nworkers,
	   const struct admin_does *does, void *arg)
{
	struct admin *a;
	struct admin_socket s;

	if (!conf->admin_socket ||
	    !admin_socket_open(&s, conf->admin_socket, predecessor))
		return NULL;
	a = xcalloc(1, sizeof(*a));
	a->poller = p;
	a->socket = s;
	a->does = does;
	a->arg = arg;
	a->began = clock_ms();
	list_init(&a->callers);
	list_init(&a->questions);
	roster_init(&a->roster, nworkers, does->ask, arg);
	a->listener = listener_new(p, s.fd, false, on_accept, a, NULL);
	if (!a->listener) {
		admin_close(a);
		return NULL;
	}
	return a;
}

void
admin_close(struct admin *a)
{
	if (!a)
		return;
	if (a->listener)
		listener_free(a->listener);
	list_each(it, &a->callers)
		caller_close(container_of(it, struct caller, link));
	list_each(it, &a->questions)
		forget_question(container_of(it, struct question, link));
	roster_forget(&a->roster);
	admin_socket_close(&a->socket);
	free(a);
}
