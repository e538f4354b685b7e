/* SPDX-License-Identifier: ISC */
/*
 * test_chunks.c: objects of one size, and what becomes of their chunks.
 *
 * With AddressSanitizer they are malloc's, and there is no chunk to count.
 */
#include "row.h"

#include <stdlib.h>
#include <string.h>

#include "base/chunks.h"

#define SIZE 200
#define MANY 5000

/* Each object is filled with its own number. */
static void
fill(unsigned char *o, unsigned i)
{
	memset(o, (int)(i % 251 + 1), SIZE);
}

static void
assert_filled(const unsigned char *o, unsigned byte)
{
	for (size_t i = 0; i < SIZE; i++)
		assert_int_equal(o[i], byte);
}

static void *
get_zeroed(struct chunks *s)
{
	void *o = chunks_get(s);

	assert_non_null(o);
	assert_int_equal((uintptr_t)o % 16, 0);
	assert_filled(o, 0);
	return o;
}

static unsigned char *o[MANY];

/* A set with MANY objects; how many chunks that are. */
static unsigned
begin(struct chunks *s)
{
	chunks_init(s, SIZE);
	for (unsigned i = 0; i < MANY; i++) {
		o[i] = get_zeroed(s);
		fill(o[i], i);
	}
	return s->n;
}

static void
put(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		chunks_put(o[i]);
}

static void
objects_are_zeroed_aligned_and_ones_own(void **state)
{
	struct chunks s;

	(void)state;
	srand(1);
	(void)begin(&s);
	for (unsigned round = 0; round < 20 * MANY; round++) {
		unsigned i = (unsigned)rand() % MANY;

		assert_filled(o[i], i % 251 + 1);
		chunks_put(o[i]);
		o[i] = get_zeroed(&s);
		fill(o[i], i);
	}
	for (unsigned i = 0; i < MANY; i++) {
		assert_filled(o[i], i % 251 + 1);
		chunks_put(o[i]);
	}
	chunks_put(NULL);
	chunks_fini(&s);
}

static void
a_chunk_goes_with_its_last_object(void **state)
{
	struct chunks s;
	unsigned all;

	(void)state;
	all = begin(&s);
	assert_true(all <= MANY * SIZE * 11 / 10 / CHUNK_SIZE + 1);
	put(0, MANY / 2);
	assert_true(s.n <= all / 2 + 2);
	put(MANY / 2, MANY);
	assert_true(s.n <= 1); /* for the next one */
	chunks_fini(&s);
	assert_int_equal(s.n, 0);
}

/* With one object for each of 40 in use, new ones take the room that is. */
static void
room_is_filled_before_there_is_a_new_chunk(void **state)
{
	struct chunks s;
	unsigned all;

	(void)state;
	all = begin(&s);
	for (unsigned i = 0; i < MANY; i++)
		if (i % 40 != 0)
			chunks_put(o[i]);
	for (unsigned i = 0; i < MANY; i++)
		if (i % 40 != 0)
			o[i] = get_zeroed(&s);
	assert_int_equal(s.n, all);
	put(0, MANY);
	chunks_fini(&s);
}

/*
 * A crowd that goes leaves a few in each chunk; while others come and go, as
 * many as before, those few end as well, and the chunks with them.
 */
static void
chunks_that_are_not_needed_get_empty(void **state)
{
	struct chunks s;
	unsigned all, left = MANY / 10;

	(void)state;
	srand(1);
	all = begin(&s);
	for (unsigned i = 0; i < MANY; i++) {
		if (i % 10 == 0)
			o[i / 10] = o[i];
		else
			chunks_put(o[i]);
	}
	for (unsigned round = 0; round < 10 * MANY; round++) {
		unsigned i = (unsigned)rand() % left;

		chunks_put(o[i]);
		o[i] = get_zeroed(&s);
	}
	assert_true(s.n <= all / 4);
	put(0, left);
	chunks_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_zeroed_aligned_and_ones_own),
		cmocka_unit_test(a_chunk_goes_with_its_last_object),
		cmocka_unit_test(room_is_filled_before_there_is_a_new_chunk),
		cmocka_unit_test(chunks_that_are_not_needed_get_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
