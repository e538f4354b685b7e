/* SPDX-License-Identifier: ISC */
/*
 * tunnel_impl.h: what the parts of a tunnel want of each other.
 *
 * Whoever calls one of them looks at c->opened afterwards: it may be the end.
 */
#ifndef PROXY_TUNNEL_IMPL_H
#define PROXY_TUNNEL_IMPL_H

#include "proxy/conn.h"

/* After a Close in both directions TCP has so many ms to end as well. */
#define TUNNEL_CLOSE_WAIT 5000

/* ---- tunnel.c ---- */

/* Moves what `by` has sent. */
void tunnel_pump(struct conn *c, enum side by);
/* A side takes nothing any more; what it said before is still of interest. */
void tunnel_on_sink_lost(struct conn *c, enum side by);

/* ---- tunnel_end.c ---- */

/* The first sign of the end is the one that counts. */
void tunnel_note_end(struct conn *c, const struct reason *why, enum side by);
/* Has it been said that this is the end? */
bool tunnel_is_ending(const struct conn *c);
/* Is either side owed bytes? */
bool tunnel_owes(const struct conn *c);
/* All was said that can be said: closes it.  False if it is not so. */
bool tunnel_close_if_done(struct conn *c);
void tunnel_on_fin(struct conn *c, enum side by);
void tunnel_on_reset(struct conn *c, enum side by);

/* ---- tunnel_times.c ---- */

void tunnel_begin_times(struct conn *c);
/* Something has happened on which its deadline depends. */
void tunnel_set_deadline(struct conn *c);

/* ---- tunnel_close.c ---- */

/* That side has sent what it may not: we end the tunnel. */
void tunnel_cut_for(struct conn *c, enum side by);
/*
 * Close and FIN to whoever has not had them, as soon as no frame is cut by
 * them; one whose rest will not come is followed by FIN alone.  What either
 * side still sends is thrown away, so that no reset overtakes our Close.
 */
void tunnel_tell(struct conn *c);
/* A goodbye, and at most TUNNEL_CLOSE_WAIT for the answer to it. */
void tunnel_end_soon(struct conn *c, const struct reason *why, enum side by);

#endif
