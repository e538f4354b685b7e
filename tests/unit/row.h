/* SPDX-License-Identifier: ISC */
/*
 * row.h: what the table tests share.
 *
 * A table's row carries the line that it stands on and the reason why it is
 * there; a failing row names both, and the rows after it are still tried.
 */
#ifndef TESTS_UNIT_ROW_H
#define TESTS_UNIT_ROW_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/attrib.h"
#include "base/slice.h"

static unsigned rows_failed;

/* Notes a failure of `row`, which has the members line and why. */
#define ROW_CHECK(row, condition, ...) \
	do { \
		if (condition) \
			break; \
		print_error("row at line %d, \"%s\": ", (row)->line, \
			    (row)->why); \
		print_error(__VA_ARGS__); \
		print_error(" (%s)\n", #condition); \
		rows_failed++; \
	} while (0)

/* Ends a test function that had rows. */
static inline void
rows_end(void)
{
	unsigned failed = rows_failed;

	rows_failed = 0;
	assert_int_equal(failed, 0);
}

/* What this process has used of the processor. */
static inline double
cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/*
 * The same bytes in memory of their own, with nothing behind them, so that a
 * sanitizer sees every read past the end.
 */
static inline char *
exact_copy(struct slice s)
{
	char *p = malloc(s.n ? s.n : 1);

	assert_non_null(p);
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return p;
}

#endif
