/* SPDX-License-Identifier: ISC */
/*
 * test_text.c: variables, times and sizes in settings, and what was meant.
 */
#include "row.h"

#include <stdio.h>

#include "conf/suggest.h"
#include "conf/text.h"

struct expand_row {
	int line;
	const char *text;
	const char *expanded; /* NULL: a mistake */
	const char *error;
	const char *why;
};

static const struct expand_row expands[] = {
	{ __LINE__, "plain", "plain", NULL, "nothing to do" },
	{ __LINE__, "", "", NULL, "an empty string" },
	{ __LINE__, "${BS_SET}", "value", NULL, "alone" },
	{ __LINE__, "a${BS_SET}b${BS_SET}", "avaluebvalue", NULL, "twice" },
	{ __LINE__, "${BS_EMPTY}", "", NULL, "set, but empty" },
	{ __LINE__, "${BS_UNSET:-d}", "d", NULL, "its default" },
	{ __LINE__, "${BS_EMPTY:-d}", "d", NULL, "as in the shell" },
	{ __LINE__, "${BS_SET:-d}", "value", NULL, "no need of it" },
	{ __LINE__, "${BS_UNSET:-}", "", NULL, "an empty default" },
	{ __LINE__, "${BS_UNSET:-http://h:1}", "http://h:1", NULL,
	  "only the first :- counts" },
	{ __LINE__, "/vm/{id}/$x", "/vm/{id}/$x", NULL, "no variable" },
	{ __LINE__, "${BS_UNSET}", NULL,
	  "${BS_UNSET} is not set in the environment; set it, or write "
	  "${BS_UNSET:-default}", "never silently empty" },
	{ __LINE__, "x${BS_SET", NULL,
	  "\"${BS_SET\" is not closed; write ${NAME} or ${NAME:-default}",
	  "no brace" },
	{ __LINE__, "${}", NULL,
	  "\"${}\" names no variable; write ${NAME} or ${NAME:-default}",
	  "no name" },
	{ __LINE__, "${1x}", NULL,
	  "\"${1x}\" names no variable; write ${NAME} or ${NAME:-default}",
	  "no name that a shell could set" },
	{ __LINE__, "${BS-SET}", NULL,
	  "\"${BS-SET}\" names no variable; write ${NAME} or "
	  "${NAME:-default}", "a form of the shell that is not ours" },
};

static void
variables(void **state)
{
	(void)state;
	setenv("BS_SET", "value", 1);
	setenv("BS_EMPTY", "", 1);
	unsetenv("BS_UNSET");
	for (size_t i = 0; i < ARRAY_LEN(expands); i++) {
		const struct expand_row *r = &expands[i];
		char *error, *text = text_expand(r->text, &error);

		ROW_CHECK(r, !text == !r->expanded && !error == !r->error,
			  "%s", r->text);
		if (text && r->expanded)
			ROW_CHECK(r, strcmp(text, r->expanded) == 0, "%s",
				  text);
		if (error && r->error)
			ROW_CHECK(r, strcmp(error, r->error) == 0, "%s",
				  error);
		free(text);
		free(error);
	}
	rows_end();
}

struct amount_row {
	int line;
	const char *text;
	bool good;
	uint64_t n;
	const char *why;
};

static const struct amount_row times[] = {
	{ __LINE__, "500ms", true, 500, "milliseconds" },
	{ __LINE__, "30s", true, 30000, "seconds" },
	{ __LINE__, "5m", true, 300000, "minutes, not milliseconds" },
	{ __LINE__, "1h", true, 3600000, "hours" },
	{ __LINE__, "2d", true, 172800000, "days" },
	{ __LINE__, "0", true, 0, "never needs no unit" },
	{ __LINE__, "0s", true, 0, "but may have one" },
	{ __LINE__, "30", false, 0, "of what?" },
	{ __LINE__, "", false, 0, "nothing" },
	{ __LINE__, "s", false, 0, "a unit alone" },
	{ __LINE__, "-5s", false, 0, "the past" },
	{ __LINE__, "1.5s", false, 0, "write 1500ms" },
	{ __LINE__, "5 s", false, 0, "a blank" },
	{ __LINE__, "5S", false, 0, "case counts" },
	{ __LINE__, "1m30s", false, 0, "one unit only" },
	{ __LINE__, "99999999999999999999s", false, 0, "past 64 bits" },
	{ __LINE__, "18446744073709551615d", false, 0, "past 64 bits in ms" },
};

