/* SPDX-License-Identifier: ISC */
/*
 * mistake.h: what is wrong with a configuration, told to the operator.
 *
 * A mistake is a sentence with the place, what is wrong and what would be
 * right.  All of them are found in one run, so they are counted, not thrown.
 */
#ifndef CONF_MISTAKE_H
#define CONF_MISTAKE_H

#include "base/attrib.h"
#include "conf/conf.h"

struct mistakes {
	unsigned count;
};

/* Says "file:line: sentence", or "bowsprit: --option: sentence". */
void mistake(struct mistakes *m, struct conf_where where, const char *fmt,
	     ...) PRINTF(3, 4);

/* From now on as lines of the log, level error, rather than on stderr. */
void mistakes_go_to_log(bool on);

/* "bowsprit.cfg:12" or "--route": how a place is named; the caller frees it. */
char *where_text(struct conf_where where) WUNRES;

#endif
