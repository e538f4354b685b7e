/* SPDX-License-Identifier: ISC */
/*
 * deadline.c: many deadlines on one timer.
 */
#include "proxy/deadline.h"

#include "base/clock.h"

#define NEVER UINT64_MAX

static void
arm(struct wheel *w, uint64_t due)
{
	w->armed = due;
	timer_set(&w->timer, due);
}

static void
arm_earliest(struct wheel *w)
{
	uint64_t due = NEVER;

	for (unsigned i = 0; i < WHEEL_SLOTS; i++)
		if (w->earliest[i] < due)
			due = w->earliest[i];
	if (due != NEVER)
		arm(w, due);
	else
		w->armed = 0;
}

/*
 * Fires what is due in a slot.  A callback may set and clear any deadline, of
 * this slot too: what is not due is put aside first, and each round takes the
 * first of what is left.
 */
static void
run_slot(struct wheel *w, unsigned slot, uint64_t now)
{
	struct list *l = &w->slots[slot], due;

	list_init(&due);
	w->earliest[slot] = NEVER;
	list_each(it, l) {
		struct deadline *d = container_of(it, struct deadline, link);

		if (d->due <= now) {
			list_remove(it);
			list_push_back(&due, it);
		} else if (d->due < w->earliest[slot]) {
			w->earliest[slot] = d->due;
		}
	}
	while (!list_empty(&due)) {
		struct deadline *d =
			container_of(due.next, struct deadline, link);

		deadline_clear(d);
		d->cb(d);
	}
}

static void
on_timer(struct timer *t)
{
	struct wheel *w = container_of(t, struct wheel, timer);
	uint64_t now = clock_ms(), last = now / WHEEL_TICK, tick = w->tick;

	if (last - tick >= WHEEL_SLOTS)
		tick = last - WHEEL_SLOTS + 1;
	w->tick = last;
	for (; tick <= last; tick++)
		if (w->earliest[tick % WHEEL_SLOTS] <= now)
			run_slot(w, tick % WHEEL_SLOTS, now);
	arm_earliest(w);
}

void
wheel_init(struct wheel *w, struct poller *p)
{
	timer_init(&w->timer, p, on_timer);
	w->armed = 0;
	w->tick = clock_ms() / WHEEL_TICK;
	for (unsigned i = 0; i < WHEEL_SLOTS; i++) {
		list_init(&w->slots[i]);
		w->earliest[i] = NEVER;
	}
}

void
wheel_fini(struct wheel *w)
{
	timer_clear(&w->timer);
}

void
deadline_init(struct deadline *d, deadline_cb *cb)
{
	list_init(&d->link);
	d->due = 0;
	d->cb = cb;
}

void
deadline_set(struct wheel *w, struct deadline *d, uint64_t due)
{
	uint64_t tick = due / WHEEL_TICK;
	unsigned slot;

	/* One that is overdue goes where the timer will look next. */
	if (tick < w->tick)
		tick = w->tick;
	slot = (unsigned)(tick % WHEEL_SLOTS);
	list_remove(&d->link);
	d->due = due;
	list_push_back(&w->slots[slot], &d->link);
	if (due < w->earliest[slot])
		w->earliest[slot] = due;
	if (!w->armed || due < w->armed)
		arm(w, due);
}

void
deadline_clear(struct deadline *d)
{
	list_remove(&d->link);
	d->due = 0;
}
