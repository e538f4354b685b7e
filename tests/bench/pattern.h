/* SPDX-License-Identifier: ISC */
/*
 * pattern.h: what messages and bodies consist of, so that whoever receives
 * one knows each byte of it without having been told.
 *
 * The bytes are a piece of one random table, chosen by the seed of the
 * connection and the number of the message on it: a byte that is lost,
 * doubled, changed, or of another connection shows.  The client's frames are
 * masked by one key for ever, and the table is kept in both forms, so that
 * neither side of the bench has anything to compute.
 */
#ifndef BENCH_PATTERN_H
#define BENCH_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#define PATTERN_MAX (1024u * 1024u) /* the longest message or body, bytes */

extern const uint8_t pattern_key[4];

/* Makes the table; once, before anything else. */
void pattern_init(void);

/* Message `number` of a connection: PATTERN_MAX bytes, masked if so wished. */
const uint8_t *pattern_of(uint32_t seed, uint32_t number, bool masked);

#endif
