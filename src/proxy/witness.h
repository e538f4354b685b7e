/* SPDX-License-Identifier: ISC */
/*
 * witness.h: somebody who is shown the heads of upgrades as they pass, which
 * only the demonstration has.  All is called on the worker's thread, which is
 * not to be held up.
 */
#ifndef PROXY_WITNESS_H
#define PROXY_WITNESS_H

#include "proxy/conn.h"

struct witness {
	/* The head is whole and routed; nobody else was told of it yet. */
	void (*asked)(struct witness *w, const struct conn *c);
	/* The 101 is good: as the server sent it, as the client gets it. */
	void (*switched)(struct witness *w, const struct conn *c,
			 struct slice came, struct slice sent);
};

static inline void
witness_asked(const struct conn *c)
{
	struct witness *w = c->worker->witness;

	if (w && c->hs->upgrade == UPGRADE_WEBSOCKET)
		w->asked(w, c);
}

static inline void
witness_switched(const struct conn *c, struct slice came, struct slice sent)
{
	struct witness *w = c->worker->witness;

	if (w)
		w->switched(w, c, came, sent);
}

#endif
