/* SPDX-License-Identifier: ISC */
/*
 * allowed.h: the servers that captures may choose.
 *
 * route_server() of conf.h asks; whatever is not listed is refused, so that
 * nobody reaches through us what only we can reach.
 */
#ifndef CONF_ALLOWED_H
#define CONF_ALLOWED_H

#include "base/attrib.h"
#include "conf/conf.h"

/*
 * Adds "10.0.0.0/24:5900-5999", "vm1.example.com", … separated by commas.
 * NULL, or a sentence to free.
 */
char *allowed_add(struct conf_targets *to, const char *text) WUNRES;
void allowed_fini(struct conf_targets *t);

#endif
