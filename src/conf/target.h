/* SPDX-License-Identifier: ISC */
/*
 * target.h: the captures in a route's URL.
 *
 * route_target() and route_server() of conf.h fill them in.
 */
#ifndef CONF_TARGET_H
#define CONF_TARGET_H

#include <stdbool.h>

#include "base/attrib.h"
#include "conf/conf.h"

/*
 * NULL, or a sentence to free on a capture that the pattern does not have;
 * target may be NULL.
 */
char *target_refuse(const char *target, const struct pattern *pattern) WUNRES;
/* The same for host and port, which need the list of those allowed as well. */
char *target_refuse_server(const struct conf_server *s,
			   const struct pattern *pattern,
			   const struct conf_targets *allowed) WUNRES;

struct buf;
/* Adds the text, its captures filled in.  False when memory is out. */
bool target_fill(const char *text, const struct captures *caps,
		 struct buf **out) WUNRES;

#endif
