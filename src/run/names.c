/* SPDX-License-Identifier: ISC */
/*
 * names.c: the names of backends, asked for again and again.
 */
#include "run/names.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/resolve.h"

#define AGAIN_MS 1000  /* while a name has no address at all, or none that works */
#define SHOWN 8        /* addresses of a name in a line */

struct name {
	char *text;
	struct names *names;
	struct event timer;
	struct addr *addrs; /* the last good ones, with port 0 */
	size_t n;
	uint64_t answered;  /* ms: the last time, by clock_ms */
	bool used;          /* by the present configuration */
	bool asked;         /* a thread is at it */
	bool told;          /* cb knows of all that */
	bool failing;
};

/* What threads and main share; threads may outlive all else. */
struct asking {
	pthread_mutex_t lock;
	unsigned refs;
	struct mailbox *mail; /* NULL: nobody waits any more */
	struct list answers;
};

struct question {
	struct list link;
	struct asking *asking;
	char *text;
	struct addr *addrs;
	size_t n;
	const char *error;
};

static void
question_free(struct question *q)
{
	free(q->text);
	free(q->addrs);
	free(q);
}

/* ---- asking ---- */

/* Called with the lock, which is gone with the last reference. */
static void
unref_unlock(struct asking *a)
{
	bool last = --a->refs == 0;

	pthread_mutex_unlock(&a->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* Hands the answer in, unless nobody waits for it. */
static void
hand_in(struct question *q)
{
	struct asking *a = q->asking;

	pthread_mutex_lock(&a->lock);
	if (a->mail) {
		list_push_back(&a->answers, &q->link);
		mailbox_post(a->mail, MSG_ADDRS, NULL);
	} else {
		question_free(q);
	}
	unref_unlock(a);
}

static void *
run(void *arg)
{
	struct question *q = arg;

	q->error = resolve(q->text, 0, &q->addrs, &q->n);
	hand_in(q);
	return NULL;
}

/* Signals are the main thread's. */
static int
start_thread(struct question *q)
{
	sigset_t all, before;
	pthread_t id;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&id, NULL, run, q);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0)
		pthread_detach(id);
	return error;
}

static struct question *
question_new(const struct name *name)
{
	struct question *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	list_init(&q->link);
	q->asking = name->names->asking;
	if (!(q->text = strdup(name->text))) {
		free(q);
		return NULL;
	}
	return q;
}

static void ask_later(struct name *name);

