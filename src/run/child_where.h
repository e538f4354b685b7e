/* SPDX-License-Identifier: ISC */
/*
 * child_where.h: where does the application really listen?
 *
 * An application that was told to listen on 3001 and has "-p 3000" in its
 * script is never seen to accept.  On Linux /proc tells which sockets its
 * processes listen on.
 */
#ifndef RUN_CHILD_WHERE_H
#define RUN_CHILD_WHERE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/addr.h"
#include "base/attrib.h"

#define CHILD_WHERE_MAX 16

/*
 * The addresses that the processes of a group, and those that descend from
 * them, listen on: at most `max`; returns how many, or -1 where the system
 * does not tell.  This reads much of /proc: not to be done often.
 */
int child_where(pid_t group, struct addr *found, size_t max) WUNRES;

/* A line of /proc/net/tcp or tcp6: true if it is a socket that listens. */
bool child_where_line(const char *line, struct addr *a, uint64_t *inode);

/* Has a process that socket open? */
bool child_where_has(pid_t pid, uint64_t inode);

/* Does who listens on `a` accept a connection to `where`? */
bool child_where_covers(const struct addr *a, const struct addr *where);

/*
 * Which of n addresses is worth naming as the wrong one: the lowest port.
 * NULL if `where` is among them, or none is; the ports of Node's inspector do
 * not count.
 */
const struct addr *child_where_odd(const struct addr *found, size_t n,
				   const struct addr *where);

/* "3000, not 3001", or with hosts if the ports are equal. */
#define CHILD_WHERE_TEXT (2 * ADDR_TEXT + 8)
char *child_where_text(const struct addr *odd, const struct addr *where,
		       char text[CHILD_WHERE_TEXT]);

#endif
