/* SPDX-License-Identifier: ISC */
/*
 * diff.h: a head before and after it passed somebody, line beside line.
 *
 * It knows nothing of what may be changed: it says what was.  Lines that are
 * the same in both are found first, in their order; of what lies between them
 * a line whose field has the same name, in whatever case, is its counterpart.
 */
#ifndef PROTO_DIFF_H
#define PROTO_DIFF_H

#include "base/attrib.h"
#include "base/slice.h"

enum diff_kind {
	DIFF_SAME,    /* byte for byte */
	DIFF_CHANGED, /* another value, or another spelling */
	DIFF_ADDED,
	DIFF_REMOVED,
};

struct diff_line {
	enum diff_kind kind;
	/* With their ends; SLICE_NONE where there is no counterpart. */
	struct slice before, after;
	/* Of a changed one: so many bytes are the same at its two ends. */
	size_t head, tail;
};

#define DIFF_LINES_MAX 1024 /* of a head */

struct diff {
	struct diff_line *lines; /* owned */
	size_t n;
};

/*
 * Compares two heads, into which the lines then point; diff_fini in any case.
 * False when memory is out, or where a head has more than DIFF_LINES_MAX lines.
 */
bool diff_heads(struct diff *d, struct slice before, struct slice after)
	WUNRES;
void diff_fini(struct diff *d);

#endif
