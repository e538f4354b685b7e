/* SPDX-License-Identifier: ISC */
/*
 * header.h: headers that the operator sets or removes.
 *
 * What they do to a head is in proxy/forward.
 */
#ifndef CONF_HEADER_H
#define CONF_HEADER_H

#include "base/attrib.h"
#include "conf/conf.h"

/*
 * Adds "Name: value", to be set, or "Name", to be removed, to a list.  NULL,
 * or a sentence to free: a name or value that is none, or one by which
 * messages are framed or handshakes are made.
 */
char *header_add_set(struct conf_headers *to, const char *text) WUNRES;
char *header_add_removal(struct conf_headers *to, const char *text) WUNRES;
/* Adds copies of those whose names the list does not have yet. */
void header_add_others(struct conf_headers *to,
		       const struct conf_headers *from);
void header_fini(struct conf_headers *h);

#endif
