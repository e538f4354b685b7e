/* SPDX-License-Identifier: ISC */
/*
 * tree.h: what belongs to a configuration but concerns nobody outside conf/.
 */
#ifndef CONF_TREE_H
#define CONF_TREE_H

#include "conf/conf.h"

struct conf_tree {
	struct conf conf; /* first: a struct conf is always part of a tree */
	int argc;         /* to read the same again at a reload */
	char **argv;      /* a copy, NULL-terminated */
	char **names;     /* of files, for conf_where */
	size_t nnames;
	char **remarks;   /* for -t: legal, but perhaps not what was meant */
	size_t nremarks;
};

static inline const struct conf_tree *
conf_tree_of(const struct conf *c)
{
	return (const void *)c;
}

/* A tree with the defaults of every setting. */
struct conf_tree *conf_tree_new(int argc, char **argv) WUNRES;
void conf_tree_free(struct conf_tree *t);
void conf_listener_fini(struct conf_listener *l);
/* The name of a file as long as the tree lives. */
const char *conf_tree_name(struct conf_tree *t, const char *file);
/* Adds "bowsprit.cfg:12: sentence" for conf_explain. */
void conf_tree_remark(struct conf_tree *t, struct conf_where where,
		      const char *fmt, ...) PRINTF(3, 4);

#endif
