/* SPDX-License-Identifier: ISC */
/*
 * names.h: the names of backends, asked for again and again.
 *
 * Asking blocks, for seconds when a resolver is down, so each question has a
 * thread of its own, which lives as long as it takes.  All else is the main
 * thread's.
 */
#ifndef RUN_NAMES_H
#define RUN_NAMES_H

#include <stdbool.h>

#include "conf/conf.h"
#include "run/mailbox.h"

/*
 * A name has other addresses than before; n is 0 if it was asked for in vain
 * and none are known.  False if that could not be passed on, and is to be told
 * again.
 */
typedef bool names_cb(const char *name, const struct addr *addrs, size_t n,
		      void *arg);

struct names {
	struct event_base *base;
	struct asking *asking; /* shared with the threads */
	struct name **all;
	size_t n;
	uint64_t refresh;      /* ms; 0: never */
	names_cb *cb;
	void *arg;
};

/* Answers are announced to the main thread by a MSG_ADDRS in its mailbox. */
void names_init(struct names *n, struct event_base *base,
		struct mailbox *mail, names_cb *cb, void *arg);
/* Asks for the names of that configuration, and of no other, from now on. */
void names_watch(struct names *n, const struct conf *conf);
/* MSG_ADDRS: calls cb where something has changed. */
void names_on_answer(struct names *n);
/*
 * None of its addresses can be connected to: asks for it now, or a second
 * after the last answer, if it is to be asked for again at all.
 */
void names_doubt(struct names *n, const char *name);
/* Questions under way are left to themselves. */
void names_fini(struct names *n);

#endif