static void
ask(struct name *name)
{
	struct question *q = question_new(name);

	if (!q) {
		ask_later(name);
		return;
	}
	name->asked = true;
	pthread_mutex_lock(&q->asking->lock);
	q->asking->refs++;
	pthread_mutex_unlock(&q->asking->lock);
	if (start_thread(q) != 0) {
		q->error = "no thread could be started to ask for it";
		hand_in(q);
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ask(arg);
}

/* ---- answers ---- */

static bool
has(const struct addr *addrs, size_t n, const struct addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (addr_same_host(&addrs[i], a))
			return true;
	return false;
}

/* Whatever their order, which name servers vary. */
static bool
is_same_set(const struct name *name, const struct question *q)
{
	for (size_t i = 0; i < q->n; i++)
		if (!has(name->addrs, name->n, &q->addrs[i]))
			return false;
	return name->n == q->n;
}

static void
say_changed(const struct question *q)
{
	char shown[SHOWN * ADDR_TEXT] = "", text[ADDR_TEXT];
	size_t len = 0;

	for (size_t i = 0; i < q->n && i < SHOWN; i++)
		len += (size_t)snprintf(shown + len, sizeof(shown) - len,
					"%s%s", i ? ", " : "",
					addr_host_text(&q->addrs[i], text));
	log_say(LOG_INFO, "the name %s is now at %s%s", q->text, shown,
		q->n > SHOWN ? ", ..." : "");
}

static void
say_failed(const struct name *name, const char *error)
{
	if (name->n)
		log_say(LOG_WARN, "the name %s does not resolve any more: %s; "
			"its last addresses stay in use", name->text, error);
	else
		log_say(LOG_WARN, "the name %s does not resolve: %s; requests "
			"to it fail until it does", name->text, error);
}

static void
on_failure(struct name *name, const char *error)
{
	if (!name->failing)
		say_failed(name, error);
	name->failing = true;
}

static void
on_success(struct name *name, struct question *q)
{
	bool same = is_same_set(name, q);

	if (name->n ? !same : name->failing)
		say_changed(q);
	else if (name->failing)
		log_say(LOG_INFO, "the name %s resolves again", name->text);
	name->failing = false;
	if (same)
		return;
	free(name->addrs);
	name->addrs = q->addrs;
	name->n = q->n;
	name->told = false;
	q->addrs = NULL;
}

static void
ask_in(struct name *name, uint64_t ms)
{
	struct timeval tv = { .tv_sec = (time_t)(ms / 1000),
			      .tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	event_add(&name->timer, &tv);
}

static void
ask_later(struct name *name)
{
	uint64_t ms = name->names->refresh;

	if (!name->n && (!ms || ms > AGAIN_MS))
		ms = AGAIN_MS;
	if (ms && name->used)
		ask_in(name, ms);
}

static struct name *
find(const struct names *n, const char *text)
{
	for (size_t i = 0; i < n->n; i++)
		if (strcasecmp(n->all[i]->text, text) == 0)
			return n->all[i];
	return NULL;
}

static void
take(struct names *n, struct question *q)
{
	struct name *name = find(n, q->text);

	name->asked = false;
	name->answered = clock_ms();
	if (q->error)
		on_failure(name, q->error);
	else
		on_success(name, q);
	if (!name->told)
		name->told = n->cb(name->text, name->addrs, name->n, n->arg);
	ask_later(name);
}

static struct question *
next_answer(struct asking *a)
{
	struct question *q = NULL;

	pthread_mutex_lock(&a->lock);
	if (!list_empty(&a->answers)) {
		q = container_of(a->answers.next, struct question, link);
		list_remove(&q->link);
	}
	pthread_mutex_unlock(&a->lock);
	return q;
}

void
names_on_answer(struct names *n)
{
	struct question *q;

	while (n->asking && (q = next_answer(n->asking))) {
		take(n, q);
		question_free(q);
	}
}

void
names_doubt(struct names *n, const char *text)
{
	struct name *name = find(n, text);
	uint64_t ago;

	/* Those that are asked for every second anyway need no haste. */
	if (!name || !name->used || name->asked || n->refresh <= AGAIN_MS)
		return;
	ago = clock_ms() - name->answered;
	ask_in(name, ago < AGAIN_MS ? AGAIN_MS - ago : 0);
}

/* ---- which names ---- */

void
names_init(struct names *n, struct event_base *base, struct mailbox *mail,
	   names_cb *cb, void *arg)
{
	*n = (struct names){ .base = base, .cb = cb, .arg = arg };
	n->asking = xcalloc(1, sizeof(*n->asking));
	pthread_mutex_init(&n->asking->lock, NULL);
	list_init(&n->asking->answers);
	n->asking->mail = mail;
	n->asking->refs = 1;
}

static struct name *
add(struct names *n, const char *text)
{
	struct name *name = xcalloc(1, sizeof(*name));

	name->text = xstrdup(text);
	name->names = n;
	event_assign(&name->timer, n->base, -1, 0, on_timer, name);
	*xgrow(n->all, n->n) = name;
	return name;
}

static void
watch(struct names *n, const char *text)
{
	struct name *name = find(n, text);

	if (!name)
		name = add(n, text);
	name->used = true;
}

void
names_watch(struct names *n, const struct conf *conf)
{
	n->refresh = conf->timeouts.resolve;
	for (size_t i = 0; i < n->n; i++)
		n->all[i]->used = false;
	for (size_t i = 0; i < conf->nbackends; i++) {
		const struct conf_server *s = &conf->backends[i]->server;

		if (s->host && !s->naddrs && !strchr(s->host, '{'))
			watch(n, s->host);
	}
	for (size_t i = 0; i < conf->nroutes; i++) {
		const struct conf_targets *t = &conf->routes[i].allowed;

		for (size_t j = 0; j < t->n; j++)
			if (t->list[j].name)
				watch(n, t->list[j].name);
	}
	for (size_t i = 0; i < n->n; i++) {
		event_del(&n->all[i]->timer);
		if (n->all[i]->used && !n->all[i]->asked)
			ask(n->all[i]);
	}
}

void
names_fini(struct names *n)
{
	struct question *q;

	if (!n->asking)
		return;
	pthread_mutex_lock(&n->asking->lock);
	n->asking->mail = NULL;
	pthread_mutex_unlock(&n->asking->lock);
	while ((q = next_answer(n->asking)))
		question_free(q);
	for (size_t i = 0; i < n->n; i++) {
		event_del(&n->all[i]->timer);
		free(n->all[i]->text);
		free(n->all[i]->addrs);
		free(n->all[i]);
	}
	free(n->all);
	pthread_mutex_lock(&n->asking->lock);
	unref_unlock(n->asking);
	*n = (struct names){ 0 }; /* letters may still come */
}
