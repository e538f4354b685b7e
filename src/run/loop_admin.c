/* SPDX-License-Identifier: ISC */
/*
 * loop_admin.c: what the admin socket asks the main thread for.
 */
#include "run/loop_impl.h"

#include "base/log.h"
#include "proto/frame.h"

static void
post_survey(void *arg, unsigned worker, struct survey *s)
{
	struct loop *l = arg;

	mailbox_post(&l->threads[worker].mail, MSG_SURVEY, s);
}

static unsigned
count_connections(void *arg, unsigned worker)
{
	const struct loop *l = arg;

	return __atomic_load_n(&l->threads[worker].worker.nconns,
			       __ATOMIC_RELAXED);
}

static const struct conf *
present_conf(void *arg)
{
	return ((const struct loop *)arg)->conf;
}

static bool
is_draining(void *arg)
{
	return ((const struct loop *)arg)->draining;
}

static const char *
drain_by_word(void *arg)
{
	struct loop *l = arg;

	if (l->draining)
		return "this process is ending already";
	loop_stop_takeover(l);
	log_say(LOG_INFO, "bowspritctl drain: finishing what is under way");
	loop_drain_slowly(l, CLOSE_GOING_AWAY);
	return NULL;
}

static const char *
reload_by_word(void *arg)
{
	struct loop *l = arg;

	if (l->takeover)
		return "the new process of SIGUSR2 is still starting";
	if (loop_reload(l))
		return NULL;
	return "the configuration has mistakes, which the log tells; the "
	       "running one stays";
}

void
loop_open_admin(struct loop *l, pid_t predecessor)
{
	static const struct admin_does does = {
		.ask = post_survey,
		.connections = count_connections,
		.conf = present_conf,
		.is_draining = is_draining,
		.drain = drain_by_word,
		.reload = reload_by_word,
	};

	l->admin = admin_open(l->poller, l->conf, predecessor, l->nthreads,
			      &does, l);
}
