/* SPDX-License-Identifier: ISC */
/*
 * deadline.h: many deadlines on one timer.
 *
 * A hashed wheel: a deadline lies in the slot of its time, whatever the turn.
 * Setting and clearing one is O(1) and makes no system call.  The worker's one
 * timer is armed for the earliest of all; when nothing waits there is none,
 * and an idle worker sleeps.
 */
#ifndef PROXY_DEADLINE_H
#define PROXY_DEADLINE_H

#include <stdint.h>

#include "base/list.h"
#include "net/poller.h"

struct deadline;

typedef void deadline_cb(struct deadline *d);

struct deadline {
	struct list link;
	uint64_t due; /* clock_ms; 0: none */
	deadline_cb *cb;
};

#define WHEEL_SLOTS 512
#define WHEEL_TICK 32 /* ms that share a slot, and how late one may be */

struct wheel {
	struct timer timer;
	uint64_t armed;    /* what the timer is set for; 0: not at all */
	uint64_t tick;     /* the last one handled */
	struct list slots[WHEEL_SLOTS];
	uint64_t earliest[WHEEL_SLOTS]; /* a lower bound of what is in it */
};

void wheel_init(struct wheel *w, struct poller *p);
void wheel_fini(struct wheel *w);

void deadline_init(struct deadline *d, deadline_cb *cb);
/* Calls d->cb once, not before `due` (clock_ms); replaces what was set. */
void deadline_set(struct wheel *w, struct deadline *d, uint64_t due);
void deadline_clear(struct deadline *d);

#endif
