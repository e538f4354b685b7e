/* SPDX-License-Identifier: ISC */
/*
 * fail_malloc.c: the connection replay, with memory running out.
 *
 * Linked with --wrap, so that it stands between src/ and the C library.  Every
 * input is run again and again: once as it is, then with the first allocation
 * failing, with the second, and so on, and each time also with all that come
 * after.  All invariants hold all the same, and nothing is leaked.
 */
#include "peers.h"

#include <stdarg.h>

#define NEVER UINT64_MAX

static uint64_t count, fails_at = NEVER;
static bool fails_on; /* the later ones fail, too */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
int __real_vasprintf(char **s, const char *fmt, va_list ap) PRINTF(2, 0);
int __real_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
int __wrap_vasprintf(char **s, const char *fmt, va_list ap) PRINTF(2, 0);
int __wrap_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
fails(void)
{
	uint64_t n = count++;

	return n == fails_at || (fails_on && n > fails_at);
}

void *
__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

char *
__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

int
__wrap_vasprintf(char **s, const char *fmt, va_list ap)
{
	return fails() ? -1 : __real_vasprintf(s, fmt, ap);
}

static void
run(const uint8_t *data, size_t size, uint64_t at, bool on)
{
	fails_at = at;
	fails_on = on;
	count = 0;
	__real_LLVMFuzzerTestOneInput(data, size);
	fails_at = NEVER;
	fails_on = false;
}

int
__wrap_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool warm;
	uint64_t n;

	peers_starved = true;
	/* What is made once for all inputs is not counted. */
	if (!warm)
		run(data, size, NEVER, false);
	warm = true;
	run(data, size, NEVER, false);
	n = count;
	for (uint64_t at = 0; at < n; at++) {
		run(data, size, at, false);
		run(data, size, at, true);
	}
	return 0;
}
