/* SPDX-License-Identifier: ISC */
/*
 * demo_json.h: what the demonstration's page is told, as JSON in one line.
 */
#ifndef RUN_DEMO_JSON_H
#define RUN_DEMO_JSON_H

#include <stdint.h>

#include "base/buf.h"

/*
 * Two heads line beside line, bytes as the characters of the same number:
 *
 *	{"id":7,"lines":[
 *		{"sign":"=","before":"GET / HTTP/1.1\r\n"},
 *		{"sign":"~","before":"A: 1\r\n","after":"A: 2\r\n",
 *		 "head":3,"tail":2},
 *		{"sign":"+","after":"B: 1\r\n"},
 *		{"sign":"-","before":"Cookie: c=1\r\n","secret":true}]}
 *
 * `head` and `tail` are as in struct diff_line; `secret` is what the log would
 * redact.  Of equal lines there is only one.
 */
bool demo_json_heads(struct buf **out, uint64_t id, struct slice before,
		     struct slice after) WUNRES;

/* {"level":30,"text":"…"}; the text is UTF-8. */
bool demo_json_line(struct buf **out, unsigned level, struct slice text)
	WUNRES;

#endif
