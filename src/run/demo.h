/* SPDX-License-Identifier: ISC */
/*
 * demo.h: an embedded backend whose page shows what bowsprit did.
 *
 *	/        the page; it opens the two below
 *	/events  what it is told (demo_feed.h)
 *	/ws      a WebSocket that echoes
 *	/echo    the request's head as it arrived, as text
 */
#ifndef RUN_DEMO_H
#define RUN_DEMO_H

#include <stdint.h>

#include "base/attrib.h"

struct demo;
struct poller;
struct witness;

/*
 * Starts it on a free port of 127.0.0.1, which is put in *port.  Before there
 * are workers: the log's lines are its own to watch from then on.  NULL, with
 * a line in the log, if that failed.
 */
struct demo *demo_start(struct poller *p, uint16_t *port) WUNRES;
/* Every worker is to have it. */
struct witness *demo_witness(struct demo *d);
/* Pages are to hold up no drain. */
void demo_drain(struct demo *d);
/* When all workers have stopped. */
void demo_stop(struct demo *d);

#endif
