/* SPDX-License-Identifier: ISC */
/*
 * mem.c: allocation for start-up, where failing means to give up.
 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
or_die(void *p)
{
	if (p)
		return p;
	fputs("bowsprit: out of memory\n", stderr);
	exit(1);
}

void *
xmalloc(size_t n)
{
	return or_die(malloc(n ? n : 1));
}

void *
xcalloc(size_t count, size_t size)
{
	return or_die(calloc(count ? count : 1, size));
}

void *
xrealloc(void *p, size_t n)
{
	return or_die(realloc(p, n ? n : 1));
}

char *
xstrdup(const char *s)
{
	return or_die(strdup(s));
}

char *
xstrndup(const char *s, size_t n)
{
	return or_die(strndup(s, n));
}

char *
xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return or_die(n < 0 ? NULL : s);
}

void *
xgrow_(void *array, size_t count, size_t size)
{
	char *p = xrealloc(array, (count + 1) * size);

	memset(p + count * size, 0, size);
	return p;
}
