/* SPDX-License-Identifier: ISC */
/*
 * lint.h: the field lines of a head: whether they may pass, and their parts.
 */
#ifndef PROTO_LINT_H
#define PROTO_LINT_H

#include "proto/head.h"

#define LINT_FIELDS_MAX 1000

/*
 * Reads the lines from h->line_end to the head's end as the strictest backend
 * would (RFC 9112 2.2 and 5), into h->fields.
 */
const struct head_fault *lint_fields(struct head *h) WUNRES;

/* What is wrong with a byte that stands where it must not. */
const struct head_fault *lint_byte(enum head_kind kind, char c);

#endif
