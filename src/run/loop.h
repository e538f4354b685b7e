/* SPDX-License-Identifier: ISC */
/*
 * loop.h: the main thread: signals, the application, and the workers' start
 * and end.
 */
#ifndef RUN_LOOP_H
#define RUN_LOOP_H

#include "conf/conf.h"

/*
 * As pid 1: signals wait until loop_run can hear them.  To that process they
 * have no default action, and would be lost.
 */
void loop_hold_signals(void);
/*
 * Runs with that configuration until told to end.  Returns what to exit with.
 */
int loop_run(struct conf *conf);

#endif
