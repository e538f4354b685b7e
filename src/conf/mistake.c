/* SPDX-License-Identifier: ISC */
/*
 * mistake.c: what is wrong with a configuration, told to the operator.
 */
#include "conf/mistake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

/* While we run nobody looks at stderr: a reload's mistakes go into the log. */
static bool running;

void
mistakes_go_to_log(bool on)
{
	running = on;
}

void
mistake(struct mistakes *m, struct conf_where where, const char *fmt, ...)
{
	char *place = where_text(where), *sentence;
	va_list ap;

	m->count++;
	va_start(ap, fmt);
	if (vasprintf(&sentence, fmt, ap) < 0)
		sentence = NULL;
	va_end(ap);
	if (running)
		log_say(LOG_ERROR, "%s: %s", place, sentence ? sentence : fmt);
	else
		fprintf(stderr, "%s%s: %s\n", where.line ? "" : "bowsprit: ",
			place, sentence ? sentence : fmt);
	free(sentence);
	free(place);
}

char *
where_text(struct conf_where where)
{
	if (where.line == 0)
		return xstrdup(where.file);
	return xasprintf("%s:%u", where.file, where.line);
}
