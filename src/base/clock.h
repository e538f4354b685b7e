/* SPDX-License-Identifier: ISC */
/*
 * clock.h: the two clocks, in milliseconds.
 *
 * Both are read without a system call.  Deadlines and ages use the monotonic
 * one, which no operator and no NTP turns back; log lines use the other.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since some point in the past; coarse (a few ms). */
uint64_t clock_ms(void);
/* Milliseconds since 1970. */
uint64_t clock_wall_ms(void);

#endif
