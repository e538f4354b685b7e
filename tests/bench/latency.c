/* SPDX-License-Identifier: ISC */
/*
 * latency.c: a histogram whose buckets grow by an eighth of an octave.
 */
#include "latency.h"

#include <string.h>

#define PER_OCTAVE 8
#define BUCKETS (32 * PER_OCTAVE) /* up to 2^32 µs */

static unsigned long long took[BUCKETS];

void
latency_forget(void)
{
	memset(took, 0, sizeof(took));
}

void
latency_add(double seconds)
{
	double us = seconds * 1e6, edge = 1;
	unsigned b = 0;

	while (us >= edge * 2 && b < BUCKETS - PER_OCTAVE) {
		edge *= 2;
		b += PER_OCTAVE;
	}
	if (us > edge && us < edge * 2)
		b += (unsigned)((us - edge) / edge * PER_OCTAVE);
	took[b]++;
}

static double
upper_edge(unsigned b)
{
	double octave = (double)(1ull << (b / PER_OCTAVE));

	return octave * (1 + (b % PER_OCTAVE + 1) / (double)PER_OCTAVE);
}

double
latency_quantile(double part)
{
	unsigned long long all = 0, below = 0;
	unsigned b;

	for (b = 0; b < BUCKETS; b++)
		all += took[b];
	if (all == 0)
		return 0;
	for (b = 0; b < BUCKETS - 1; b++) {
		below += took[b];
		if ((double)below >= part * (double)all)
			break;
	}
	return upper_edge(b);
}
