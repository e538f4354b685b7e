/* SPDX-License-Identifier: ISC */
/*
 * demo.c: an embedded backend whose page shows what bowsprit did.
 *
 * libmicrohttpd serves it in a thread of its own; each WebSocket gets one
 * more, so that its echo may block.  Connections come to it through a door
 * (demo_door.c), on the main thread's loop.
 */
#include "run/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "proto/upgrade.h"
#include "run/demo_door.h"
#include "run/demo_echo.h"
#include "run/demo_feed.h"
#include "run/demo_page.h"

#define CONNECTIONS_MAX 256
#define IDLE_SECONDS 60

#define BEAT 2000 /* ms */
#define BLOCK (16 * 1024) /* bytes of a feed that are sent at once */

#define TEXT "text/plain; charset=utf-8"

struct demo {
	struct MHD_Daemon *daemon;
	struct door *door;
	struct feeds *feeds;
	struct timer beat;
	pthread_mutex_t lock;    /* of all below */
	pthread_cond_t none_left;
	struct list sessions;    /* whose descriptors are still theirs */
	unsigned open;           /* whose handles are not closed yet */
	bool stopping;
};

/* A WebSocket; owned by its thread. */
struct session {
	struct list link; /* in demo.sessions */
	struct demo *demo;
	struct MHD_UpgradeResponseHandle *handle;
	int fd;
	struct buf *early; /* bytes that came with the request's head */
};

/* --------------------------------------------------------------- sessions */

/* Off the list first: after that its descriptor may be somebody else's. */
static void
end_session(struct session *s)
{
	struct demo *d = s->demo;

	pthread_mutex_lock(&d->lock);
	list_remove(&s->link);
	pthread_mutex_unlock(&d->lock);

	MHD_upgrade_action(s->handle, MHD_UPGRADE_ACTION_CLOSE);
	buf_free(&s->early);
	free(s);

	pthread_mutex_lock(&d->lock);
	if (--d->open == 0)
		pthread_cond_signal(&d->none_left);
	pthread_mutex_unlock(&d->lock);
}

static void *
run_session(void *arg)
{
	struct session *s = arg;

	demo_echo(s->fd, buf_data(s->early), buf_len(s->early));
	end_session(s);
	return NULL;
}

static bool
start_thread(struct session *s)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool ok;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	ok = pthread_create(&thread, &attr, run_session, s) == 0;
	pthread_attr_destroy(&attr);
	return ok;
}

static bool
enter_session(struct session *s)
{
	struct demo *d = s->demo;
	bool ok;

	pthread_mutex_lock(&d->lock);
	ok = !d->stopping;
	if (ok) {
		list_push_back(&d->sessions, &s->link);
		d->open++;
	}
	pthread_mutex_unlock(&d->lock);
	return ok;
}

/* libmicrohttpd has sent the 101; the socket is ours, and non-blocking. */
static void
on_upgraded(void *cls, struct MHD_Connection *connection, void *request,
	    const char *early, size_t n, MHD_socket fd,
	    struct MHD_UpgradeResponseHandle *handle)
{
	struct session *s = calloc(1, sizeof(*s));

	(void)connection;
	(void)request;
	if (s) {
		*s = (struct session){.demo = cls, .handle = handle, .fd = fd};
		list_init(&s->link);
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
		if (buf_add(&s->early, early, n) && enter_session(s)) {
			if (!start_thread(s))
				end_session(s);
			return;
		}
		buf_free(&s->early);
		free(s);
	}
	MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

/* ---------------------------------------------------------------- answers */

/*
 * The page takes nothing from elsewhere and is shown in no frame.  Not every
 * browser counts the WebSocket among 'self'; Host is the page's own, and what
 * could be no host stays out of the policy.
 */
static void
add_policy(struct MHD_Connection *connection, struct MHD_Response *r)
{
	static const char host_chars[] = "0123456789.:[]-"
					 "abcdefghijklmnopqrstuvwxyz"
					 "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *host = MHD_lookup_connection_value(
		connection, MHD_HEADER_KIND, "Host");
	struct buf *text = NULL;

