/* SPDX-License-Identifier: ISC */
/*
 * dial.c: a new connection to a server that may have several addresses.
 */
#include "proxy/dial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/sockopt.h"
#include "proxy/access.h"
#include "proxy/server.h"

#define HEAD_START 250 /* ms before the next is tried: RFC 8305 5 */
#define QUEUE_FULL 20  /* ms before a unix socket is tried again */
#define ERRORS_MAX 512 /* bytes of a sentence about all addresses */

struct attempt {
	struct server *server; /* on its way; or NULL */
	int error;             /* why it failed; or 0 */
	struct refusal late;   /* what would say so, if it failed connected */
};

struct dial {
	uint64_t ends;     /* clock_ms; 0: never */
	uint64_t gap;      /* ms between two attempts */
	const struct reason *due;
	size_t n, next;    /* addresses, and the first not tried yet */
	size_t winner;     /* the one that connected; it may still fail */
	struct addr *addrs;
	struct attempt *attempts;
};

/* ---- one address ---- */

static const char *
socket_path(const struct conn *c)
{
	return conn_server(c)->path;
}

/* False, with errno. */
static bool
begin(struct conn *c, const struct addr *to, struct attempt *a)
{
	struct sockaddr_storage ss;
	socklen_t len = socket_path(c)
			? addr_unix_sockaddr(socket_path(c), &ss)
			: addr_to_sockaddr(to, &ss);
	struct server *s;
	int fd = sock_open(ss.ss_family);

	if (fd < 0)
		return false;
	sock_set_nodelay(fd);
	if (connect(fd, (struct sockaddr *)&ss, len) < 0 &&
	    errno != EINPROGRESS) {
		sock_give_up(fd);
		return false;
	}
	if (!(s = chunks_get(&c->worker->server_chunks))) {
		close(fd);
		errno = ENOMEM;
		return false;
	}
	s->magic = SERVER_MAGIC;
	s->conn = c;
	s->backend = c->hs->route->backend->index & 0x7fffff;
	s->taken = clock_ms();
	list_init(&s->link);
	server_watch(s, fd, socket_path(c) || addr_is_loopback(to));
	a->server = s;
	return true;
}

static const struct reason *
reason_of_attempt(const struct attempt *a)
{
	return a->late.why ? a->late.why : reason_of_server_errno(a->error);
}

/* Not the address is at fault if we have no descriptor or memory for it. */
static bool
is_ours(const struct reason *why)
{
	return why == &reason_no_descriptors || why == &reason_no_memory;
}

static void
fail_attempt(struct conn *c, size_t i, int error)
{
	struct dial *d = c->hs->dial;
	struct attempt *a = &d->attempts[i];

	if (a->server)
		server_free(a->server);
	a->server = NULL;
	a->error = error;
	if (d->n > 1 && !is_ours(reason_of_attempt(a)))
		hosts_shun(&c->worker->hosts, &d->addrs[i], clock_ms());
}

/* ---- all of them ---- */

static bool
is_any_left(const struct dial *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (i >= d->next || d->attempts[i].server)
			return true;
	return false;
}

/*
 * The first failure that says more than that there is no way; one of an address
 * that took the connection says most.
 */
static const struct reason *
reason_of(const struct dial *d)
{
	const struct reason *why = &reason_server_unreachable;

	for (size_t i = 0; i < d->n; i++)
		if (d->attempts[i].late.why)
			return d->attempts[i].late.why;
	for (size_t i = 0; i < d->n && why == &reason_server_unreachable; i++)
		why = reason_of_attempt(&d->attempts[i]);
	return why;
}

static const char *
words_of(const struct attempt *a)
{
	if (a->late.why)
		return a->late.text ? a->late.text : a->late.why->message;
	return a->error ? strerror(a->error) : "not tried";
}

/* "connect ECONNREFUSED: 10.0.0.1:80 Connection refused, [::1]:80 ..." */
static void
write_errors(const struct dial *d, const struct reason *why,
	     char out[ERRORS_MAX])
{
	int len = snprintf(out, ERRORS_MAX, "%s", why->message);

	for (size_t i = 0; i < d->n && len < ERRORS_MAX; i++) {
		char text[ADDR_TEXT];

		len += snprintf(out + len, (size_t)(ERRORS_MAX - len),
				"%s %s %s", i ? "," : ":",
				addr_text(&d->addrs[i], text),
				words_of(&d->attempts[i]));
	}
}

/* Without its server a socket's file may be there, or not. */
static bool
is_refusal(const struct reason *why)
{
	return why == &reason_server_refused || why == &reason_socket_missing;
}

