/* SPDX-License-Identifier: ISC */
/*
 * takeover.h: a new process on the same sockets, while the old one drains.
 *
 *	old                            new
 *	SIGUSR2
 *	starts what is at our path --> adopts the sockets (activation.h), and the
 *	                               keys of session tickets (tls_tickets.h)
 *	serves on                      opens what its configuration has beside
 *	                               its workers accept
 *	           <-- an answer -----
 *	accepts no more, drains        serves
 *
 * Every socket is one that both have, so none is closed with somebody waiting
 * in it, and a new one that fails takes nothing along.
 */
#ifndef RUN_TAKEOVER_H
#define RUN_TAKEOVER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attrib.h"

/* "PID:KINDS": who left sockets, and what each is; see activation.h. */
#define TAKEOVER_VARIABLE "BOWSPRIT_TAKEOVER"

struct event_base;
struct sockets;
struct takeover;

/*
 * How it went: the successor's answer, for sockets_leave(); or NULL, after a
 * line in the log, and then it is no more.  The struct is freed after this.
 */
typedef void takeover_cb(const char *answer, pid_t pid, void *arg);

/*
 * Starts the program argv[0], looked for as a shell does, with the present
 * environment and the sockets, which stay ours.  It has 10 s to accept.
 * NULL, with a line in the log, if no process could be made.
 */
struct takeover *takeover_start(struct event_base *base, char *const *argv,
				const struct sockets *sockets, takeover_cb *cb,
				void *arg) WUNRES;
/* We are told to end: so is it, and there will be no news.  Frees. */
void takeover_stop(struct takeover *t);

#endif
