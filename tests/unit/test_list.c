/* SPDX-License-Identifier: ISC */
/*
 * test_list.c: doubly linked lists whose links lie inside what they link.
 */
#include "row.h"

#include "base/list.h"

struct thing {
	int number;
	struct list link;
};

/* The numbers in order, as one decimal number. */
static int
in_order(struct list *all)
{
	int digits = 0;

	list_each(it, all)
		digits = digits * 10 +
			 container_of(it, struct thing, link)->number;
	return digits;
}

static int
backwards(const struct list *all)
{
	int digits = 0;

	for (struct list *it = all->prev; it != all; it = it->prev)
		digits = digits * 10 +
			 container_of(it, struct thing, link)->number;
	return digits;
}

static void
both_ends(void **state)
{
	struct thing one = { .number = 1 }, two = { .number = 2 };
	struct thing three = { .number = 3 };
	struct list all;

	(void)state;
	list_init(&all);
	assert_true(list_empty(&all));
	list_push_back(&all, &two.link);
	list_push_back(&all, &three.link);
	list_push_front(&all, &one.link);
	assert_false(list_empty(&all));
	assert_int_equal(in_order(&all), 123);
	assert_int_equal(backwards(&all), 321);
}

static void
removing_twice_is_harmless(void **state)
{
	struct thing one = { .number = 1 }, two = { .number = 2 };
	struct list all;

	(void)state;
	list_init(&all);
	list_push_back(&all, &one.link);
	list_push_back(&all, &two.link);
	list_remove(&one.link);
	list_remove(&one.link);
	assert_true(list_empty(&one.link));
	assert_int_equal(in_order(&all), 2);
	list_remove(&two.link);
	assert_true(list_empty(&all));
}

static void
removing_while_walking(void **state)
{
	struct thing things[4];
	struct list all;

	(void)state;
	list_init(&all);
	for (int i = 0; i < 4; i++) {
		things[i].number = i + 1;
		list_push_back(&all, &things[i].link);
	}
	list_each(it, &all)
		if (container_of(it, struct thing, link)->number % 2)
			list_remove(it);
	assert_int_equal(in_order(&all), 24);
	list_each(it, &all)
		list_remove(it);
	assert_true(list_empty(&all));
}

static void
taking_all(void **state)
{
	struct thing one = { .number = 1 }, two = { .number = 2 };
	struct list from, to;

	(void)state;
	list_init(&from);
	list_take_all(&to, &from);
	assert_true(list_empty(&to));
	assert_true(list_empty(&from));
	list_push_back(&from, &one.link);
	list_push_back(&from, &two.link);
	list_take_all(&to, &from);
	assert_true(list_empty(&from));
	assert_int_equal(in_order(&to), 12);
	assert_int_equal(backwards(&to), 21);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends),
		cmocka_unit_test(removing_twice_is_harmless),
		cmocka_unit_test(removing_while_walking),
		cmocka_unit_test(taking_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
