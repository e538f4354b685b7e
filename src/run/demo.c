/* SPDX-License-Identifier: ISC */
/*
 * demo.c: an embedded backend that shows what reached it.
 *
 * libmicrohttpd serves pages in a thread of its own; each WebSocket gets one
 * more, so that its echo may block.
 */
#include "run/demo.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "proto/upgrade.h"
#include "run/demo_echo.h"
#include "run/demo_page.h"

#define CONNECTIONS_MAX 256
#define IDLE_SECONDS 60

#define HTML "text/html; charset=utf-8"
#define TEXT "text/plain; charset=utf-8"

struct demo {
	struct MHD_Daemon *daemon;
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

static enum MHD_Result
answer(struct MHD_Connection *connection, unsigned status,
       const char *type, struct slice body)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
		body.n, (void *)(uintptr_t)body.p, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result done;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type", type);
	MHD_add_response_header(r, "Cache-Control", "no-store");
	if (status == MHD_HTTP_UPGRADE_REQUIRED)
		MHD_add_response_header(r, "Sec-WebSocket-Version", "13");
	done = MHD_queue_response(connection, status, r);
	MHD_destroy_response(r);
	return done;
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
answer_head(struct MHD_Connection *connection, struct slice head, bool as_page)
{
	struct buf *page = NULL;
	enum MHD_Result done = MHD_NO;

	if (!as_page)
		return answer(connection, MHD_HTTP_OK, TEXT, head);
	if (demo_page(&page, head))
		done = answer(connection, MHD_HTTP_OK, HTML, buf_slice(page));
	buf_free(&page);
	return done;
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

/*
 * The target as it came: what libmicrohttpd hands to on_request has been
 * decoded, and its query taken off.  What this returns is *request there.
 */
static void *
on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
	(void)cls;
	(void)connection;
	return strdup(target);
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
on_request(void *cls, struct MHD_Connection *connection, const char *path,
	   const char *method, const char *version, const char *body,
	   size_t *body_len, void **request)
{
	bool is_page = strcmp(path, "/") == 0;
	struct buf *head = NULL;
	enum MHD_Result done = MHD_NO;

	(void)body;
	if (*body_len > 0) { /* nobody reads it */
		*body_len = 0;
		return MHD_YES;
	}
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, TEXT,
			      SLICE("only GET and HEAD\n"));
	if (strcmp(path, "/ws") == 0)
		return answer_upgrade(cls, connection);
	if (!is_page && strcmp(path, "/echo") != 0)
		return answer(connection, MHD_HTTP_NOT_FOUND, TEXT,
			      SLICE("here are /, /echo and /ws\n"));
	if (head_text(&head, connection, method, *request ? *request : path,
		      version))
		done = answer_head(connection, buf_slice(head), is_page);
	buf_free(&head);
	return done;
}

/* ------------------------------------------------------------ start, stop */

static struct MHD_Daemon *
start_daemon(struct demo *d)
{
	struct sockaddr_in loopback = {.sin_family = AF_INET};
	unsigned flags = MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD |
			 MHD_ALLOW_UPGRADE;
	sigset_t all, before;
	struct MHD_Daemon *daemon;

	loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* Its threads inherit the mask: signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, d, MHD_OPTION_SOCK_ADDR,
		(struct sockaddr *)&loopback, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)IDLE_SECONDS, MHD_OPTION_URI_LOG_CALLBACK, on_target,
		NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
		MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return daemon;
}

struct demo *
demo_start(uint16_t *port)
{
	struct demo *d = xcalloc(1, sizeof(*d));
	const union MHD_DaemonInfo *info;

	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->none_left, NULL);
	list_init(&d->sessions);
	d->daemon = start_daemon(d);
	info = d->daemon ? MHD_get_daemon_info(d->daemon,
					       MHD_DAEMON_INFO_BIND_PORT)
			 : NULL;
	if (!info || info->port == 0) {
		log_say(LOG_FATAL, "the demonstration cannot be started: "
				   "no port of 127.0.0.1 is free for it");
		demo_stop(d);
		return NULL;
	}
	*port = info->port;
	return d;
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
	end_sessions(d);
	if (d->daemon)
		MHD_stop_daemon(d->daemon);
	pthread_cond_destroy(&d->none_left);
	pthread_mutex_destroy(&d->lock);
	free(d);
}
