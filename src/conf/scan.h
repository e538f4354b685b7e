/* SPDX-License-Identifier: ISC */
/*
 * scan.h: what libconfig does not tell about a file.
 *
 * libconfig 1.5, which distributions ship, ends the process when it is to read
 * a folder, lets whole numbers wrap at 32 bits, and of every mistake in the
 * grammar says "syntax error".
 */
#ifndef CONF_SCAN_H
#define CONF_SCAN_H

#include <stdbool.h>

#include "base/attrib.h"
#include "conf/mistake.h"

/*
 * Looks through a file and what it includes, which libconfig looks for in
 * `folder`.  False if there were mistakes for which libconfig must not have
 * it; `by` is who named the file.
 */
bool scan_file(const char *path, const char *folder, struct conf_where by,
	       struct mistakes *m) WUNRES;
/* The likely remedy of a "syntax error" in that line. */
char *scan_remedy(const char *path, unsigned line) WUNRES;

#endif
