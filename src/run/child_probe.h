/* SPDX-License-Identifier: ISC */
/*
 * child_probe.h: does the application accept connections yet?
 */
#ifndef RUN_CHILD_PROBE_H
#define RUN_CHILD_PROBE_H

#include "run/child.h"

struct child_probe;

typedef void child_probe_cb(void *arg);

/* `cb` is called once for each start, when a connection was accepted. */
struct child_probe *child_probe_new(struct event_base *base,
				    const struct child_setup *setup,
				    child_probe_cb *cb, void *arg) WUNRES;
/*
 * Before a start: if somebody else accepts there already, a warning says so,
 * and from then on only a listener of the application's own counts, where the
 * system tells whose it is.
 */
void child_probe_before(struct child_probe *p);
/* Begins to try, every 50 ms, later every 250 ms. */
void child_probe_start(struct child_probe *p, pid_t group);
void child_probe_stop(struct child_probe *p);
void child_probe_free(struct child_probe *p);

#endif
