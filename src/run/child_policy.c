/* SPDX-License-Identifier: ISC */
/*
 * child_policy.c: is an application that ended started again, and when?
 */
#include "run/child_policy.h"

#include <string.h>

static bool
is_within(uint64_t then, uint64_t now, uint64_t ms)
{
	return then != 0 && now - then <= ms;
}

static void
remember(struct child_policy *p, uint64_t now)
{
	memmove(&p->ends[1], &p->ends[0], sizeof(p->ends) - sizeof(p->ends[0]));
	p->ends[0] = now;
}

static uint64_t
next_delay(const struct child_policy *p, uint64_t now)
{
	/* The delay that was ordered at the end before is no time of running. */
	if (!is_within(p->ends[1], now, CHILD_ENDS_WITHIN + p->delay))
		return CHILD_DELAY_FIRST;
	if (p->delay >= CHILD_DELAY_MAX / 2)
		return CHILD_DELAY_MAX;
	return p->delay * 2;
}

enum child_verdict
child_policy_ended(struct child_policy *p, uint64_t now, bool accepted,
		   int status, uint64_t *delay)
{
	*delay = 0;
	if (!accepted)
		return CHILD_NEVER_ACCEPTED;
	if (status == 0)
		return CHILD_DONE;

	remember(p, now);
	if (is_within(p->ends[CHILD_ENDS - 1], now, CHILD_ENDS_WITHIN))
		return CHILD_TOO_OFTEN;
	p->delay = next_delay(p, now);
	*delay = p->delay;
	return CHILD_RESTART;
}
