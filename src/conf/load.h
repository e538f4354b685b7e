/* SPDX-License-Identifier: ISC */
/*
 * load.h: a libconfig file becomes a draft.
 */
#ifndef CONF_LOAD_H
#define CONF_LOAD_H

#include "conf/draft.h"

/* Mistakes are counted in the draft; `by` is who named the file. */
void load_file(struct draft *d, const char *path, struct conf_where by);

#endif
