/* SPDX-License-Identifier: ISC */
/*
 * pattern.c: one random table, plain and masked.
 */
#include "pattern.h"

#include <stddef.h>

/* Messages begin in the first STARTS bytes, at a multiple of the key's. */
#define STARTS (64u * 1024u)

const uint8_t pattern_key[4] = {0x37, 0xfa, 0x21, 0x3d};

static uint8_t plain[STARTS + PATTERN_MAX];
static uint8_t masked_too[STARTS + PATTERN_MAX];

void
pattern_init(void)
{
	uint32_t x = 2463534242u; /* Marsaglia's xorshift */

	for (size_t i = 0; i < sizeof(plain); i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		plain[i] = (uint8_t)(x >> 8);
		masked_too[i] = plain[i] ^ pattern_key[i % 4];
	}
}

const uint8_t *
pattern_of(uint32_t seed, uint32_t number, bool masked)
{
	uint32_t at = ((seed * 1009 + number * 37) * 4) % STARTS;

	return (masked ? masked_too : plain) + at;
}
