/* SPDX-License-Identifier: ISC */
/*
 * mem.h: allocation for start-up, where failing means to give up.
 *
 * Whatever is allocated on behalf of a connection uses malloc and answers its
 * failure by closing that connection; these are for main and conf.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#include "base/attrib.h"

/* Never NULL: they end the process with a sentence when memory is out. */
void *xmalloc(size_t n);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
/* A formatted string of its own; the caller frees it. */
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);

/*
 * Adds room for one element to a growing array: `array` is a pointer variable,
 * `count` its number of elements.  Yields a pointer to the new, zeroed element.
 */
#define xgrow(array, count) \
	((array) = xgrow_(array, count, sizeof(*(array))), &(array)[(count)++])
void *xgrow_(void *array, size_t count, size_t size);

#endif
