/* SPDX-License-Identifier: ISC */
/*
 * unping.h: one direction of a tunnel without its Pings and Pongs.
 *
 * Where bowsprit asks who is silent it puts in some of its own, and takes out
 * what answers them.  All else must be the same on both sides of it.
 */
#ifndef TESTS_FUZZ_UNPING_H
#define TESTS_FUZZ_UNPING_H

#include "base/slice.h"

/* Writes all the rest to out, which has room for it; returns its length. */
size_t unping(struct slice frames, char *out);

#endif
