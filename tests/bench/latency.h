/* SPDX-License-Identifier: ISC */
/*
 * latency.h: how long each unit of work took.
 */
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H

void latency_forget(void);

/* One unit more. */
void latency_add(double seconds);

/* What that part of all (0.5: half of them) did not exceed, in µs. */
double latency_quantile(double part);

#endif
