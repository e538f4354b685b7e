/* SPDX-License-Identifier: ISC */
/*
 * owner.h: who has the place where we wanted to listen?
 */
#ifndef RUN_OWNER_H
#define RUN_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/addr.h"
#include "base/attrib.h"

struct owner {
	pid_t pid;
	char name[32]; /* of its program, as ps shows it */
};

/*
 * Whose socket keeps us from listening on `a`?  False where the system does
 * not tell: that of another user's process is told to root only, and on
 * systems without Linux' /proc nobody is.  Walks through all processes.
 */
bool owner_of_port(const struct addr *a, struct owner *o) WUNRES;
/* The same of a unix socket, which is told to whoever may connect. */
bool owner_of_path(const char *path, struct owner *o) WUNRES;

#endif
