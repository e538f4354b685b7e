/* SPDX-License-Identifier: ISC */
/*
 * renew.h: certificates and keys that change while we run are read again, of
 * listeners and of backends.
 */
#ifndef RUN_RENEW_H
#define RUN_RENEW_H

#include <event2/event_struct.h>

#include "conf/conf.h"
#include "run/gates.h"

/*
 * A backend's files were read again: what was connected with the old ones is
 * not to be kept for another request.
 */
typedef void renew_cb(struct conf_backend *b, void *arg);

struct renewal {
	struct event ev;
	struct gates *gates;
	const struct conf *conf; /* the caller's */
	renew_cb *cb;
	void *arg;
};

void renew_init(struct renewal *r, struct event_base *base,
		struct gates *gates, renew_cb *cb, void *arg);
/*
 * From now on looks every two seconds at the files that this configuration's
 * backends and the gates have, if there are any.  A new file that is no good is
 * told of, and the old one's content stays in use.
 */
void renew_watch(struct renewal *r, const struct conf *conf);
/* May be called twice, also for one that is all zeroes. */
void renew_stop(struct renewal *r);

#endif
