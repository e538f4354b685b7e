/* SPDX-License-Identifier: ISC */
/*
 * target.h: the path of a route's URL, with its captures.
 *
 * route_target() of conf.h fills one in.
 */
#ifndef CONF_TARGET_H
#define CONF_TARGET_H

#include <stdbool.h>

#include "base/attrib.h"
#include "proto/pattern.h"

/* NULL, or a sentence to free on a capture that the pattern does not have. */
char *target_refuse(const char *target, const struct pattern *pattern) WUNRES;

#endif
