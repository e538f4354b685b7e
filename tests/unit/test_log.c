/* SPDX-License-Identifier: ISC */
/*
 * test_log.c: one event, one line, in text and in JSON.
 */
#include "row.h"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"

static char path[] = "test_log.XXXXXX";

static int
make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int
remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void
open_log(enum log_format format, enum log_level level)
{
	assert_int_equal(truncate(path, 0), 0);
	assert_true(log_open(path, format, level));
}

/* What was written since open_log; a static buffer. */
static const char *
written(void)
{
	static char text[8192];
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

static void
write_event(struct slice value)
{
	struct log_line l;

	if (!log_begin(&l, LOG_INFO, "[Event] %d:", 7))
		return;
	log_uint(&l, "id", 12);
	log_slice(&l, "url", value);
	log_object(&l, "headers");
	log_header(&l, SLICE("Sec-WebSocket-Key"), SLICE("x"));
	log_header(&l, SLICE("Host"), SLICE("y"));
	log_object_end(&l);
	log_object(&l, "none");
	log_object_end(&l);
	log_emit(&l);
}

static void
text_reads_as_node_prints(void **state)
{
	(void)state;
	open_log(LOG_TEXT, LOG_INFO);
	write_event(SLICE("/a"));
	assert_string_equal(written(),
			    "[Event] 7: { id: 12, url: '/a', headers: { "
			    "'sec-websocket-key': 'x', host: 'y' }, "
			    "none: { } }\n");
}

static void
json_has_pino_s_fields(void **state)
{
	const char *line;

	(void)state;
	open_log(LOG_JSON, LOG_INFO);
	write_event(SLICE("/a"));
	line = written();
	assert_ptr_equal(strstr(line, "{\"level\":30,\"time\":1"), line);
	assert_non_null(strstr(line, ",\"pid\":"));
	assert_non_null(strstr(line, ",\"hostname\":\""));
	assert_non_null(strstr(line, ",\"msg\":\"[Event] 7\",\"id\":12,"
			       "\"url\":\"/a\",\"headers\":{"
			       "\"sec-websocket-key\":\"x\",\"host\":\"y\"},"
			       "\"none\":{}}\n"));
}

static const struct escape_row {
	int line;
	const char *value, *text, *json, *why;
} escape_rows[] = {
	{ __LINE__, "a\nb", "'a\\x0ab'", "\"a\\u000ab\"",
	  "no peer begins a line" },
	{ __LINE__, "\033[2J", "'\\x1b[2J'", "\"\\u001b[2J\"",
	  "no peer clears a terminal" },
	{ __LINE__, "\x9b" "2J", "'\\x9b2J'", "\"\\u009b2J\"",
	  "nor with an eight-bit control" },
	{ __LINE__, "\xc2\x9b", "'\\xc2\\x9b'", "\"\\u00c2\\u009b\"",
	  "nor with one in UTF-8" },
	{ __LINE__, "it's", "'it\\'s'", "\"it's\"", "the text's quote" },
	{ __LINE__, "\"", "'\"'", "\"\\\"\"", "JSON's quote" },
	{ __LINE__, "a\\b", "'a\\\\b'", "\"a\\\\b\"", "the escape itself" },
	{ __LINE__, "\xc3\xa9", "'\xc3\xa9'", "\"\xc3\xa9\"",
	  "UTF-8 is readable" },
	{ __LINE__, "\xe9", "'\\xe9'", "\"\\u00e9\"", "Latin-1 is not UTF-8" },
	{ __LINE__, "\xc3", "'\\xc3'", "\"\\u00c3\"", "a sequence cut short" },
	{ __LINE__, "\xed\xa0\x80", "'\\xed\\xa0\\x80'",
	  "\"\\u00ed\\u00a0\\u0080\"", "a surrogate is not UTF-8" },
	{ __LINE__, "\x7f", "'\\x7f'", "\"\\u007f\"", "DEL is a control" },
};

static void
values_of_peers_are_escaped(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(escape_rows); i++) {
		const struct escape_row *r = &escape_rows[i];

		open_log(LOG_TEXT, LOG_INFO);
		write_event(slice_str(r->value));
		ROW_CHECK(r, strstr(written(), r->text), "%s", written());
		open_log(LOG_JSON, LOG_INFO);
		write_event(slice_str(r->value));
		ROW_CHECK(r, strstr(written(), r->json), "%s", written());
	}
	rows_end();
}

static void
a_message_with_a_peer_s_words_is_escaped(void **state)
{
	struct log_line l;

	(void)state;
	open_log(LOG_TEXT, LOG_INFO);
	assert_true(log_begin_peer(&l, LOG_INFO, "[HTTP] ", SLICE("G\nET"),
				   SLICE("/\033"), 200));
	log_emit(&l);
	assert_string_equal(written(), "[HTTP] G\\x0aET /\\x1b 200\n");
}

static void
a_long_value_is_cut(void **state)
{
	static char value[5000];

	(void)state;
	memset(value, 'x', sizeof(value));
	open_log(LOG_TEXT, LOG_INFO);
	write_event(slice_of(value, sizeof(value)));
	assert_non_null(strstr(written(), "xxx…'"));
	assert_true(strlen(written()) < 1300);
}

static void
levels_are_kept(void **state)
{
	struct log_line l;

	(void)state;
	open_log(LOG_TEXT, LOG_WARN);
	assert_false(log_begin(&l, LOG_INFO, "not this"));
	log_say(LOG_INFO, "nor this");
	log_say(LOG_WARN, "but %s", "this");
	assert_string_equal(written(), "warning: but this\n");
}

static void
a_moved_file_is_opened_anew(void **state)
{
	char moved[sizeof(path) + 2];

	(void)state;
	open_log(LOG_TEXT, LOG_INFO);
	log_say(LOG_INFO, "before");
	snprintf(moved, sizeof(moved), "%s.1", path);
	assert_int_equal(rename(path, moved), 0);
	assert_true(log_reopen());
	log_say(LOG_INFO, "after");
	assert_string_equal(written(), "after\n");
	assert_int_equal(unlink(moved), 0);
}

static void
a_file_that_cannot_be_opened_changes_nothing(void **state)
{
	(void)state;
	open_log(LOG_TEXT, LOG_INFO);
	assert_false(log_open("/nonexistent/log", LOG_JSON, LOG_DEBUG));
	log_say(LOG_INFO, "still here");
	assert_string_equal(written(), "still here\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_reads_as_node_prints),
		cmocka_unit_test(json_has_pino_s_fields),
		cmocka_unit_test(values_of_peers_are_escaped),
		cmocka_unit_test(a_message_with_a_peer_s_words_is_escaped),
		cmocka_unit_test(a_long_value_is_cut),
		cmocka_unit_test(levels_are_kept),
		cmocka_unit_test(a_moved_file_is_opened_anew),
		cmocka_unit_test(a_file_that_cannot_be_opened_changes_nothing),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
