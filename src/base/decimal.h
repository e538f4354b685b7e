/* SPDX-License-Identifier: ISC */
/*
 * decimal.h: a number's digits, where printf's machinery would cost more than
 * all the rest.
 */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include <stdint.h>

#include "base/slice.h"

#define DECIMAL_MAX 20 /* digits of UINT64_MAX */

/* The digits of n, in the last bytes of `room`; no NUL follows them. */
static inline struct slice
decimal(char room[DECIMAL_MAX], uint64_t n)
{
	char *end = room + DECIMAL_MAX, *p = end;

	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	return slice_of(p, (size_t)(end - p));
}

#endif
