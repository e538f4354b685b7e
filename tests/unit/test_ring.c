/* SPDX-License-Identifier: ISC */
/*
 * test_ring.c: whole lines from one thread to another.
 */
#include "row.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "base/ring.h"

#define SIZE 16

static bool
put(struct ring *r, const char *line)
{
	return ring_put(r, line, strlen(line));
}

/* What ring_peek shows; a static buffer. */
static const char *
peek(struct ring *r, size_t max)
{
	static char text[SIZE + 1];
	struct iovec v[2];
	size_t n = ring_peek(r, max, v);

	assert_int_equal(v[0].iov_len + v[1].iov_len, n);
	memcpy(text, v[0].iov_base, v[0].iov_len);
	memcpy(text + v[0].iov_len, v[1].iov_base, v[1].iov_len);
	text[n] = '\0';
	return text;
}

static void
whole_lines_are_seen_and_taken(void **state)
{
	struct ring r;

	(void)state;
	assert_true(ring_init(&r, SIZE));
	assert_string_equal(peek(&r, SIZE), "");
	assert_true(put(&r, "one\n") && put(&r, "two\n") && put(&r, "six\n"));
	assert_string_equal(peek(&r, SIZE), "one\ntwo\nsix\n");
	assert_string_equal(peek(&r, 8), "one\ntwo\n");
	assert_string_equal(peek(&r, 7), "one\n");
	assert_string_equal(peek(&r, 1), "one\n"); /* one at least */
	assert_int_equal(ring_take(&r, 3), 0);
	assert_int_equal(ring_take(&r, 7), 4); /* of the second a part only */
	assert_string_equal(peek(&r, SIZE), "two\nsix\n");
	ring_fini(&r);
}

static void
a_line_that_does_not_fit_is_refused_whole(void **state)
{
	struct ring r;

	(void)state;
	assert_true(ring_init(&r, SIZE));
	assert_true(put(&r, "12345678901\n"));
	assert_false(put(&r, "1234\n"));
	assert_true(put(&r, "123\n")); /* to the last byte */
	assert_false(put(&r, "\n"));
	assert_int_equal(ring_take(&r, SIZE), SIZE);
	assert_false(put(&r, "1234567890123456\n"));
	assert_true(put(&r, "123456789012345\n"));
	ring_fini(&r);
}

static void
it_goes_round(void **state)
{
	struct ring r;

	(void)state;
	assert_true(ring_init(&r, SIZE));
	for (int i = 0; i < 50; i++) {
		char line[16];

		snprintf(line, sizeof(line), "line %d\n", i);
		assert_true(put(&r, line) && put(&r, "x\n"));
		assert_true(strncmp(peek(&r, SIZE), line, strlen(line)) == 0);
		assert_int_equal(ring_take(&r, ring_used(&r)),
				 strlen(line) + 2);
	}
	ring_fini(&r);
}

#define NUMBERS 200000u

static void *
put_numbers(void *arg)
{
	struct ring *r = arg;

	for (unsigned i = 0; i < NUMBERS;) {
		char line[16];

		snprintf(line, sizeof(line), "%u\n", i);
		if (put(r, line))
			i++;
		else
			sched_yield();
	}
	return NULL;
}

static void
two_threads_agree(void **state)
{
	struct ring r;
	pthread_t other;
	unsigned wanted = 0;

	(void)state;
	assert_true(ring_init(&r, SIZE));
	assert_int_equal(pthread_create(&other, NULL, put_numbers, &r), 0);
	while (wanted < NUMBERS) {
		const char *text = peek(&r, 1);

		if (*text == '\0') {
			sched_yield();
			continue;
		}
		assert_int_equal(strtoul(text, NULL, 10), wanted++);
		assert_int_equal(ring_take(&r, strlen(text)), strlen(text));
	}
	pthread_join(other, NULL);
	assert_int_equal(ring_used(&r), 0);
	ring_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_lines_are_seen_and_taken),
		cmocka_unit_test(a_line_that_does_not_fit_is_refused_whole),
		cmocka_unit_test(it_goes_round),
		cmocka_unit_test(two_threads_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
