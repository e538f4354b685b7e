/* SPDX-License-Identifier: ISC */
/*
 * repeat.h: failures that repeat are written a few times, then counted.
 *
 * A backend that is down fails a thousand requests a second, all alike.  Of a
 * kind (the line's first words, the route, the reason) a worker writes the
 * first twenty within ten seconds, and at their end one line that says how
 * many more there were.  Lines of what works are never left out, and at level
 * debug none is.
 */
#ifndef PROXY_REPEAT_H
#define PROXY_REPEAT_H

#include "base/log.h"
#include "proxy/deadline.h"

#define REPEAT_MS 10000
#define REPEAT_FIRST 20
#define REPEAT_KINDS 16 /* more of them at a time are not limited */

struct repeat {
	enum log_level level;
	const char *words, *reason; /* constants */
	char route[64];
	unsigned count;
};

struct repeats {
	struct repeat kinds[REPEAT_KINDS];
	unsigned nkinds;
	struct deadline end;
};

void repeat_init(struct repeats *r);
/* Writes the counts that there are. */
void repeat_flush(struct repeats *r);
/*
 * Is such a line to be written?  If not it is counted.  `words` and `reason`
 * are constants; `route` may be empty.
 */
bool repeat_passes(struct repeats *r, struct wheel *w, enum log_level level,
		   const char *words, const char *route,
		   const char *reason) WUNRES;

#endif
