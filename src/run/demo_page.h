/* SPDX-License-Identifier: ISC */
/*
 * demo_page.h: the demonstration's page, as files.
 */
#ifndef RUN_DEMO_PAGE_H
#define RUN_DEMO_PAGE_H

#include "base/slice.h"

struct demo_file {
	const char *path, *type;
	struct slice bytes;
};

/* The file that is found at that path, or NULL. */
const struct demo_file *demo_file(const char *path);

#endif
