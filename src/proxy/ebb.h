/* SPDX-License-Identifier: ISC */
/*
 * ebb.h: what a crowd has used goes back to the system when the crowd has gone.
 *
 * malloc keeps what was freed, as it may be wanted again; after a crowd's
 * handshakes that is several times what its tunnels need, and stays for ever.
 */
#ifndef PROXY_EBB_H
#define PROXY_EBB_H

#include <stdbool.h>

#include "net/poller.h"


/* Of a worker's connections, or of its handshakes. */
struct ebb {
	unsigned n;       /* that there are */
	unsigned most;    /* since malloc was last made to give back */
	bool due;         /* it soon will be */
	struct timer soon;
};

void ebb_init(struct ebb *e, struct poller *p);
void ebb_fini(struct ebb *e);
/* One more, or less. */
void ebb_come(struct ebb *e);
void ebb_go(struct ebb *e);

#endif
