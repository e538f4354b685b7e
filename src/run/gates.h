/* SPDX-License-Identifier: ISC */
/*
 * gates.h: the listeners' gates, and what becomes of them when certificates
 * change.
 */
#ifndef RUN_GATES_H
#define RUN_GATES_H

#include "conf/conf.h"
#include "proxy/gate.h"

struct gates {
	struct gate *list; /* by the numbers of the listeners at the start */
	size_t n;
	struct conf *start; /* counted: whose listeners these are */
	struct conf *now;   /* counted: what they have by now */
};

/*
 * Reads all certificates of a configuration, and forgets them again.  False
 * after mistakes, which have been told.
 */
bool gates_check(const struct conf *conf) WUNRES;
/*
 * Makes the gates of a configuration.  False after mistakes, which have been
 * told.
 */
bool gates_open(struct gates *g, struct conf *conf) WUNRES;
bool gates_have_tls(const struct gates *g) WUNRES;
/*
 * Reads the certificates that a new configuration has for listeners of the old
 * one, where both have TLS.  Those of a listener with a mistake, which is then
 * in the log, stay.
 */
void gates_reload(struct gates *g, struct conf *conf);
/* The same where files have changed since they were read; see renew.h. */
void gates_look(struct gates *g);
/* May be called twice, also for gates that are all zeroes. */
void gates_close(struct gates *g);

#endif
