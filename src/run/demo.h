/* SPDX-License-Identifier: ISC */
/*
 * demo.h: an embedded backend that shows what reached it.
 *
 * GET / is a page that shows its own request's head as it arrived here; an
 * upgrade on /ws is answered with 101, and every message is echoed.
 */
#ifndef RUN_DEMO_H
#define RUN_DEMO_H

#include <stdint.h>

#include "base/attrib.h"

struct demo;

/*
 * Starts it in a thread of its own on a free port of 127.0.0.1, which is put
 * in *port.  NULL, with a line in the log, if that failed.
 */
struct demo *demo_start(uint16_t *port) WUNRES;
void demo_stop(struct demo *d);

#endif