/* What a reason, in the words of networks, means for a unix socket. */
static const char *
socket_hint(const struct reason *why)
{
	if (why == &reason_server_refused)
		return "nobody listens at {server}, though there is a file: "
		       "is the server started, and is that its socket?";
	if (why == &reason_connect_timeout)
		return "{server} accepts no connections, and more wait for it "
		       "than it lets wait: is it overloaded, or stopped?";
	if (why == &reason_server_unreachable)
		return "{server} is no stream socket that can be connected to: "
		       "check its path";
	return NULL;
}

/* What to do about such an address, where the reason's hint would mislead. */
static const char *
late_hint(const struct dial *d, const struct reason *why)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->attempts[i].late.why == why)
			return d->attempts[i].late.hint;
	return NULL;
}

/* A name may have other addresses by now. */
static void
doubt_name(struct conn *c, const struct reason *why)
{
	const struct conf_server *s = conn_server(c);

	if (s->host && !s->naddrs && c->worker->on_stale && !is_ours(why))
		c->worker->on_stale(c->worker, s->host);
}

static void
fail(struct conn *c, const struct reason *why)
{
	char errors[ERRORS_MAX];
	struct refusal r = { .why = why };

	doubt_name(c, why);
	if (is_refusal(why) && server_awaits_news(c))
		return;
	if (socket_path(c))
		r.hint = socket_hint(why);
	else
		r.hint = late_hint(c->hs->dial, why);
	if (c->hs->dial->n > 1) {
		write_errors(c->hs->dial, why, errors);
		r.text = errors;
	}
	finish_refuse(c, &r);
}

/* Until the next address's turn, or the end. */
static void
set_deadline(struct conn *c)
{
	const struct dial *d = c->hs->dial;
	uint64_t now = clock_ms(), ms = 0;

	if (d->ends)
		ms = now < d->ends ? d->ends - now : 1;
	if (d->next < d->n && (!ms || d->gap < ms))
		ms = d->gap;
	conn_set_deadline(c, ms, d->due);
}

/*
 * A unix socket's queue is full: the kernel does not wait for room in it, as
 * it does for TCP, so that we do.
 */
static bool
is_queue_full(const struct conn *c, int error)
{
	return socket_path(c) && error == EAGAIN;
}

static void
try_next(struct conn *c)
{
	struct dial *d = c->hs->dial;

	while (d->next < d->n) {
		size_t i = d->next++;

		if (begin(c, &d->addrs[i], &d->attempts[i]))
			break;
		if (is_queue_full(c, errno)) {
			d->next = i;
			break;
		}
		fail_attempt(c, i, errno);
	}
	if (is_any_left(d))
		set_deadline(c);
	else
		fail(c, reason_of(d));
}

/* ---- the beginning ---- */

static struct dial *
dial_new(const struct addr *addrs, size_t n, uint16_t port)
{
	struct dial *d = calloc(1, sizeof(*d) + n * (sizeof(*d->attempts) +
						     sizeof(*d->addrs)));

	if (!d)
		return NULL;
	d->n = n;
	d->attempts = (struct attempt *)(d + 1);
	d->addrs = (struct addr *)(d->attempts + n);
	memcpy(d->addrs, addrs, n * sizeof(*addrs));
	for (size_t i = 0; i < n; i++)
		d->addrs[i].port = port;
	return d;
}

/* False if the server's name has not been heard of yet. */
static bool
find_addrs(const struct conn *c, const struct addr **addrs, size_t *n)
{
	const struct conf_server *to = conn_server(c);
	const struct host *h;

	static const struct addr nowhere; /* its path says it */

	*addrs = to->path ? &nowhere : to->addrs;
	*n = to->path ? 1 : to->naddrs;
	if (*n > 0)
		return true;
	if (!(h = hosts_find(&c->worker->hosts, to->host)))
		return false;
	*addrs = h->addrs;
	*n = h->n;
	return true;
}

/* Of a name that captures have chosen.  False if none is left. */
static bool
keep_permitted(struct conn *c)
{
	struct dial *d = c->hs->dial;
	size_t kept = 0;

	for (size_t i = 0; i < d->n; i++)
		if (route_permits(c->hs->route, c->hs->chosen, &d->addrs[i]))
			d->addrs[kept++] = d->addrs[i];
	d->n = kept;
	return kept > 0;
}