	if (!host || host[strspn(host, host_chars)] != '\0')
		host = "localhost";
	if (buf_printf(&text,
		       "default-src 'none'; script-src 'self'; "
		       "style-src 'self'; img-src 'self'; "
		       "connect-src 'self' ws://%s wss://%s; base-uri 'none'; "
		       "form-action 'none'; frame-ancestors 'none'",
		       host, host) &&
	    buf_add(&text, "", 1))
		MHD_add_response_header(r, "Content-Security-Policy",
					buf_data(text));
	buf_free(&text);
}

static enum MHD_Result
give(struct MHD_Connection *connection, unsigned status, const char *type,
     struct MHD_Response *r)
{
	enum MHD_Result done;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type", type);
	MHD_add_response_header(r, "Cache-Control", "no-store");
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(r, "Cross-Origin-Resource-Policy",
				"same-origin");
	add_policy(connection, r);
	if (status == MHD_HTTP_UPGRADE_REQUIRED)
		MHD_add_response_header(r, "Sec-WebSocket-Version", "13");
	done = MHD_queue_response(connection, status, r);
	MHD_destroy_response(r);
	return done;
}

static enum MHD_Result
answer(struct MHD_Connection *connection, unsigned status, const char *type,
       struct slice body)
{
	return give(connection, status, type,
		    MHD_create_response_from_buffer(
			    body.n, (void *)(uintptr_t)body.p,
			    MHD_RESPMEM_MUST_COPY));
}

static enum MHD_Result
add_field(void *cls, enum MHD_ValueKind kind, const char *name,
	  const char *value)
{
	(void)kind;
	return buf_printf(cls, "%s: %s\n", name, value ? value : "") ? MHD_YES
								     : MHD_NO;
}

/* The request's head as text, field by field in their order. */
static bool
head_text(struct buf **out, struct MHD_Connection *connection,
	  const char *method, const char *target, const char *version)
{
	struct buf *fields = NULL;
	bool ok;

	MHD_get_connection_values(connection, MHD_HEADER_KIND, add_field,
				  &fields);
	ok = buf_printf(out, "%s %s %s\n", method, target, version) &&
	     buf_add(out, buf_data(fields), buf_len(fields));
	buf_free(&fields);
	return ok;
}

static enum MHD_Result
answer_head(struct MHD_Connection *connection, const char *method,
	    const char *target, const char *version)
{
	struct buf *head = NULL;
	enum MHD_Result done = MHD_NO;

	if (head_text(&head, connection, method, target, version))
		done = answer(connection, MHD_HTTP_OK, TEXT, buf_slice(head));
	buf_free(&head);
	return done;
}

/* ------------------------------------------------------------------- feeds */

static void
suspend(void *connection)
{
	MHD_suspend_connection(connection);
}

static void
resume(void *connection)
{
	MHD_resume_connection(connection);
}

static const struct feed_pause feed_pause = { suspend, resume };

static ssize_t
read_feed(void *feed, uint64_t at, char *out, size_t max)
{
	ssize_t n = feed_read(feed, out, max);

	(void)at;
	return n < 0 ? (ssize_t)MHD_CONTENT_READER_END_OF_STREAM : n;
}

static void
close_feed(void *feed)
{
	feed_close(feed);
}

static enum MHD_Result
answer_events(struct demo *d, struct MHD_Connection *connection)
{
	struct feed *f = feed_open(d->feeds, connection);
	struct MHD_Response *r;

	if (!f)
		return answer(connection, MHD_HTTP_SERVICE_UNAVAILABLE, TEXT,
			      SLICE("too many pages are open\n"));
	r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK,
					      read_feed, f, close_feed);
	if (!r)
		feed_close(f);
	return give(connection, MHD_HTTP_OK, "text/event-stream", r);
}

/* ----------------------------------------------------------- the upgrade */

struct list_query {
	const char *name;
	struct slice token;
	bool found;
};

