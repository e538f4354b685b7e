/* SPDX-License-Identifier: ISC */
/*
 * activation.h: sockets that somebody opened for us.
 *
 * A service manager did, by systemd's protocol, sd_listen_fds(3): LISTEN_FDS
 * descriptors from the third on are for the process LISTEN_PID.  Or another
 * bowsprit did, whose successor we are (run/takeover.h).
 */
#ifndef RUN_ACTIVATION_H
#define RUN_ACTIVATION_H

#include <stddef.h>

#include "base/attrib.h"

#define ACTIVATION_FIRST 3

/* Of each socket: whose is it? */
#define ACTIVATION_MANAGER 's' /* it goes on without us, file and all */
#define ACTIVATION_OWN 'o'     /* of a listener of bowsprit's, now ours */
#define ACTIVATION_LOST 'x'    /* the same, but its file is not there now */
#define ACTIVATION_DECLINED '-' /* in the answer: we do not listen there */

struct activation {
	size_t n;    /* how many, from ACTIVATION_FIRST on */
	char *kinds; /* a letter for each, and NUL; owned */
	int answer;  /* where the predecessor waits for a word; -1: nobody.
		      * It is closed when that is said, or by our end, and
		      * not before: it is how our end is noticed */
};

/*
 * Takes the variables out of the environment: they are not for the application
 * that we may start.
 */
void activation_take(struct activation *a);
void activation_fini(struct activation *a);

#endif
