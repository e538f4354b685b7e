/* SPDX-License-Identifier: ISC */
/*
 * repeat.c: failures that repeat are written a few times, then counted.
 */
#include "proxy/repeat.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static void
say_how_many(const struct repeat *k)
{
	struct log_line l;

	if (k->count <= REPEAT_FIRST ||
	    !log_begin(&l, k->level,
		       "%s … %u more like this in the last %u s:", k->words,
		       k->count - REPEAT_FIRST, REPEAT_MS / 1000))
		return;
	log_uint(&l, "more", k->count - REPEAT_FIRST);
	if (*k->route)
		log_str(&l, "route", k->route);
	log_str(&l, "reason", k->reason);
	log_emit(&l);
}

void
repeat_flush(struct repeats *r)
{
	for (unsigned i = 0; i < r->nkinds; i++)
		say_how_many(&r->kinds[i]);
	r->nkinds = 0;
	deadline_clear(&r->end);
}

static void
on_end(struct deadline *d)
{
	repeat_flush(container_of(d, struct repeats, end));
}

void
repeat_init(struct repeats *r)
{
	r->nkinds = 0;
	deadline_init(&r->end, on_end);
}

static struct repeat *
find_kind(struct repeats *r, const char *words, const char *route,
	  const char *reason)
{
	for (unsigned i = 0; i < r->nkinds; i++) {
		struct repeat *k = &r->kinds[i];

		if (k->words == words && strcmp(k->reason, reason) == 0 &&
		    strncmp(k->route, route, sizeof(k->route) - 1) == 0)
			return k;
	}
	return NULL;
}

bool
repeat_passes(struct repeats *r, struct wheel *w, enum log_level level,
	      const char *words, const char *route, const char *reason)
{
	struct repeat *k = find_kind(r, words, route, reason);

	if (log_keeps(LOG_DEBUG) || (!k && r->nkinds == REPEAT_KINDS))
		return true;
	if (!k) {
		if (r->nkinds == 0)
			deadline_set(w, &r->end, clock_ms() + REPEAT_MS);
		k = &r->kinds[r->nkinds++];
		*k = (struct repeat){ .level = level,
				      .words = words,
				      .reason = reason };
		snprintf(k->route, sizeof(k->route), "%s", route);
	}
	return ++k->count <= REPEAT_FIRST;
}
