/* SPDX-License-Identifier: ISC */
/*
 * thread.h: a worker and the thread that runs it.
 */
#ifndef RUN_THREAD_H
#define RUN_THREAD_H

#include <pthread.h>

#include "net/listen.h"
#include "proxy/worker.h"
#include "run/mailbox.h"

struct thread {
	struct worker worker;
	struct event_base *base;
	struct mailbox mail;     /* to the worker */
	struct mailbox *main;    /* to the main thread */
	struct listener **listeners;
	size_t nlisteners;
	pthread_t id;
	bool running;
};

/*
 * Makes a worker that accepts on the nfds sockets, which stay the caller's,
 * and starts its thread.  False with a line in the log.
 */
bool thread_start(struct thread *t, struct conf *conf, unsigned index,
		  unsigned count, const int *fds, size_t nfds,
		  struct mailbox *main_mail) WUNRES;
/* Asks it to stop, waits until it has, and frees what it held. */
void thread_stop(struct thread *t);

#endif
