/* SPDX-License-Identifier: ISC */
/*
 * admin_text.h: what the admin interface says, as JSON and for people.
 */
#ifndef RUN_ADMIN_TEXT_H
#define RUN_ADMIN_TEXT_H

#include "base/buf.h"
#include "proxy/survey.h"

struct conf;

/* Of the process. */
struct admin_status {
	const struct conf *conf;
	uint64_t uptime;          /* s */
	bool draining;
	unsigned nworkers;
	const unsigned *connections; /* of each worker, kept ones included */
	const struct admin_route *routes;
	size_t nroutes;
};

struct admin_route {
	const char *name;
	unsigned tunnels; /* and upgrades on their way */
};

/*
 * All of these add to *out, JSON or text; false when memory is out.
 *
 * A list, an object or a line each; bowspritctl(1) describes them.
 */
bool admin_put_list(struct buf **out, bool json, const struct survey_row *rows,
		    size_t n) WUNRES;
/* One of them, with all that is known. */
bool admin_put_row(struct buf **out, bool json,
		   const struct survey_row *r) WUNRES;
bool admin_put_status(struct buf **out, bool json,
		      const struct admin_status *s) WUNRES;
/* A sentence, as the member `key` in JSON. */
bool admin_put_sentence(struct buf **out, bool json, const char *key,
			const char *sentence) WUNRES;

#endif
