/* SPDX-License-Identifier: ISC */
/*
 * keepalive.h: Pings of ours to the sides of a tunnel that are silent.
 *
 * Only where `ping_interval` asks for it: a tunnel without has no keepalive,
 * and none of these may be called.  Any byte of a side is life.
 */
#ifndef PROXY_KEEPALIVE_H
#define PROXY_KEEPALIVE_H

#include "proxy/conn.h"

/*
 * Makes c->keepalive, if the route of its handshake wants one; free() ends it.
 * False when memory is out.
 */
bool keepalive_start(struct conn *c) WUNRES;

/*
 * A relay_watch's work for what `by` has sent: our Pongs are taken out, *pass
 * bytes stay at p, *good of them before what made the watcher lost or over.
 * Returns how many go on in all, of earlier reads too.
 */
size_t keepalive_watch(struct conn *c, enum side by, char *p, size_t n,
		       size_t *pass, size_t *good);
/* It has sent a part of a data frame that is not shown to keepalive_watch. */
void keepalive_skipped(struct conn *c, enum side by);
/*
 * To be called when the relay is through, at the source's end too: what was
 * held goes on then.  False if the sink is lost.
 */
bool keepalive_settle(struct conn *c, enum side by, bool end) WUNRES;
/*
 * Is the frame that `by` is sending held, so that the other side stands before
 * it?  It began as our Pong does.
 */
bool keepalive_holds(const struct conn *c, enum side by);
/* What is held goes nowhere: nothing of `by` does any more. */
void keepalive_forget(struct conn *c, enum side by);
/* Does a Ping to the other side wait for a place between two frames of `by`? */
bool keepalive_waits(const struct conn *c, enum side by);
/* Is there something that keepalive_ping waited for, now that `by` sent? */
bool keepalive_is_free(struct conn *c, enum side by);
/* The kernel has taken all that side is owed. */
void keepalive_taken(struct conn *c, enum side to);

/*
 * When there is something to do, UINT64_MAX for never: a Ping to send, or, if
 * *why is set, the tunnel to close.
 */
uint64_t keepalive_due(const struct conn *c, const struct reason **why);
/* Sends the Pings that are due.  The side that was lost thereby, or nobody. */
enum side keepalive_ping(struct conn *c) WUNRES;

#endif