static const struct amount_row sizes[] = {
	{ __LINE__, "64K", true, 65536, "powers of 1024" },
	{ __LINE__, "1M", true, 1048576, "mega" },
	{ __LINE__, "1G", true, 1073741824, "giga" },
	{ __LINE__, "4096", true, 4096, "bytes" },
	{ __LINE__, "64k", false, 0, "case counts" },
	{ __LINE__, "64KB", false, 0, "one letter" },
	{ __LINE__, "K", false, 0, "a unit alone" },
	{ __LINE__, "18446744073709551615K", false, 0, "past 64 bits" },
};

static void
amounts(const struct amount_row *rows, size_t n,
	bool (*parse)(struct slice, uint64_t *))
{
	for (size_t i = 0; i < n; i++) {
		uint64_t got = 0;
		bool good = parse(slice_str(rows[i].text), &got);

		ROW_CHECK(&rows[i], good == rows[i].good, "%s", rows[i].text);
		if (good)
			ROW_CHECK(&rows[i], got == rows[i].n, "%llu",
				  (unsigned long long)got);
	}
	rows_end();
}

static void
times_have_units(void **state)
{
	(void)state;
	amounts(times, ARRAY_LEN(times), text_time);
}

static void
sizes_may_have_units(void **state)
{
	(void)state;
	amounts(sizes, ARRAY_LEN(sizes), text_size);
}

static void
times_as_text(void **state)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} rows[] = {
		{ 0, "never" }, { 500, "500ms" }, { 30000, "30s" },
		{ 90000, "1m30s" }, { 300000, "5m" }, { 7200000, "2h" },
		{ 1500, "1500ms" }, { 3660000, "1h1m" },
		{ 86400000, "1d" }, { 129600000, "1d12h" },
		{ 4294968000, "49d17h2m48s" },
	};
	char text[TEXT_TIME];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(text_of_time(rows[i].ms, text),
				    rows[i].text);
}

struct distance_row {
	int line;
	const char *a, *b;
	size_t distance;
	const char *why;
};

static const struct distance_row distances[] = {
	{ __LINE__, "next", "next", 0, "the same" },
	{ __LINE__, "nxet", "next", 1, "two neighbours swapped" },
	{ __LINE__, "nex", "next", 1, "one left out" },
	{ __LINE__, "nextt", "next", 1, "one too many" },
	{ __LINE__, "nixt", "next", 1, "another letter" },
	{ __LINE__, "Next-App", "next_app", 0, "case and dash are free" },
	{ __LINE__, "", "next", 4, "all of it" },
	{ __LINE__, "abcd", "wxyz", 4, "nothing in common" },
};

static void
distances_between_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(distances); i++) {
		const struct distance_row *r = &distances[i];
		size_t there = suggest_distance(r->a, r->b);
		size_t back = suggest_distance(r->b, r->a);

		ROW_CHECK(r, there == r->distance, "%zu", there);
		ROW_CHECK(r, back == r->distance, "back %zu", back);
	}
	rows_end();
}

static void
the_nearest_word_is_meant(void **state)
{
	struct suggestion s = { .typed = "handshak" };
	struct suggestion far = { .typed = "api" };
	char longest[200];

	(void)state;
	suggest_try(&s, "header");
	suggest_try(&s, "handshake");
	suggest_try(&s, "half_close");
	assert_string_equal(s.best, "handshake");
	suggest_try(&far, "web");
	assert_null(far.best);

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(suggest_distance(longest, "x"), sizeof(longest) - 1);
}

static void
words_of_others(void **state)
{
	(void)state;
	assert_non_null(strstr(suggest_foreign("proxy_read_timeout"),
			       "tunnel_idle"));
	assert_non_null(strstr(suggest_foreign("changeOrigin"),
			       "change_origin"));
	assert_null(suggest_foreign("handshake"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables),
		cmocka_unit_test(times_have_units),
		cmocka_unit_test(sizes_may_have_units),
		cmocka_unit_test(times_as_text),
		cmocka_unit_test(distances_between_words),
		cmocka_unit_test(the_nearest_word_is_meant),
		cmocka_unit_test(words_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
