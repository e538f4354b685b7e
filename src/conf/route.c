/* SPDX-License-Identifier: ISC */
/*
 * route.c: which route a request takes.
 *
 * Routes are in the order of their specificity, so the first that matches is
 * the one.  This runs once per request; what a route takes is a comparison of
 * numbers, and a pattern is given up at its first literal that differs.
 */
#include "conf/conf.h"

static bool
takes(const struct conf_route *r, struct slice path, bool is_upgrade)
{
	switch (r->takes) {
	case TAKES_BOTH:
		return true;
	case TAKES_UPGRADES:
		return is_upgrade;
	case TAKES_REQUESTS:
		return !is_upgrade;
	case TAKES_NEXT:
		return !is_upgrade || slice_starts(path, SLICE("/_next/"));
	}
	return false;
}

const struct conf_route *
route_find(const struct conf *c, struct slice host, struct slice path,
	   bool is_upgrade, struct captures *caps)
{
	for (size_t i = 0; i < c->nroutes; i++) {
		const struct conf_route *r = &c->routes[i];

		if (takes(r, path, is_upgrade) &&
		    pattern_match(r->pattern, host, path, caps))
			return r;
	}
	return NULL;
}

/* A route for Next is near to every path, so that naming it helps nobody. */
static bool
is_worth_naming(const struct conf_route *r, bool is_upgrade)
{
	if (is_upgrade)
		return r->takes == TAKES_BOTH || r->takes == TAKES_UPGRADES;
	return r->takes != TAKES_UPGRADES;
}

const struct conf_route *
route_nearest(const struct conf *c, struct slice path, bool is_upgrade)
{
	const struct conf_route *nearest = NULL;
	unsigned least = 0;

	for (size_t i = 0; i < c->nroutes; i++) {
		const struct conf_route *r = &c->routes[i];
		unsigned distance;

		if (!is_worth_naming(r, is_upgrade))
			continue;
		distance = pattern_distance(r->pattern, path);
		if (!nearest || distance < least) {
			nearest = r;
			least = distance;
		}
	}
	return nearest;
}
