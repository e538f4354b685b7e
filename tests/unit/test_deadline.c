/* SPDX-License-Identifier: ISC */
/*
 * test_deadline.c: many deadlines on one timer.
 */
#include "row.h"


#include "base/clock.h"
#include "proxy/deadline.h"

struct alarm {
	struct deadline deadline;
	uint64_t due, rang;
	unsigned times;
	struct wheel *wheel;
	uint64_t again; /* ms until it is set anew from its own callback */
	struct alarm *victim; /* cleared from the callback */
};

static void
on_due(struct deadline *d)
{
	struct alarm *a = container_of(d, struct alarm, deadline);

	a->rang = clock_ms();
	a->times++;
	if (a->again)
		deadline_set(a->wheel, d, clock_ms() + a->again);
	a->again = 0;
	if (a->victim)
		deadline_clear(&a->victim->deadline);
}

struct bench {
	struct poller *poller;
	struct wheel wheel;
};

static void
bench_open(struct bench *b)
{
	b->poller = poller_new(NULL);
	wheel_init(&b->wheel, b->poller);
}

static void
bench_close(struct bench *b)
{
	wheel_fini(&b->wheel);
	poller_free(b->poller);
}

/* Until nothing is set any more. */
static void
run(struct bench *b)
{
	while (b->wheel.armed)
		poller_turn(b->poller, true);
}

static void
alarm_set(struct bench *b, struct alarm *a, uint64_t in)
{
	*a = (struct alarm){ .due = clock_ms() + in, .wheel = &b->wheel };
	deadline_init(&a->deadline, on_due);
	deadline_set(&b->wheel, &a->deadline, a->due);
}

/* Ends by itself: without a deadline the wheel has no event. */
static void
all_ring_in_time_and_then_nothing_waits(void **state)
{
	static const uint64_t in[] = { 0, 1, 31, 32, 33, 64, 100, 250, 251 };
	struct alarm alarms[ARRAY_LEN(in)];
	struct bench b;

	(void)state;
	bench_open(&b);
	for (size_t i = 0; i < ARRAY_LEN(in); i++)
		alarm_set(&b, &alarms[i], in[i]);
	run(&b);
	for (size_t i = 0; i < ARRAY_LEN(in); i++) {
		assert_int_equal(alarms[i].times, 1);
		assert_true(alarms[i].rang >= alarms[i].due);
		/* A machine under load may be late; the wheel itself is not. */
		assert_true(alarms[i].rang <= alarms[i].due + 500);
	}
	assert_int_equal(b.wheel.armed, 0);
	bench_close(&b);
}

static void
one_set_in_the_past_rings_at_once(void **state)
{
	struct alarm late, later;
	struct bench b;

	(void)state;
	bench_open(&b);
	/* The wheel has turned before: its slot was passed long ago. */
	alarm_set(&b, &later, 100);
	run(&b);
	alarm_set(&b, &late, 0);
	deadline_set(&b.wheel, &late.deadline, later.due - 90);
	run(&b);
	assert_int_equal(late.times, 1);
	bench_close(&b);
}

static void
a_cleared_one_stays_silent(void **state)
{
	struct alarm cleared, kept;
	struct bench b;

	(void)state;
	bench_open(&b);
	alarm_set(&b, &cleared, 20);
	alarm_set(&b, &kept, 60);
	deadline_clear(&cleared.deadline);
	deadline_clear(&cleared.deadline);
	run(&b);
	assert_int_equal(cleared.times, 0);
	assert_int_equal(kept.times, 1);
	bench_close(&b);
}

static void
a_callback_may_set_and_clear(void **state)
{
	struct alarm again, killer, victim;
	struct bench b;

	(void)state;
	bench_open(&b);
	alarm_set(&b, &again, 10);
	again.again = 40;
	alarm_set(&b, &killer, 10);
	alarm_set(&b, &victim, 10);
	killer.victim = &victim;
	run(&b);
	assert_int_equal(again.times, 2);
	assert_int_equal(killer.times, 1);
	assert_int_equal(victim.times, 0);
	bench_close(&b);
}

static void
moving_one_forgets_its_old_time(void **state)
{
	struct alarm moved;
	struct bench b;

	(void)state;
	bench_open(&b);
	alarm_set(&b, &moved, 10);
	moved.due += 90;
	deadline_set(&b.wheel, &moved.deadline, moved.due);
	run(&b);
	assert_int_equal(moved.times, 1);
	assert_true(moved.rang >= moved.due);
	bench_close(&b);
}

/* Slots are reused every WHEEL_SLOTS ticks: a later turn is not this one. */
static void
one_of_a_later_turn_lets_the_timer_sleep(void **state)
{
	struct alarm near, far;
	struct bench b;

	(void)state;
	bench_open(&b);
	alarm_set(&b, &near, 40);
	alarm_set(&b, &far, 40 + (uint64_t)WHEEL_SLOTS * WHEEL_TICK);
	while (near.times == 0)
		poller_turn(b.poller, true);
	assert_int_equal(far.times, 0);
	assert_int_equal(b.wheel.armed, far.due);
	bench_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_ring_in_time_and_then_nothing_waits),
		cmocka_unit_test(one_set_in_the_past_rings_at_once),
		cmocka_unit_test(a_cleared_one_stays_silent),
		cmocka_unit_test(a_callback_may_set_and_clear),
		cmocka_unit_test(moving_one_forgets_its_old_time),
		cmocka_unit_test(one_of_a_later_turn_lets_the_timer_sleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