static enum MHD_Result
query_field(void *cls, enum MHD_ValueKind kind, const char *name,
	    const char *value)
{
	struct list_query *q = cls;

	(void)kind;
	if (strcasecmp(name, q->name) == 0 &&
	    slice_list_has(slice_str(value), q->token))
		q->found = true;
	return MHD_YES;
}

/* Does one of the fields of that name list the token? */
static bool
lists(struct MHD_Connection *connection, const char *name, struct slice token)
{
	struct list_query q = {.name = name, .token = token};

	MHD_get_connection_values(connection, MHD_HEADER_KIND, query_field,
				  &q);
	return q.found;
}

/* The first one that was offered, since browsers insist on an answer. */
static void
accept_protocol(struct MHD_Connection *connection, struct MHD_Response *r)
{
	struct slice offered = slice_str(MHD_lookup_connection_value(
		connection, MHD_HEADER_KIND, "Sec-WebSocket-Protocol"));
	struct slice first;
	struct buf *text = NULL;

	if (slice_next_element(&offered, &first) &&
	    buf_add(&text, first.p, first.n) && buf_add(&text, "", 1))
		MHD_add_response_header(r, "Sec-WebSocket-Protocol",
					buf_data(text));
	buf_free(&text);
}

static enum MHD_Result
switch_protocols(struct demo *d, struct MHD_Connection *connection,
		 struct slice key)
{
	char accept[UPGRADE_ACCEPT_LEN + 1] = "";
	struct MHD_Response *r =
		MHD_create_response_for_upgrade(on_upgraded, d);
	enum MHD_Result done;

	if (!r)
		return MHD_NO;
	upgrade_accept(key, accept);
	MHD_add_response_header(r, "Upgrade", "websocket");
	MHD_add_response_header(r, "Sec-WebSocket-Accept", accept);
	accept_protocol(connection, r);
	done = MHD_queue_response(connection, MHD_HTTP_SWITCHING_PROTOCOLS, r);
	MHD_destroy_response(r);
	return done;
}

static enum MHD_Result
answer_upgrade(struct demo *d, struct MHD_Connection *connection)
{
	struct slice key = slice_str(MHD_lookup_connection_value(
		connection, MHD_HEADER_KIND, "Sec-WebSocket-Key"));

	if (!lists(connection, "Upgrade", SLICE("websocket")) ||
	    !lists(connection, "Connection", SLICE("upgrade")) ||
	    !lists(connection, "Sec-WebSocket-Version", SLICE("13")))
		return answer(connection, MHD_HTTP_UPGRADE_REQUIRED, TEXT,
			      SLICE("/ws is for WebSockets of version 13\n"));
	if (key.n == 0)
		return answer(connection, MHD_HTTP_BAD_REQUEST, TEXT,
			      SLICE("Sec-WebSocket-Key is missing\n"));
	return switch_protocols(d, connection, key);
}

/* --------------------------------------------------------------- requests */

/* *request of libmicrohttpd's callbacks. */
struct asked {
	bool again;    /* on_request was called before */
	char target[]; /* as it came; `path` is decoded, and without query */
};

static void *
on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
	size_t n = strlen(target) + 1;
	struct asked *a = malloc(sizeof(*a) + n);

	(void)cls;
	(void)connection;
	if (a) {
		a->again = false;
		memcpy(a->target, target, n);
	}
	return a;
}

static void
on_completed(void *cls, struct MHD_Connection *connection, void **request,
	     enum MHD_RequestTerminationCode why)
{
	(void)cls;
	(void)connection;
	(void)why;
	free(*request);
	*request = NULL;
}

static enum MHD_Result
answer_request(struct demo *d, struct MHD_Connection *connection,
	       const char *path, const char *method, const char *version,
	       const struct asked *a)
{
	const struct demo_file *file = demo_file(path);

	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, TEXT,
			      SLICE("only GET and HEAD\n"));
	if (file)
		return answer(connection, MHD_HTTP_OK, file->type,
			      file->bytes);
	if (strcmp(path, "/ws") == 0)
		return answer_upgrade(d, connection);
	if (strcmp(path, "/events") == 0)
		return answer_events(d, connection);
	if (strcmp(path, "/echo") == 0)
		return answer_head(connection, method, a->target, version);
	return answer(connection, MHD_HTTP_NOT_FOUND, TEXT,
		      SLICE("here are /, /echo and /ws\n"));
}

