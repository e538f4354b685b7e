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

/* Of a list for people: how wide its columns are. */
#define ADMIN_COLUMNS 12

struct admin_table {
	int wide[ADMIN_COLUMNS];
	bool requests; /* has the last one, which is theirs */
};

/* Wide enough for the titles; and for these rows, too. */
void admin_table_init(struct admin_table *t);
void admin_table_fit(struct admin_table *t, const struct survey_row *rows,
		     size_t n);

/*
 * All of these add to *out, JSON or text; false when memory is out.
 *
 * A list is an object or a line for each; bowspritctl(1) describes them.
 */
bool admin_put_titles(struct buf **out, const struct admin_table *t) WUNRES;
bool admin_put_line(struct buf **out, const struct admin_table *t,
		    const struct survey_row *r) WUNRES;
bool admin_put_object(struct buf **out, const struct survey_row *r) WUNRES;
/* One of them, with all that is known. */
bool admin_put_row(struct buf **out, bool json,
		   const struct survey_row *r) WUNRES;
bool admin_put_status(struct buf **out, bool json,
		      const struct admin_status *s) WUNRES;
/* A sentence, as the member `key` in JSON. */
bool admin_put_sentence(struct buf **out, bool json, const char *key,
			const char *sentence) WUNRES;

#endif
