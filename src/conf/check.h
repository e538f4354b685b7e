/* SPDX-License-Identifier: ISC */
/*
 * check.h: does a configuration make sense as a whole?
 */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include "conf/mistake.h"
#include "conf/tree.h"

/* Is it one of our own listeners? */
bool check_is_ours(const struct conf *c, const char *host, uint16_t port);
/* Mistakes that only show when all is put together. */
void check_conf(const struct conf *c, struct mistakes *m);
/* What is legal but perhaps not meant becomes the tree's remarks. */
void check_remarks(struct conf_tree *t);

#endif
