/* SPDX-License-Identifier: ISC */
/*
 * admin_socket.h: the socket of the admin interface, and its file.
 */
#ifndef RUN_ADMIN_SOCKET_H
#define RUN_ADMIN_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attrib.h"

struct admin_socket {
	int fd;
	char *path;    /* of its file; owned */
	dev_t device;  /* which one that is: another process may have put its
			* own there */
	ino_t inode;
};

/*
 * Listens at `place`: a path, or "auto", which is where admin_place.h says.  A
 * path where `predecessor` listens (0: nobody) becomes ours.  False after a
 * line in the log.
 */
bool admin_socket_open(struct admin_socket *s, const char *place,
		       pid_t predecessor) WUNRES;
void admin_socket_close(struct admin_socket *s);

#endif