/*
 * An answer to the first call, which comes before the body, would end the
 * connection; a body is thrown away.
 */
static enum MHD_Result
on_request(void *cls, struct MHD_Connection *connection, const char *path,
	   const char *method, const char *version, const char *body,
	   size_t *body_len, void **request)
{
	struct asked *a = *request;

	(void)body;
	if (!a)
		return MHD_NO;
	if (a->again && *body_len == 0)
		return answer_request(cls, connection, path, method, version,
				      a);
	a->again = true;
	*body_len = 0;
	return MHD_YES;
}

/* ------------------------------------------------------------ start, stop */

static struct MHD_Daemon *
start_daemon(struct demo *d)
{
	unsigned flags = MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD |
			 MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_UPGRADE |
			 MHD_ALLOW_SUSPEND_RESUME;
	sigset_t all, before;
	struct MHD_Daemon *daemon;

	/* Its threads inherit the mask: signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, d,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
		MHD_OPTION_URI_LOG_CALLBACK, on_target, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
		MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return daemon;
}

static void
on_visitor(void *arg, int fd, struct slice head)
{
	struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(peer);
	struct demo *d = arg;

	if (head.n > 0)
		feeds_on_arrival(d->feeds, head);
	(void)getpeername(fd, (struct sockaddr *)&peer, &len);
	/* It closes the descriptor where it cannot. */
	(void)MHD_add_connection(d->daemon, fd, (struct sockaddr *)&peer,
				 len);
}

static void
on_beat(struct timer *t)
{
	struct demo *d = container_of(t, struct demo, beat);

	timer_set(t, clock_ms() + BEAT);
	feeds_beat(d->feeds);
}

/* NULL, or what is missing. */
static const char *
start_parts(struct demo *d, struct poller *p, uint16_t *port)
{
	if (!(d->feeds = feeds_new(&feed_pause)))
		return "memory is out";
	if (!(d->daemon = start_daemon(d)))
		return "libmicrohttpd does not start";
	if (!(d->door = door_open(p, on_visitor, d, port)))
		return strerror(errno);
	timer_set(&d->beat, clock_ms() + BEAT);
	log_set_watch(feeds_on_line, d->feeds);
	return NULL;
}

struct demo *
demo_start(struct poller *p, uint16_t *port)
{
	struct demo *d = xcalloc(1, sizeof(*d));
	const char *error;

	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->none_left, NULL);
	list_init(&d->sessions);
	timer_init(&d->beat, p, on_beat);
	if (!(error = start_parts(d, p, port)))
		return d;
	log_say(LOG_FATAL, "the demonstration cannot be started: %s", error);
	demo_stop(d);
	return NULL;
}

struct witness *
demo_witness(struct demo *d)
{
	return feeds_witness(d->feeds);
}

void
demo_drain(struct demo *d)
{
	feeds_drain(d->feeds);
}

/* libmicrohttpd wants every upgraded connection closed before its end. */
static void
end_sessions(struct demo *d)
{
	pthread_mutex_lock(&d->lock);
	d->stopping = true;
	list_each(it, &d->sessions)
		shutdown(container_of(it, struct session, link)->fd,
			 SHUT_RDWR);
	while (d->open > 0)
		pthread_cond_wait(&d->none_left, &d->lock);
	pthread_mutex_unlock(&d->lock);
}

void
demo_stop(struct demo *d)
{
	if (!d)
		return;
	log_set_watch(NULL, NULL);
	door_close(d->door);
	end_sessions(d);
	/* Nor may it end while one is suspended. */
	if (d->feeds)
		feeds_end(d->feeds);
	if (d->daemon)
		MHD_stop_daemon(d->daemon);
	feeds_free(d->feeds);
	timer_clear(&d->beat);
	pthread_cond_destroy(&d->none_left);
	pthread_mutex_destroy(&d->lock);
	free(d);
}
