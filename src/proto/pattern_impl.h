/* SPDX-License-Identifier: ISC */
/*
 * pattern_impl.h: what a compiled pattern is, for the files that share it:
 * pattern_compile.c makes it, pattern.c matches it, pattern_distance.c
 * measures.
 */
#ifndef PROTO_PATTERN_IMPL_H
#define PROTO_PATTERN_IMPL_H

#include "proto/pattern.h"

enum segment_kind {
	SEG_LITERAL,
	SEG_GLOB, /* with a '*' in it */
	SEG_NAME, /* {name} */
	SEG_DEEP, /* ** */
};

/* "/a/" is the two segments "a" and "". */
struct segment {
	enum segment_kind kind;
	struct slice text; /* as written; of {name} the name */
	unsigned capture;  /* its place in struct captures, if it has one */
};

/* The main order of specificity: a pattern is of its widest wildcard's. */
enum pattern_class { CLASS_EXACT, CLASS_SEGMENT, CLASS_DEEP };

struct pattern {
	char *text;
	struct slice host; /* in text; empty if there is none */
	bool any_label;    /* host was written "*.example.com", and begins
			    * with that dot */
	struct slice path; /* in text */
	struct segment *segments; /* owned; slices of text */
	size_t nsegments;
	unsigned ncaptures;
	enum pattern_class class;
	size_t prefix;  /* bytes of the path before its first wildcard */
	size_t literal; /* bytes of the path that are no wildcard */
};

/* Is it what the segment stands for?  Never of a "**", which takes many. */
bool pattern_segment_matches(const struct segment *seg, struct slice s);

#endif
