/* SPDX-License-Identifier: ISC */
/*
 * field.h: the names of the fields that somebody in bowsprit asks for.
 */
#ifndef PROTO_FIELD_H
#define PROTO_FIELD_H

#include "proto/head.h"

/* Whatever the name's case; F_OTHER for one that nobody asks for. */
enum field_id field_id_of(struct slice name);

/* The same name, '_' being as good as '-', as it is to servers like CGI? */
bool field_same_name(struct slice a, struct slice b);

#endif
