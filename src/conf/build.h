/* SPDX-License-Identifier: ISC */
/*
 * build.h: a draft becomes listeners, backends and routes of its tree.
 */
#ifndef CONF_BUILD_H
#define CONF_BUILD_H

#include "conf/draft.h"

/* Mistakes are counted in the draft; what has none is built nonetheless. */
void build_listeners(struct draft *d);
void build_backends(struct draft *d);
/* After the backends; resolves them, and adds the default route. */
void build_routes(struct draft *d);

#endif
