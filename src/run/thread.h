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
#include "run/sockets.h"

/* A socket that a worker accepts on. */
struct hearing {
	struct listener *listener;
	const struct place *place;
};

struct thread {
	struct worker worker;
	struct poller *poller;
	struct mailbox mail;     /* to the worker */
	struct mailbox *main;    /* to the main thread */
	struct hearing *hearings; /* owned */
	size_t nhearings;
	unsigned coming;         /* atomic: connections in its mailbox */
	pthread_t id;
	bool running;
	bool stopped;            /* by a letter */
};

/*
 * Makes a worker, the index-th of an array of `count`, that will accept on its
 * sockets, which stay the caller's, as the gates do.  False with a line in the log.
 */
bool thread_init(struct thread *t, struct conf *conf, unsigned index,
		 unsigned count, const struct sockets *sockets,
		 const struct gate *gates, struct mailbox *main_mail) WUNRES;
/*
 * Starts it; the whole array is made by then, and until the last of it has
 * stopped, since workers hand connections to each other.  False with a line in
 * the log.
 */
bool thread_start(struct thread *t) WUNRES;
/* Asks it to stop, and waits until it has. */
void thread_stop(struct thread *t);
/* Frees what it held. */
void thread_fini(struct thread *t);

#endif
