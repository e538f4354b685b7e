/* SPDX-License-Identifier: ISC */
/*
 * splice.h: edits of a head at offsets.
 *
 * What is not edited is forwarded as it came; an edit replaces `skip` bytes
 * at an offset by others.  Edits may be asked for in any order; they must not
 * overlap, but several may insert at the same place and keep their order.
 */
#ifndef PROTO_SPLICE_H
#define PROTO_SPLICE_H

#include "base/attrib.h"
#include "base/buf.h"
#include "base/slice.h"

struct splice_edit {
	uint32_t at, skip;
	uint32_t text, text_len; /* into `texts` */
};

struct splice {
	struct splice_edit *edits; /* owned */
	uint32_t nedits, room;
	struct buf *texts;
	bool failed; /* memory ran out: splice_render says so once */
};

void splice_init(struct splice *s);
void splice_fini(struct splice *s);
/* The bytes of `text` are copied. */
void splice_replace(struct splice *s, uint32_t at, uint32_t skip,
		    struct slice text);
void splice_insert(struct splice *s, uint32_t at, struct slice text);
/* A whole field line: "name: value" and CRLF. */
void splice_insert_field(struct splice *s, uint32_t at, struct slice name,
			 struct slice value);
void splice_drop(struct splice *s, uint32_t at, uint32_t skip);

/*
 * Adds the n bytes at p with all edits made to *out.  False when memory ran
 * out, now or at an edit; then *out is as before.  May be called again: a
 * retry renders the same head.
 */
bool splice_render(struct splice *s, const char *p, size_t n,
		   struct buf **out) WUNRES;

#endif
