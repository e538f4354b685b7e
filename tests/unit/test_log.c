/* SPDX-License-Identifier: ISC */
/*
 * test_log.c: one event, one line, in text and in JSON.
 */
#include "row.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

static char path[] = "test_log.XXXXXX";

static int
make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	signal(SIGPIPE, SIG_IGN);
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
	static char text[32768];
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

static void
numbers_are_written_in_full(void **state)
{
	struct log_line l;

	(void)state;
	open_log(LOG_TEXT, LOG_INFO);
	assert_true(log_begin(&l, LOG_INFO, "[Numbers]"));
	log_uint(&l, "least", 0);
	log_uint(&l, "ten", 10);
	log_uint(&l, "most", UINT64_MAX);
	log_emit(&l);
	assert_string_equal(written(),
			    "[Numbers] { least: 0, ten: 10, "
			    "most: 18446744073709551615 }\n");
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
	{ __LINE__, "\xc2\x9b", "'\\xc2\\x9b'", "\"\\u009b\"",
	  "nor with one in UTF-8" },
	{ __LINE__, "\xe2\x80\xa8", "'\\xe2\\x80\\xa8'", "\"\\u2028\"",
	  "JavaScript's other end of a line" },
	{ __LINE__, "\xe2\x80\xae", "'\\xe2\\x80\\xae'", "\"\\u202e\"",
	  "no peer turns the line round" },
	{ __LINE__, "\xe2\x81\xa6", "'\\xe2\\x81\\xa6'", "\"\\u2066\"",
	  "nor with an isolate" },
	{ __LINE__, "\xe2\x80\xa7", "'\xe2\x80\xa7'", "\"\xe2\x80\xa7\"",
	  "their neighbours are harmless" },
	{ __LINE__, "\xf0\x9f\x98\x80", "'\xf0\x9f\x98\x80'",
	  "\"\xf0\x9f\x98\x80\"", "four bytes are readable" },
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
a_sentence_stays_one_line(void **state)
{
	(void)state;
	open_log(LOG_TEXT, LOG_INFO);
	log_say(LOG_INFO, "it's \"%s\"", "a\\b\nc\xff");
	assert_string_equal(written(), "it's \"a\\b\\x0ac\\xff\"\n");
}

static void
a_huge_head_is_cut_between_two_headers(void **state)
{
	static char value[1000];
	struct log_line l;
	size_t n;

	(void)state;
	memset(value, '\1', sizeof(value));
	for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
		open_log((enum log_format)format, LOG_INFO);
		assert_true(log_begin(&l, LOG_INFO, "x:"));
		log_object(&l, "headers");
		for (int i = 0; i < 100; i++)
			log_header(&l, SLICE("x-name"),
				   slice_of(value, sizeof(value)));
		log_object_end(&l);
		log_str(&l, "hint", "seen");
		log_emit(&l);
		n = strlen(written());
		assert_true(n > 8000 && n < 16 * 1024);
		assert_non_null(strstr(written(), format == LOG_TEXT
			? "' }, hint: 'seen', cut: true }\n"
			: "\"},\"hint\":\"seen\",\"cut\":true}\n"));
	}
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
note_line(void *arg, uint64_t id, enum log_level level, struct slice line)
{
	size_t n = strlen(arg);

	snprintf((char *)arg + n, 200 - n, "%u@%u %.*s\n", (unsigned)id,
		 (unsigned)level, SLICE_ARG(line));
}

static void
write_about(enum log_level level, uint64_t id)
{
	struct log_line l;

	if (!log_begin(&l, level, "x:"))
		return;
	if (id)
		log_id(&l, id);
	log_emit(&l);
}

static void
a_watch_is_shown_lines_about_connections(void **state)
{
	char seen[200] = "";

	(void)state;
	open_log(LOG_TEXT, LOG_INFO);
	log_set_watch(note_line, seen);
	write_about(LOG_INFO, 7);
	write_about(LOG_DEBUG, 8);
	write_about(LOG_INFO, 0);
	assert_true(log_wants(LOG_DEBUG));
	assert_false(log_keeps(LOG_DEBUG));
	log_set_level(LOG_WARN); /* a reload */
	write_about(LOG_DEBUG, 9);
	log_set_watch(NULL, NULL);
	write_about(LOG_WARN, 10);
	assert_false(log_wants(LOG_INFO));
	assert_string_equal(seen, "7@30 x: { id: 7 }\n8@20 x: { id: 8 }\n"
				  "9@20 x: { id: 9 }\n");
	assert_string_equal(written(), "x: { id: 7 }\nx:\nx: { id: 10 }\n");
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

/* ---- with a writer ---- */

static void
start(void)
{
	open_log(LOG_TEXT, LOG_INFO);
	assert_true(log_start());
}

static void
the_end_writes_what_is_left(void **state)
{
	const char *p;

	(void)state;
	start();
	for (int i = 0; i < 500; i++)
		log_say(LOG_INFO, "line %d", i);
	log_stop();
	p = written();
	for (int i = 0; i < 500; i++) {
		char line[16];

		snprintf(line, sizeof(line), "line %d\n", i);
		assert_memory_equal(p, line, strlen(line));
		p += strlen(line);
	}
	assert_string_equal(p, "");
	log_say(LOG_INFO, "and after it nothing is held back");
	assert_string_equal(written() + (p - written()),
			    "and after it nothing is held back\n");
}

#define THREADS 4
#define LINES 2000

static void *
log_many(void *arg)
{
	static const struct timespec moment = { .tv_nsec = 1000 * 1000 };

	for (int i = 0; i < LINES; i++) {
		log_say(LOG_INFO, "%c %d", *(char *)arg, i);
		if (i % 100 == 0)
			nanosleep(&moment, NULL);
	}
	return NULL;
}

/* Counts the lines of a file; of each thread in their order. */
static void
count_lines(const char *name, int next[THREADS])
{
	FILE *f = fopen(name, "r");
	char who;
	int number;

	assert_non_null(f);
	while (fscanf(f, "%c %d\n", &who, &number) == 2) {
		assert_in_range(who, 'a', 'a' + THREADS - 1);
		assert_int_equal(number, next[who - 'a']++);
	}
	assert_true(feof(f));
	fclose(f);
}

static void
no_line_is_lost_or_doubled_while_files_change(void **state)
{
	static char names[THREADS] = "abcd";
	pthread_t threads[THREADS];
	int next[THREADS] = { 0 };
	char moved[32];

	(void)state;
	start();
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, log_many,
						&names[i]), 0);
	for (int i = 0; i < 20; i++) {
		snprintf(moved, sizeof(moved), "%s.%d", path, i);
		assert_int_equal(rename(path, moved), 0);
		assert_true(log_reopen());
		usleep(1000);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	log_stop();
	for (int i = 0; i < 20; i++) {
		snprintf(moved, sizeof(moved), "%s.%d", path, i);
		count_lines(moved, next);
		assert_int_equal(unlink(moved), 0);
	}
	count_lines(path, next);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(next[i], LINES);
}

/* A pipe, of which nobody reads until there is something to be seen. */
static FILE *
start_pipe(void)
{
	int fds[2];
	char name[32];
	FILE *f;

	assert_int_equal(pipe(fds), 0);
	snprintf(name, sizeof(name), "/dev/fd/%d", fds[1]);
	assert_true(log_open(name, LOG_TEXT, LOG_INFO));
	assert_int_equal(close(fds[1]), 0);
	assert_true(log_start());
	assert_non_null(f = fdopen(fds[0], "r"));
	return f;
}

static void
lost_lines_are_counted(void **state)
{
	unsigned long seen = 0, lost = 0, total = 50000;
	FILE *f = start_pipe();
	char line[256];

	(void)state;
	for (unsigned long i = 0; i < total; i++)
		log_say(LOG_INFO, "line %lu", i);
	while (seen + lost < total) {
		unsigned long n = 0;

		assert_non_null(fgets(line, sizeof(line), f));
		if (sscanf(line, "[Log] %lu lines were lost", &n) == 0)
			seen++;
		else
			assert_non_null(strstr(line, "reason: 'slow-reader'"));
		lost += n;
	}
	assert_true(lost > 0);
	assert_true(seen > 1000); /* what the ring has held */
	log_say(LOG_INFO, "and it goes on");
	assert_non_null(fgets(line, sizeof(line), f));
	assert_string_equal(line, "and it goes on\n");
	log_stop();
	fclose(f);
}

static void
a_stalled_reader_does_not_hold_the_end_up(void **state)
{
	FILE *f = start_pipe();
	struct timespec begun, ended;

	(void)state;
	for (int i = 0; i < 20000; i++)
		log_say(LOG_INFO, "line %d", i);
	clock_gettime(CLOCK_MONOTONIC, &begun);
	log_stop();
	clock_gettime(CLOCK_MONOTONIC, &ended);
	assert_in_range(ended.tv_sec - begun.tv_sec, 0, 3);
	log_say(LOG_INFO, "nor does this line");
	fclose(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_reads_as_node_prints),
		cmocka_unit_test(json_has_pino_s_fields),
		cmocka_unit_test(numbers_are_written_in_full),
		cmocka_unit_test(values_of_peers_are_escaped),
		cmocka_unit_test(a_message_with_a_peer_s_words_is_escaped),
		cmocka_unit_test(a_sentence_stays_one_line),
		cmocka_unit_test(a_huge_head_is_cut_between_two_headers),
		cmocka_unit_test(a_long_value_is_cut),
		cmocka_unit_test(levels_are_kept),
		cmocka_unit_test(a_watch_is_shown_lines_about_connections),
		cmocka_unit_test(a_moved_file_is_opened_anew),
		cmocka_unit_test(a_file_that_cannot_be_opened_changes_nothing),
		cmocka_unit_test(the_end_writes_what_is_left),
		cmocka_unit_test(no_line_is_lost_or_doubled_while_files_change),
		cmocka_unit_test(lost_lines_are_counted),
		/* The last one: its writer hangs until the process ends. */
		cmocka_unit_test(a_stalled_reader_does_not_hold_the_end_up),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
