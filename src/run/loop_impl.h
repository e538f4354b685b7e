/* SPDX-License-Identifier: ISC */
/*
 * loop_impl.h: the main thread's files among themselves.
 *
 *	loop.c          the start, letters, the stop
 *	loop_conf.c     a configuration, at the start and read again
 *	loop_app.c      the application
 *	loop_signals.c  signals, and the process that follows us
 *	loop_admin.c    what the admin socket asks for
 *	loop_end.c      the end: nobody is accepted any more, all is finished
 */
#ifndef RUN_LOOP_IMPL_H
#define RUN_LOOP_IMPL_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <sys/resource.h>

#include "run/admin.h"
#include "run/child.h"
#include "run/demo.h"
#include "run/gates.h"
#include "run/mailbox.h"
#include "run/names.h"
#include "run/renew.h"
#include "run/sockets.h"
#include "run/takeover.h"
#include "run/thread.h"

#define LOOP_SIGNALS 7

struct loop {
	struct conf *conf;
	struct event_base *base;
	struct poller *poller; /* its guest */
	struct event sigs[LOOP_SIGNALS];
	struct event end;      /* the drain's */
	struct event ready;    /* when to say so */
	struct mailbox mail;
	struct names names;
	struct sockets sockets;
	struct gates gates;
	struct renewal renewal;
	struct thread *threads;
	unsigned nthreads;
	unsigned made, started; /* of them */
	unsigned deaf, idle;   /* workers that said so, draining */
	struct child *child;
	struct conf *of_child; /* counted: its COMMAND is there */
	struct takeover *takeover; /* under way */
	bool owes_hup, owes_usr1;  /* signals that came meanwhile */
	struct admin *admin;   /* or NULL */
	struct demo *demo;
	uint16_t demo_port, app_port;
	rlim_t nofile;         /* as we were given it */
	bool draining, cut;
	uint64_t told;         /* ms: the first signal to end, or 0 */
	struct drain how;      /* workers read it once it is under way */
	int status;
};

void loop_post_all(struct loop *l, enum message what, void *arg);

/* ---- loop_conf.c ---- */

/* The ports that were found at run time stand for those not given. */
void loop_fill_in(struct loop *l, struct conf *conf);
/* Addresses that are known without asking; names.c does the asking. */
void loop_resolve(struct conf *conf);
/* From then on changes of names and of certificates' files are passed on. */
void loop_watch(struct loop *l);
/* False, with lines in the log, if it has mistakes. */
bool loop_reload(struct loop *l);

/* ---- loop_app.c ---- */

/* Before anything else of these. */
void loop_app_init(struct loop *l);
/* Starts the COMMAND, if there is one; false if it cannot be, and l->status. */
bool loop_start_app(struct loop *l) WUNRES;

/* ---- loop_signals.c ---- */

void loop_catch_signals(struct loop *l);
/*
 * Of this thread, and those that it makes: only the main thread is to be
 * interrupted.  *before: as it was; or NULL.
 */
void loop_block_signals(sigset_t *before);
/* Whoever was to follow us is told to end as well. */
void loop_stop_takeover(struct loop *l);

/* ---- loop_admin.c ---- */

/* As admin_open. */
void loop_open_admin(struct loop *l, pid_t predecessor);

/* ---- loop_end.c ---- */

/* Before anything else of these. */
void loop_end_init(struct loop *l);
/*
 * Workers say goodbye, in half of timeouts.drain, and wait for answers; what is
 * left at its end is cut off.
 */
void loop_drain_slowly(struct loop *l, uint16_t close_code);
/* ^C at a terminal is meant. */
void loop_drain_at_once(struct loop *l);
/* What is not finished is cut off. */
void loop_cut(struct loop *l);
/* A worker has let go its sockets, or has finished. */
void loop_on_deaf(struct loop *l);
void loop_on_worker_idle(struct loop *l);
void loop_stop_if_done(struct loop *l);

#endif
