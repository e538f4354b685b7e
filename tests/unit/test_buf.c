/* SPDX-License-Identifier: ISC */
/*
 * test_buf.c: bytes that wait, contiguous, gone when empty.
 */
#include "row.h"

#include "base/buf.h"

static void
add(struct buf **b, const char *text)
{
	assert_true(buf_add(b, text, strlen(text)));
}

static void
expect(struct buf *b, const char *text)
{
	assert_int_equal(buf_len(b), strlen(text));
	assert_memory_equal(buf_data(b), text, strlen(text));
}

static void
an_empty_one_owns_nothing(void **state)
{
	struct buf *b = NULL;

	(void)state;
	assert_int_equal(buf_len(b), 0);
	assert_true(buf_add(&b, NULL, 0));
	assert_null(b);
	buf_take(&b, 0);
	add(&b, "abc");
	buf_take(&b, 3);
	assert_null(b);
	buf_free(&b);
}

static void
first_in_first_out(void **state)
{
	struct buf *b = NULL;

	(void)state;
	add(&b, "hello, ");
	add(&b, "world");
	expect(b, "hello, world");
	buf_take(&b, 7);
	expect(b, "world");
	add(&b, "!");
	expect(b, "world!");
	buf_free(&b);
	assert_null(b);
}

/* Every way to make room: behind, by moving to the front, by growing. */
static void
bytes_survive_all_growing(void **state)
{
	struct buf *b = NULL;
	uint8_t in = 0, out = 0;
	size_t held = 0;

	(void)state;
	srand(1);
	for (int round = 0; round < 20000; round++) {
		size_t n = (size_t)(rand() % 700);
		uint8_t chunk[700];

		for (size_t i = 0; i < n; i++)
			chunk[i] = in++;
		assert_true(buf_add(&b, chunk, n));
		held += n;
		n = (size_t)rand() % 720;
		if (n > held)
			n = held;
		for (size_t i = 0; i < n; i++)
			if ((uint8_t)buf_data(b)[i] != out++)
				fail_msg("round %d, byte %zu", round, i);
		buf_take(&b, n);
		held -= n;
		assert_int_equal(buf_len(b), held);
		assert_true(held > 0 || !b);
	}
	buf_free(&b);
}

static void
reserved_room_keeps_the_bytes(void **state)
{
	struct buf *b = NULL;

	(void)state;
	add(&b, "abc");
	assert_true(buf_reserve(&b, 100000));
	expect(b, "abc");
	buf_free(&b);
}

static void
printing(void **state)
{
	struct buf *b = NULL;
	char wide[2000];

	(void)state;
	assert_true(buf_printf(&b, "X-Forwarded-For: %s\r\n", "::1"));
	assert_true(buf_printf(&b, "%d", 7));
	expect(b, "X-Forwarded-For: ::1\r\n7");
	buf_free(&b);
	memset(wide, ' ', sizeof(wide));
	memcpy(wide + sizeof(wide) - 2, "x", 2);
	assert_true(buf_printf(&b, "%1999s", "x"));
	expect(b, wide);
	buf_free(&b);
}

/* Into room of every size, with and without one for the final NUL. */
static void
printing_at_the_border(void **state)
{
	(void)state;
	for (size_t before = 480; before <= 500; before++) {
		struct buf *b = NULL;
		char all[512];

		memset(all, 'x', sizeof(all));
		memcpy(all + before, "12345678", 8);
		assert_true(buf_add(&b, all, before));
		assert_true(buf_printf(&b, "%d", 12345678));
		assert_int_equal(buf_len(b), before + 8);
		assert_memory_equal(buf_data(b), all, before + 8);
		buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_one_owns_nothing),
		cmocka_unit_test(first_in_first_out),
		cmocka_unit_test(bytes_survive_all_growing),
		cmocka_unit_test(reserved_room_keeps_the_bytes),
		cmocka_unit_test(printing),
		cmocka_unit_test(printing_at_the_border),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
