/* SPDX-License-Identifier: ISC */
/*
 * admin.h: the socket by which an operator asks and tells a running process,
 * most often with bowspritctl.
 *
 * It speaks HTTP/1.1, one request a connection, on the main thread: a worker
 * hears of it only what a survey asks of its connections.  Whoever may connect
 * may do all of it; the socket's file is for its owner alone.
 */
#ifndef RUN_ADMIN_H
#define RUN_ADMIN_H

#include <sys/types.h>

#include "conf/conf.h"
#include "run/roster.h"

struct poller;
struct admin;

/* What it has the main loop do. */
struct admin_does {
	roster_post *ask;
	/* How many connections a worker has. */
	unsigned (*connections)(void *arg, unsigned worker);
	const struct conf *(*conf)(void *arg);
	bool (*is_draining)(void *arg);
	/* NULL, or why not. */
	const char *(*drain)(void *arg);
	const char *(*reload)(void *arg);
};

/*
 * Listens where the configuration says; if another process does so there, only
 * if that is the one whose place we have taken (0: none).  NULL if it is not
 * wanted, or, after a line in the log, cannot be had: nobody needs it to be
 * served.
 */
struct admin *admin_open(struct poller *p, const struct conf *conf,
			 pid_t predecessor, unsigned nworkers,
			 const struct admin_does *does, void *arg) WUNRES;
/* Removes the socket's file if it is still ours.  NULL is nothing. */
void admin_close(struct admin *a);
/* A survey has come back from a worker. */
void admin_on_survey(struct admin *a, struct survey *s);

#endif
