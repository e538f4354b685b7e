/* SPDX-License-Identifier: ISC */
/*
 * child.h: the application that bowsprit runs behind itself.
 *
 *	bowsprit -w '/ws=http://10.0.0.5:4000' -- npx next start
 *
 * The command is started in a process group of its own with PORT and
 * HOSTNAME set, watched until it accepts connections, restarted when it
 * crashes, and ended together with us.  All of this happens on the main
 * thread's event base.
 */
#ifndef RUN_CHILD_H
#define RUN_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/addr.h"
#include "base/attrib.h"

struct event_base;
struct child;

enum child_news {
	CHILD_READY, /* it accepts connections */
	CHILD_DOWN,  /* it ended and will be started again */
	CHILD_OVER,  /* it ended for good: status is what we end with */
};

typedef void child_cb(enum child_news news, int status, void *arg);

/* What it points to stays its caller's, and must outlive the child. */
struct child_setup {
	char *const *command;  /* NULL-terminated */
	struct addr where;     /* it is to accept there */
	struct addr or_where;  /* or there, on the same port; or family 0 */
	const char *path;      /* of a unix socket, in place of both; or NULL */
	bool set_port;         /* put PORT and HOSTNAME in its environment */
	uint16_t our_port;     /* to be named in messages; 0: we have none */
	uint64_t nofile;       /* RLIMIT_NOFILE's soft limit to give back */
	int output;            /* a descriptor for its stdout and stderr;
				* -1: it inherits ours, and keeps its colours */
};

/*
 * Finds a port of 127.0.0.1 on which nothing listens; 0 if there is none.
 */
uint16_t child_free_port(void);

/*
 * Starts it.  News come on `base`, the first at the earliest in its next
 * turn.  NULL, with a line in the log, if no process could be made; *status is
 * then what to exit with (127 not found, 126 not executable, else 1).
 */
struct child *child_start(struct event_base *base,
			  const struct child_setup *setup, child_cb *cb,
			  void *arg, int *status) WUNRES;
/* The main loop saw SIGCHLD. */
void child_reap(struct child *c);
/* We are going down: when it ends now, it is not started again. */
void child_drain(struct child *c);
/*
 * Asks it to end: SIGTERM to its group now, SIGKILL after `grace` ms.
 * CHILD_OVER comes when it has.
 */
void child_stop(struct child *c, uint64_t grace);
/* Frees it; a process that still runs is killed with its group. */
void child_free(struct child *c);

#endif
