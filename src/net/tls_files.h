/* SPDX-License-Identifier: ISC */
/*
 * tls_files.h: have files of certificates changed since they were read?
 */
#ifndef NET_TLS_FILES_H
#define NET_TLS_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attrib.h"

struct tls_mark;

/* All zeroes: none were read yet. */
struct tls_files {
	struct tls_mark *read, *seen; /* when read, and last looked at */
	size_t n;
};

/*
 * n files are about to be read; a NULL among them is one that is not there.
 * They then count as read, also if they are no good: that is told once.
 */
void tls_files_note(struct tls_files *f, const char *const *paths, size_t n);
/*
 * Has one changed since, and none since the last question?  A key and its
 * certificate are seldom written at the same moment.
 */
bool tls_files_are_stale(struct tls_files *f, const char *const *paths,
			 size_t n) WUNRES;
void tls_files_fini(struct tls_files *f);

#endif
