/* SPDX-License-Identifier: ISC */
/*
 * test_splice.c: edits of a head at offsets.
 */
#include "row.h"

#include "proto/splice.h"

struct edit {
	uint32_t at, skip;
	const char *text;
};

struct splice_row {
	int line;
	const char *in;
	struct edit edits[4]; /* ends at the first without a text */
	const char *out;
	const char *why;
};

static const struct splice_row rows[] = {
	{ __LINE__, "abcdef", { { 0 } }, "abcdef", "as it came" },
	{ __LINE__, "abcdef", { { 3, 0, "X" } }, "abcXdef", "insert" },
	{ __LINE__, "abcdef", { { 0, 0, "X" } }, "Xabcdef", "at the start" },
	{ __LINE__, "abcdef", { { 6, 0, "X" } }, "abcdefX", "at the end" },
	{ __LINE__, "abcdef", { { 2, 2, "XYZ" } }, "abXYZef", "replace" },
	{ __LINE__, "abcdef", { { 2, 2, "" } }, "abef", "drop" },
	{ __LINE__, "abcdef", { { 0, 6, "" } }, "", "drop all" },
	{ __LINE__, "abcdef", { { 4, 0, "2" }, { 1, 0, "1" } }, "a1bcd2ef",
	  "asked for backwards" },
	{ __LINE__, "abcdef", { { 4, 0, "1" }, { 4, 0, "2" }, { 4, 0, "3" } },
	  "abcd123ef", "several at one place keep their order" },
	{ __LINE__, "abcdef", { { 2, 2, "R" }, { 2, 0, "I" } }, "abIRef",
	  "an insertion stands before what is replaced there" },
	{ __LINE__, "abcdef", { { 4, 0, "I" }, { 2, 2, "" } }, "abIef",
	  "an insertion where a dropped line ends" },
	{ __LINE__, "abcdef", { { 0, 2, "" }, { 2, 2, "" }, { 4, 2, "x" } },
	  "x", "neighbours touch" },
	{ __LINE__, "abcdef", { { 2, 2, "" }, { 2, 2, "" } }, "abef",
	  "a field that two rules drop is dropped once" },
	{ __LINE__, "abcdef", { { 1, 4, "" }, { 2, 1, "" } }, "af",
	  "also if only a part of it is dropped again" },
};

static void
ask(struct splice *s, const struct splice_row *r)
{
	splice_init(s);
	for (size_t i = 0; i < ARRAY_LEN(r->edits) && r->edits[i].text; i++)
		splice_replace(s, r->edits[i].at, r->edits[i].skip,
			       slice_str(r->edits[i].text));
}

static void
edits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct splice_row *r = &rows[i];
		struct buf *out = NULL;
		struct splice s;

		ask(&s, r);
		ROW_CHECK(r, splice_render(&s, r->in, strlen(r->in), &out),
			  "not rendered");
		ROW_CHECK(r, slice_eq(buf_slice(out), slice_str(r->out)),
			  "%.*s", SLICE_ARG(buf_slice(out)));
		splice_fini(&s);
		buf_free(&out);
	}
	rows_end();
}

static void
a_retry_renders_the_same_behind_what_is_there(void **state)
{
	struct buf *out = NULL;
	struct splice s;

	(void)state;
	splice_init(&s);
	splice_insert_field(&s, 2, SLICE("n"), SLICE("7"));
	splice_drop(&s, 0, 1);
	assert_true(splice_render(&s, "abcd", 4, &out));
	assert_true(splice_render(&s, "abcd", 4, &out));
	assert_true(slice_eq(buf_slice(out),
			     SLICE("bn: 7\r\ncdbn: 7\r\ncd")));
	splice_fini(&s);
	buf_free(&out);
}

/* As many as a hostile head can cause; backwards, which is the slow order. */
static void
a_thousand_edits(void **state)
{
	char in[3000], expected[2000];
	struct buf *out = NULL;
	struct splice s;

	(void)state;
	splice_init(&s);
	for (uint32_t i = 0; i < 1000; i++)
		memcpy(in + 3 * i, "abc", 3);
	for (uint32_t i = 1000; i-- > 0;)
		splice_replace(&s, 3 * i, 2, SLICE("x"));
	for (uint32_t i = 0; i < 1000; i++)
		memcpy(expected + 2 * i, "xc", 2);
	assert_true(splice_render(&s, in, sizeof(in), &out));
	assert_int_equal(buf_len(out), sizeof(expected));
	assert_memory_equal(buf_data(out), expected, sizeof(expected));
	splice_fini(&s);
	buf_free(&out);
}

static void
a_failed_edit_fails_the_rendering(void **state)
{
	struct buf *out = NULL;
	struct splice s;

	(void)state;
	splice_init(&s);
	splice_insert(&s, 0, SLICE("x"));
	s.failed = true;
	assert_false(splice_render(&s, "a", 1, &out));
	assert_null(out);
	splice_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits),
		cmocka_unit_test(a_retry_renders_the_same_behind_what_is_there),
		cmocka_unit_test(a_thousand_edits),
		cmocka_unit_test(a_failed_edit_fails_the_rendering),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
