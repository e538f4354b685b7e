/* SPDX-License-Identifier: ISC */
/*
 * mailbox.h: how one thread speaks to another.
 *
 * Event bases are made without locks, so no thread may touch another's: it
 * leaves a message, and the owner's loop wakes up to read it.
 */
#ifndef RUN_MAILBOX_H
#define RUN_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>

#include "base/attrib.h"
#include "base/list.h"
#include "net/poller.h"

enum message {
	MSG_CONF,     /* arg: a struct conf, counted for the receiver */
	MSG_RENEWED,  /* arg: a conf_backend, only to be compared, whose
		       * certificates were read again */
	MSG_ADDRS,    /* arg: a struct host, now the receiver's; to main: none */
	MSG_APP_UP,   /* the supervised application accepts */
	MSG_APP_DOWN, /* or no longer */
	MSG_APP_OVER, /* or never again */
	MSG_CONN,     /* arg: a fresh connection for you, see thread.c */
	MSG_DEAFEN,   /* let your sockets go; the answer is MSG_DEAF */
	MSG_DRAIN,    /* arg: a struct drain, main's */
	MSG_CUT,      /* close everything */
	MSG_SURVEY,   /* arg: a struct survey, and the answer is the same */
	MSG_STOP,     /* leave the loop */
	MSG_DEAF,     /* to main: a worker has let go its sockets */
	MSG_STALE,    /* to main, arg: a name to ask for again; its own copy */
	MSG_IDLE,     /* to main: a draining one has nothing left to do */
};

typedef void mailbox_cb(enum message what, void *arg, void *owner);

struct mailbox {
	pthread_mutex_t lock;
	struct list letters;
	int wake[2]; /* an eventfd twice, or a pipe: read, write */
	struct watch watch;
	mailbox_cb *cb;
	void *owner;
};

/*
 * Letters are read on that poller's thread.  False, with errno, without
 * descriptors.
 */
bool mailbox_init(struct mailbox *m, struct poller *p, mailbox_cb *cb,
		  void *owner) WUNRES;
/* Hands over the letters that are still there. */
void mailbox_fini(struct mailbox *m);
/* From any thread.  Letters arrive in the order they were posted. */
void mailbox_post(struct mailbox *m, enum message what, void *arg);

#endif
