/* SPDX-License-Identifier: ISC */
/*
 * source.h: files of the source tree, for tests that hold them together.
 */
#ifndef TESTS_UNIT_SOURCE_H
#define TESTS_UNIT_SOURCE_H

#include "row.h"

#include <stdio.h>

/* A file of the source tree, whole; to be freed. */
static inline char *
source_file(const char *name)
{
	const char *srcdir = getenv("srcdir");
	char path[4096], *text = calloc(1, 65536);
	FILE *f;

	if (!srcdir)
		fail_msg("srcdir is not set: run this by make check");
	snprintf(path, sizeof(path), "%s/%s", srcdir, name);
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s cannot be opened", path);
	assert_true(fread(text, 1, 65535, f) < 65535);
	fclose(f);
	return text;
}

#endif
