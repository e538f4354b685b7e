/* SPDX-License-Identifier: ISC */
/*
 * conf_case.h: a configuration read as the program reads it.
 *
 * Each test program runs in a new, empty folder without HOST and PORT, and what
 * conf says to stderr or stdout is caught, to be compared word by word.
 */
#ifndef TESTS_UNIT_CONF_CASE_H
#define TESTS_UNIT_CONF_CASE_H

#include "row.h"

#include <stdio.h>
#include <unistd.h>

#include "conf/conf.h"

#define CASE_FILE "t.cfg"
#define CASE_ARGS 16

static char case_folder[] = "/tmp/bowsprit-unit-XXXXXX";
static char case_said[16384]; /* what the last call said */

static inline int
case_setup(void **state)
{
	(void)state;
	unsetenv("HOST");
	unsetenv("PORT");
	return mkdtemp(case_folder) && chdir(case_folder) == 0 ? 0 : -1;
}

static inline int
case_teardown(void **state)
{
	/* Also what a test that failed has left. */
	static const char *const files[] = {
		CASE_FILE, "bowsprit.cfg", "d/t.cfg", "d/more.cfg",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		unlink(files[i]);
	rmdir("d");
	return chdir("/") == 0 && rmdir(case_folder) == 0 ? 0 : -1;
}

static inline void
case_write(const char *file, const char *text)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

struct catch {
	FILE *stream, *file;
	int kept;
};

/* Until case_caught() what is written to `stream` goes elsewhere. */
static inline struct catch
case_catch(FILE *stream)
{
	struct catch c = { stream, tmpfile(), dup(fileno(stream)) };

	assert_non_null(c.file);
	fflush(stream);
	assert_true(dup2(fileno(c.file), fileno(stream)) >= 0);
	return c;
}

/* Puts what was written into case_said. */
static inline void
case_caught(struct catch *c)
{
	size_t n;

	fflush(c->stream);
	assert_true(dup2(c->kept, fileno(c->stream)) >= 0);
	close(c->kept);
	rewind(c->file);
	n = fread(case_said, 1, sizeof(case_said) - 1, c->file);
	case_said[n] = '\0';
	fclose(c->file);
}

/* Reads with these arguments after the program's name, up to a NULL. */
static inline struct conf *
case_read(const char *const *args, enum conf_action *action)
{
	char *argv[CASE_ARGS + 2] = { strdup("bowsprit") };
	struct catch caught = case_catch(stderr);
	struct conf *c;
	int argc = 1;

	while (argc <= CASE_ARGS && args[argc - 1]) {
		argv[argc] = strdup(args[argc - 1]);
		argc++;
	}
	c = conf_from_args(argc, argv, action);
	case_caught(&caught);
	while (argc > 0)
		free(argv[--argc]);
	return c;
}

/* Reads a file with this text. */
static inline struct conf *
case_read_text(const char *text)
{
	static const char *const args[] = { "-c", CASE_FILE, NULL };
	enum conf_action action;

	case_write(CASE_FILE, text);
	return case_read(args, &action);
}

#endif
