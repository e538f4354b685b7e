/* SPDX-License-Identifier: ISC */
/*
 * loop.h: the main thread: signals, the application, and the workers' start
 * and end.
 */
#ifndef RUN_LOOP_H
#define RUN_LOOP_H

#include "conf/conf.h"

/*
 * Runs with that configuration until told to end.  Returns what to exit with.
 */
int loop_run(struct conf *conf);

#endif
