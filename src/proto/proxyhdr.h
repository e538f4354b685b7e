/* SPDX-License-Identifier: ISC */
/*
 * proxyhdr.h: the header of the PROXY protocol, versions 1 and 2.
 *
 * A proxy sends it as the first bytes of a connection, to say for whom it is
 * (HAProxy's doc/proxy-protocol.txt).  Nothing tells beforehand how long it is:
 * whoever reads it must take no byte of what follows.
 */
#ifndef PROTO_PROXYHDR_H
#define PROTO_PROXYHDR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/attrib.h"

/* The longest that is taken; version 2 could fill 64 KiB with TLVs. */
#define PROXYHDR_MAX 4096

struct proxyhdr {
	size_t len;
	bool has_client; /* over TCP; else the sender speaks for itself, or for
			  * somebody who has no such address */
	struct addr client;
	const char *fault; /* what is wrong with it, a constant sentence */
};

enum proxyhdr_look {
	PROXYHDR_MORE,  /* it is not whole: all n bytes are its own */
	PROXYHDR_WHOLE, /* its first h->len bytes are the header */
	PROXYHDR_BAD,   /* h->fault */
};
/* Looks at the first n bytes of a connection. */
enum proxyhdr_look proxyhdr_look(struct proxyhdr *h, const void *p, size_t n)
	WUNRES;

#define PROXYHDR_OUT 108 /* version 1's longest, and a NUL */
/*
 * Writes the header for a connection from `from` to `to`, of that version;
 * returns its length.  An address of family 0 is not known: without `from` the
 * header says so, and in place of `to` stands the unspecified address.
 */
size_t proxyhdr_write(char out[PROXYHDR_OUT], unsigned version,
		      const struct addr *from, const struct addr *to);

#endif
