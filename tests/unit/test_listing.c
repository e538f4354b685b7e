/* SPDX-License-Identifier: ISC */
/*
 * test_listing.c: rows of several workers, in the order of their ids, and their
 * text, piece by piece.
 */
#include "row.h"

#include <inttypes.h>
#include <stdio.h>

#include "run/listing.h"

#define PIECE_MAX (20 * 1024)

/* As a worker answers: rows first, first + step, ... */
static void
add(struct listing *l, unsigned n, uint64_t first, uint64_t step)
{
	struct survey *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	for (; s->n < n; s->n++)
		s->rows[s->n] = (struct survey_row){
			.id = first + s->n * step,
			.state = CS_TUNNEL,
			.route = "/ws",
			.target = "",
		};
	assert_true(listing_add(l, s));
	assert_int_equal(s->n, 0);
	free(s);
}

/* All of it; no piece is large. */
static struct buf *
text_of(struct listing *l)
{
	struct buf *all = NULL;
	size_t n;

	do {
		struct buf *piece = NULL;

		assert_true(listing_put(l, &piece));
		n = buf_len(piece);
		assert_in_range(n, 0, PIECE_MAX);
		assert_true(buf_add(&all, buf_data(piece), n));
		buf_free(&piece);
	} while (n > 0);
	assert_true(buf_add(&all, "", 1));
	listing_free(l);
	return all;
}

static struct listing *
new_list(bool json)
{
	struct listing *l = listing_new(json);

	assert_non_null(l);
	return l;
}

/* The ids, which must be from 1 to n, each at the beginning of a line. */
static void
expect_ids(struct buf *all, const char *before, uint64_t n)
{
	const char *at = buf_data(all);
	char wanted[64];

	for (uint64_t id = 1; id <= n; id++) {
		at = strchr(at, '\n');
		assert_non_null(at);
		at += 1 + strspn(at + 1, " ");
		snprintf(wanted, sizeof(wanted), "%s%" PRIu64, before, id);
		assert_memory_equal(at, wanted, strlen(wanted));
		assert_false(at[strlen(wanted)] >= '0' &&
			     at[strlen(wanted)] <= '9');
	}
}

static void
add_many(struct listing *l)
{
	/* Of three workers, of which the last one's slices come first. */
	for (unsigned worker = 3; worker > 0; worker--)
		for (unsigned slice = 0; slice < 100; slice++)
			add(l, SURVEY_SLICE, worker + slice * 3 * SURVEY_SLICE,
			    3);
}

static void
many_as_json(void **state)
{
	struct listing *l = new_list(true);
	struct buf *all;

	(void)state;
	add_many(l);
	all = text_of(l);
	assert_memory_equal(buf_data(all), "[\n", 2);
	expect_ids(all, "{\"id\":", 300 * SURVEY_SLICE);
	assert_non_null(strstr(buf_data(all), "}\n]\n"));
	buf_free(&all);
}

static void
many_as_a_table(void **state)
{
	struct listing *l = new_list(false);
	struct buf *all;
	size_t wide;

	(void)state;
	add_many(l);
	all = text_of(l);
	expect_ids(all, "", 300 * SURVEY_SLICE);
	/* As wide as the last one needs it, from the titles on. */
	wide = strcspn(buf_data(all), "\n") + 1;
	for (const char *p = buf_data(all); *p; p += wide)
		assert_int_equal(strcspn(p, "\n") + 1, wide);
	buf_free(&all);
}

/* A worker's rows are in the order in which they became what they are. */
static void
rows_in_any_order(void **state)
{
	struct listing *l = new_list(true);
	struct buf *all;

	(void)state;
	add(l, 10, 100, (uint64_t)-10); /* 100, 90, ... 10 */
	add(l, 10, 91, (uint64_t)-10);
	add(l, 10, 2, 10);
	add(l, 70, 1, 1);
	assert_int_equal(listing_first(l)->id, 1);
	for (unsigned i = 3; i < 10; i++)
		add(l, 10, i, 10);
	all = text_of(l);
	expect_ids(all, "{\"id\":", 100);
	buf_free(&all);
}

static void
nothing(void **state)
{
	struct buf *all;

	(void)state;
	all = text_of(new_list(true));
	assert_string_equal(buf_data(all), "[\n]\n");
	buf_free(&all);
	all = text_of(new_list(false));
	assert_int_equal(strcspn(buf_data(all), "\n") + 2, buf_len(all));
	buf_free(&all);
}

/* What rows own is freed, told or not. */
static void
not_told_to_the_end(void **state)
{
	struct survey s = { .n = 2 };
	struct listing *l = new_list(true);

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		char *request = strdup("/");

		s.rows[i] = (struct survey_row){ .id = 7 + i,
						 .request = request,
						 .route = request,
						 .target = request };
	}
	assert_true(listing_add(l, &s));
	listing_free(l);
	listing_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_as_json),
		cmocka_unit_test(many_as_a_table),
		cmocka_unit_test(rows_in_any_order),
		cmocka_unit_test(nothing),
		cmocka_unit_test(not_told_to_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
