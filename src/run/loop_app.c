/* SPDX-License-Identifier: ISC */
/*
 * loop_app.c: the application that the main thread starts, and its news.
 */
#include "run/loop_impl.h"

#include <stdlib.h>

#include "base/log.h"
#include "net/resolve.h"
#include "proto/frame.h"
#include "run/announce.h"
#include "run/notify.h"

#define LAST_WORD 150 /* ms: the application prints its own lines first */

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;

	(void)fd;
	(void)what;
	if (l->draining)
		return;
	announce_ready(l->conf, &l->sockets);
	notify_send("READY=1");
}

static void
on_child(enum child_news news, int status, void *arg)
{
	static const struct timeval last_word = { .tv_usec = LAST_WORD * 1000 };
	struct loop *l = arg;

	switch (news) {
	case CHILD_READY:
		if (l->draining)
			break;
		loop_post_all(l, MSG_APP_UP, NULL);
		event_add(&l->ready, &last_word);
		break;
	case CHILD_DOWN:
		event_del(&l->ready);
		loop_post_all(l, MSG_APP_DOWN, NULL);
		break;
	case CHILD_OVER:
		if (!l->draining)
			l->status = status;
		child_free(l->child);
		l->child = NULL;
		loop_post_all(l, MSG_APP_OVER, NULL);
		loop_drain_slowly(l, CLOSE_GOING_AWAY);
		loop_stop_if_done(l);
		break;
	}
}

/* The application is on this machine: asking for its name takes no time. */
static void
find_app(const struct conf_server *s, struct child_setup *setup)
{
	struct addr *addrs;
	size_t n;

	setup->path = s->path;
	if (s->path)
		return;
	if (resolve(s->host, s->port, &addrs, &n)) {
		setup->where.family = 4; /* of no port: anywhere */
		return;
	}
	setup->where = addrs[0];
	if (n > 1)
		setup->or_where = addrs[1];
	free(addrs);
}

bool
loop_start_app(struct loop *l)
{
	const struct conf_backend *app = announce_app(l->conf);
	struct child_setup setup = { .command = l->conf->command };
	int status;

	if (!l->conf->command || !app)
		return true;
	find_app(&app->server, &setup);
	setup.set_port = !l->conf->backend_given;
	for (size_t i = 0; i < l->conf->nlisteners && !setup.our_port; i++)
		setup.our_port = l->conf->listeners[i].port;
	setup.nofile = l->nofile;
	setup.output = log_file();
	l->of_child = conf_ref(l->conf);
	l->child = child_start(l->base, &setup, on_child, l, &status);
	if (!l->child)
		l->status = status;
	return l->child != NULL;
}

void
loop_app_init(struct loop *l)
{
	event_assign(&l->ready, l->base, -1, 0, on_ready, l);
}
