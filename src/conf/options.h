/* SPDX-License-Identifier: ISC */
/*
 * options.h: the command line.
 *
 * It is read in two steps, since a file lies between them: first what it
 * says, then, when the file it names was read, what it adds and overrules.
 */
#ifndef CONF_OPTIONS_H
#define CONF_OPTIONS_H

#include "conf/draft.h"

/* An option that was given; texts point into argv. */
struct option_given {
	int letter;
	const char *text;
};

struct options {
	enum conf_action action;
	const char *file; /* NULL: none was named */
	struct option_given *given; /* in their order */
	size_t ngiven;
	char **command; /* in argv, NULL-terminated; or NULL */
	bool routes;    /* is there one that says where to listen or go? */
};

/* Mistakes are counted in *m; free with options_fini in any case. */
void options_read(struct options *o, int argc, char **argv,
		  struct mistakes *m);
void options_fini(struct options *o);
/* What they add to a draft that has the file. */
void options_apply(const struct options *o, struct draft *d);

void options_print_help(void);
void options_print_version(void);

#endif