void
dial_start(struct conn *c, uint64_t limit, const struct reason *due)
{
	const struct addr *addrs;
	struct dial *d;
	size_t n;

	c->hs->waits_name = !find_addrs(c, &addrs, &n);
	if (c->hs->waits_name) {
		conn_set_deadline(c, limit, &reason_server_unknown);
		return;
	}
	if (n == 0) {
		finish_fail(c, &reason_server_unknown);
		return;
	}
	if (!(d = dial_new(addrs, n, conn_server(c)->port))) {
		finish_fail(c, &reason_no_memory);
		return;
	}
	c->hs->dial = d;
	if (c->hs->chosen && !keep_permitted(c)) {
		finish_fail(c, &reason_target_refused);
		return;
	}
	hosts_order(&c->worker->hosts, d->addrs, d->n, clock_ms());
	d->due = due;
	d->ends = limit ? clock_ms() + limit : 0;
	d->gap = limit && limit / d->n < HEAD_START ? limit / d->n + 1
						    : HEAD_START;
	if (socket_path(c))
		d->gap = QUEUE_FULL;
	try_next(c);
}

/* ---- what becomes of it ---- */

static size_t
index_of(const struct dial *d, const struct server *s)
{
	size_t i = 0;

	while (d->attempts[i].server != s)
		i++;
	return i;
}

/* What is left of the time is for TLS, or for the other addresses. */
static void
set_last_deadline(struct conn *c)
{
	const struct dial *d = c->hs->dial;
	uint64_t now = clock_ms();

	if (d->ends)
		conn_set_deadline(c, now < d->ends ? d->ends - now : 1,
				  d->due);
	else
		conn_set_deadline(c, 0, NULL);
}

/*
 * Should it be lost before it has the request, the addresses behind it are
 * tried from the beginning.
 */
static void
put_off_others(struct dial *d)
{
	for (size_t i = d->winner + 1; i < d->next; i++) {
		if (d->attempts[i].server)
			server_free(d->attempts[i].server);
		d->attempts[i] = (struct attempt){ 0 };
	}
	d->next = d->winner + 1;
}

/* Those that began earlier were slower, and are not to slow the next one. */
static void
win(struct conn *c, size_t i)
{
	struct dial *d = c->hs->dial;

	c->server = d->attempts[i].server;
	d->attempts[i].server = NULL;
	d->winner = i;
	for (size_t j = 0; j < i; j++)
		if (d->attempts[j].server)
			fail_attempt(c, j, ETIMEDOUT);
	set_last_deadline(c);
	if (d->n > 1)
		put_off_others(d);
	else
		dial_done(c);
	server_connected(c);
}

void
dial_on_event(struct server *s)
{
	struct conn *c = s->conn;
	struct dial *d = c->hs->dial;
	size_t i = index_of(d, s);
	int error = stream_connected(&s->s);

	if (error == EINPROGRESS)
		return;
	/* Nothing listens there if the other end is our own. */
	if (error == 0 && sock_is_to_itself(stream_fd(&s->s), &d->addrs[i]))
		error = ECONNREFUSED;
	if (error == 0) {
		win(c, i);
		return;
	}
	fail_attempt(c, i, error);
	try_next(c);
}

bool
dial_past(struct conn *c, const struct refusal *r)
{
	struct dial *d = c->hs->dial;
	size_t i;

	if (!d)
		return false;
	i = d->winner;
	if (d->next < d->n)
		access_passed_over(c, &d->addrs[i], r);
	c->hs->opened = 0;
	d->attempts[i].server = c->server;
	d->attempts[i].late = *r;
	c->server = NULL;
	fail_attempt(c, i, EPROTO);
	try_next(c);
	return true;
}

static void
time_out(struct conn *c)
{
	struct dial *d = c->hs->dial;

	for (size_t i = 0; i < d->next; i++)
		if (d->attempts[i].server)
			fail_attempt(c, i, ETIMEDOUT);
	fail(c, d->due);
}

void
dial_on_deadline(struct conn *c)
{
	const struct dial *d = c->hs->dial;

	if (!d)
		finish_fail(c, c->due); /* the name was not found in time */
	else if (d->ends && clock_ms() >= d->ends)
		time_out(c);
	else
		try_next(c);
}

void
dial_blame(struct conn *c)
{
	const struct dial *d = c->hs->dial;

	if (d)
		hosts_shun(&c->worker->hosts, &d->addrs[d->winner],
			   clock_ms());
}

void
dial_done(struct conn *c)
{
	const struct dial *d = c->hs->dial;

	if (d && !socket_path(c))
		hosts_forgive(&c->worker->hosts, &d->addrs[d->winner]);
	dial_stop(c);
}

void
dial_stop(struct conn *c)
{
	struct dial *d = c->hs ? c->hs->dial : NULL;

	if (!d)
		return;
	c->hs->dial = NULL;
	for (size_t i = 0; i < d->next; i++)
		if (d->attempts[i].server)
			server_free(d->attempts[i].server);
	free(d);
}
