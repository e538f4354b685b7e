/* SPDX-License-Identifier: ISC */
/*
 * test_slice.c: text as pointer and length.
 */
#include "row.h"

struct list_row {
	int line;
	const char *list;
	const char *elements; /* joined with '|' */
	const char *why;
};

static const struct list_row lists[] = {
	{ __LINE__, "", "", "an empty value" },
	{ __LINE__, "a", "a", "one" },
	{ __LINE__, "keep-alive, Upgrade", "keep-alive|Upgrade", "Firefox" },
	{ __LINE__, "a,b", "a|b", "no blank is needed" },
	{ __LINE__, " a\t,\t b ", "a|b", "tabs are blanks" },
	{ __LINE__, ",,a,,b,", "a|b", "RFC 9110 5.6.1.2: no empty ones" },
	{ __LINE__, " , \t,", "", "nothing but commas" },
	{ __LINE__, "a b", "a b", "a blank within stays" },
};

static void
elements_of_a_list(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct list_row *r = &lists[i];
		struct slice list = slice_str(r->list), element;
		char seen[64] = "";

		while (slice_next_element(&list, &element)) {
			if (seen[0])
				strcat(seen, "|");
			strncat(seen, element.p, element.n);
		}
		ROW_CHECK(r, strcmp(seen, r->elements) == 0, "%s", seen);
	}
	rows_end();
}

static void
a_token_in_a_list(void **state)
{
	struct slice list = SLICE("keep-alive, Upgrade");

	(void)state;
	assert_true(slice_list_has(list, SLICE("upgrade")));
	assert_true(slice_list_has(list, SLICE("KEEP-ALIVE")));
	assert_false(slice_list_has(list, SLICE("keep")));
	assert_false(slice_list_has(list, SLICE("alive, Up")));
	assert_false(slice_list_has(SLICE_NONE, SLICE("upgrade")));
}

static void
comparisons(void **state)
{
	(void)state;
	assert_true(slice_eq(SLICE("ab"), slice_str("ab")));
	assert_false(slice_eq(SLICE("ab"), SLICE("aB")));
	assert_false(slice_eq(SLICE("ab"), SLICE("abc")));
	assert_true(slice_eq(SLICE_NONE, SLICE("")));
	assert_true(slice_ieq(SLICE("Host"), SLICE("hOST")));
	assert_false(slice_ieq(SLICE("Host"), SLICE("Hos")));
	assert_true(slice_starts(SLICE("/api/x"), SLICE("/api")));
	assert_false(slice_starts(SLICE("/ap"), SLICE("/api")));
	assert_int_equal(slice_str(NULL).n, 0);
}

static void
trimming(void **state)
{
	(void)state;
	assert_true(slice_eq(slice_trim(SLICE(" \ta b\t ")), SLICE("a b")));
	assert_int_equal(slice_trim(SLICE(" \t ")).n, 0);
	assert_int_equal(slice_trim(SLICE("\r")).n, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_of_a_list),
		cmocka_unit_test(a_token_in_a_list),
		cmocka_unit_test(comparisons),
		cmocka_unit_test(trimming),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
