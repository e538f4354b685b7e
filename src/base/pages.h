/* SPDX-License-Identifier: ISC */
/*
 * pages.h: memory by the page, straight from the system.
 */
#ifndef BASE_PAGES_H
#define BASE_PAGES_H

#include <stddef.h>

#include "base/attrib.h"

/*
 * n bytes, zeroed, of which only what is used becomes memory; munmap(2) gives
 * them back, or a part.  NULL when there are none.
 */
void *pages_map(size_t n) WUNRES;

#endif
