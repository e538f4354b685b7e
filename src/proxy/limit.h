/* SPDX-License-Identifier: ISC */
/*
 * limit.h: what the WebSockets of a route may do, and how many there may be.
 *
 * All workers count them together, by the route's name, so that the figures
 * outlive a reload.  The one lock is taken when an upgrade comes and when it,
 * or its tunnel, ends; never in between.
 */
#ifndef PROXY_LIMIT_H
#define PROXY_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attrib.h"

struct conn;
struct guest;
struct reason;

/*
 * A route's settings as they were when a tunnel of it began, and as they stay
 * for it: shared by all that began under the same ones.  0: no limit.
 */
struct terms {
	struct tally *tally;
	const char *route; /* its name */
	unsigned refs;
	uint64_t idle, lifetime, stall, half_close; /* ms */
	uint64_t message; /* bytes */
	bool strict;
};

/*
 * Takes a place for the upgrade of c->hs, and sets c->terms.  NULL, or why
 * there is none.
 */
const struct reason *limit_enter(struct conn *c) WUNRES;
/* Gives the place back, if c has one. */
void limit_leave(struct conn *c);

/*
 * Tells the figures of each route that ever had an upgrade: its name, which
 * stays, and how many WebSockets it has, those on their way included.  The
 * callback is called with the lock held.
 */
typedef void limit_cb(void *arg, const char *route, unsigned tunnels);
void limit_each(limit_cb *cb, void *arg);

#endif
