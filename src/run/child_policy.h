/* SPDX-License-Identifier: ISC */
/*
 * child_policy.h: is an application that ended started again, and when?
 *
 * Before it has ever accepted a connection it is not: a mistake in its command
 * would only be repeated.  Later it is, unless it ended with 0, which it did on
 * purpose, or keeps ending.  No clock and no process here: a pure function.
 */
#ifndef RUN_CHILD_POLICY_H
#define RUN_CHILD_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#define CHILD_ENDS 5           /* so many ends … */
#define CHILD_ENDS_WITHIN 60000 /* … in so many ms are too many */
#define CHILD_DELAY_FIRST 1000
#define CHILD_DELAY_MAX 30000

struct child_policy {
	uint64_t ends[CHILD_ENDS]; /* when it ended, the latest first; 0: none */
	uint64_t delay;            /* the last one that was ordered */
};

enum child_verdict {
	CHILD_RESTART,
	CHILD_NEVER_ACCEPTED,
	CHILD_DONE,      /* it ended with 0 */
	CHILD_TOO_OFTEN, /* the fifth end within a minute */
};

/*
 * It ended at `now` (ms, monotonic, not 0) with `status`, having accepted
 * connections at some time or not.  For CHILD_RESTART *delay is how many ms to
 * wait: 1, 2, 4 … 30 s, from 1 again after it has run for a minute.
 */
enum child_verdict child_policy_ended(struct child_policy *p, uint64_t now,
				      bool accepted, int status,
				      uint64_t *delay);

#endif
