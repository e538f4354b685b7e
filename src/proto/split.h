/* SPDX-License-Identifier: ISC */
/*
 * split.h: http-parser, and all that is known of it elsewhere.
 *
 * It splits the fields and finds out how the body is framed, after us: where
 * it reads another thing than we did, the head is refused.  It does not see
 * the start line, and what it lets through is not let through by that.
 */
#ifndef PROTO_SPLIT_H
#define PROTO_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attrib.h"
#include "base/slice.h"

/*
 * A field, in order, its value trimmed; false ends the reading, which then has
 * failed.
 */
typedef bool split_on_field(void *arg, struct slice name, struct slice value);

/* What it takes the message's framing to be. */
struct split_framing {
	bool chunked;
	bool has_length;
	uint64_t length;
};

/*
 * Reads the n bytes at p, the field lines of a head and the empty line after
 * them.  False if it found a mistake or another end than we did.
 */
bool split_fields(bool is_request, const char *p, size_t n,
		  split_on_field *on_field, void *arg,
		  struct split_framing *framing) WUNRES;

#endif
