/* SPDX-License-Identifier: ISC */
/*
 * text.h: what stands in a setting's string: variables, numbers, times, sizes.
 */
#ifndef CONF_TEXT_H
#define CONF_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attrib.h"
#include "base/slice.h"

/*
 * A copy with ${NAME} and ${NAME:-default} replaced from the environment; an
 * empty variable takes the default too, as in the shell.  The caller frees
 * it.  On a mistake NULL, and *error is a sentence to free.
 */
char *text_expand(const char *text, char **error) WUNRES;

/* Decimal digits and nothing else. */
bool text_number(struct slice text, uint64_t *n) WUNRES;
/* Digits with ms, s, m, h or d, in milliseconds; or 0 without a unit. */
bool text_time(struct slice text, uint64_t *ms) WUNRES;
/* Digits, perhaps with K, M or G (powers of 1024), in bytes. */
bool text_size(struct slice text, uint64_t *bytes) WUNRES;

#define TEXT_TIME 32

/* "30s", "1m30s", "1d12h", "500ms", "never" for 0; returns text. */
char *text_of_time(uint64_t ms, char text[TEXT_TIME]);

#endif
