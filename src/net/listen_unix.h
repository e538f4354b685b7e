/* SPDX-License-Identifier: ISC */
/*
 * listen_unix.h: sockets that accept, with a name in the file system.
 */
#ifndef NET_LISTEN_UNIX_H
#define NET_LISTEN_UNIX_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attrib.h"

/*
 * A socket that listens at `path`, a file with that mode, and of that user and
 * group; -1 leaves either as it is.  One that was left there by a process that
 * has ended is replaced.  -1 and errno: EADDRINUSE if somebody listens there,
 * ENOTSOCK if the file is no socket, EPERM if it cannot be given away.
 */
int listen_unix(const char *path, mode_t mode, uid_t owner, gid_t group)
	WUNRES;
/* The same of a file that is there; false with errno. */
bool listen_unix_set(const char *path, mode_t mode, uid_t owner, gid_t group)
	WUNRES;
/* Is a socket's file there, but nobody who listens? */
bool listen_unix_is_stale(const char *path) WUNRES;
/* The process that listens there; 0 if the system does not tell. */
pid_t listen_unix_owner(const char *path);

#endif
