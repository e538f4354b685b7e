/* SPDX-License-Identifier: ISC */
/*
 * fuzz.h: what the fuzz targets share.
 *
 * A target is one file with LLVMFuzzerTestOneInput.  libFuzzer calls it with
 * inputs that it invents (`make fuzz`), replay.c with those of a folder (`make
 * check`).  It ends the process when a property does not hold.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attrib.h"
#include "base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An assert that stays in releases and says what the input broke. */
#define MUST(condition) \
	((condition) ? (void)0 : fuzz_broken(__FILE__, __LINE__, #condition))

static inline NORETURN void
fuzz_broken(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

/* Takes one byte off the front; 0 when there is none left. */
static inline uint8_t
fuzz_byte(struct slice *in)
{
	if (in->n == 0)
		return 0;
	in->n--;
	return (uint8_t)*in->p++;
}

/* Takes what stands before the next such byte, and that byte. */
static inline struct slice
fuzz_until(struct slice *in, char end)
{
	const char *at = in->n > 0 ? memchr(in->p, end, in->n) : NULL;
	struct slice s = slice_of(in->p, at ? (size_t)(at - in->p) : in->n);
	size_t used = at ? s.n + 1 : s.n;

	in->p += used;
	in->n -= used;
	return s;
}

/*
 * The same bytes in memory of their own, with nothing behind them, so that a
 * sanitizer sees every read past the end.
 */
static inline char *
fuzz_copy(struct slice s)
{
	char *p = malloc(s.n ? s.n : 1);

	MUST(p);
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return p;
}

/* The same as a string; what follows a NUL is lost. */
static inline char *
fuzz_string(struct slice s)
{
	char *p = strndup(s.n > 0 ? s.p : "", s.n);

	MUST(p);
	return p;
}

#endif
