/* SPDX-License-Identifier: ISC */
/*
 * pages.c: memory by the page, straight from the system.
 */
#include "base/pages.h"

#include <sys/mman.h>

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

void *
pages_map(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
#ifdef MADV_NOHUGEPAGE
	/* Where they are the rule, the first byte would be one of 2 MiB. */
	(void)madvise(p, n, MADV_NOHUGEPAGE);
#endif
	return p;
}
