/* SPDX-License-Identifier: ISC */
/*
 * startline.h: the first line of a head.
 */
#ifndef PROTO_STARTLINE_H
#define PROTO_STARTLINE_H

#include "proto/head.h"

/*
 * Can the n bytes at p be the beginning of a head?  Looks at a few bytes only,
 * whole line or not.  *start becomes the length of the empty lines before it.
 */
const struct head_fault *startline_begins(enum head_kind kind, const char *p,
					  size_t n, size_t *start) WUNRES;

/*
 * Reads the line, its CRLF taken off, into h: for a request method, target,
 * path, query, perhaps authority; for a response status and phrase; minor.
 * What was understood before a fault stays in h.
 */
const struct head_fault *startline_read(struct head *h,
					struct slice line) WUNRES;

#endif
