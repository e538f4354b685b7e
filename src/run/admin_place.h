/* SPDX-License-Identifier: ISC */
/*
 * admin_place.h: where the admin socket of a process is, when its
 * configuration does not say; bowspritctl looks there.
 *
 * Each process has one of its own, PID.sock in a folder of its user's, so that
 * several do not get in each other's way, nor one that follows another.
 */
#ifndef RUN_ADMIN_PLACE_H
#define RUN_ADMIN_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attrib.h"

#define ADMIN_FOLDERS 5

/*
 * The folders, in the order in which they are tried; how many.  The strings are
 * the caller's:
 *
 *	$RUNTIME_DIRECTORY	systemd's, with RuntimeDirectory=
 *	/run/bowsprit		root's
 *	$XDG_RUNTIME_DIR/bowsprit
 *	/run/user/UID/bowsprit
 *	/tmp/bowsprit-UID
 */
size_t admin_folders(char *folders[ADMIN_FOLDERS]);
/*
 * Makes that folder if it is not there.  False with errno if it cannot be, or
 * if others than we could put something in it (EPERM).
 */
bool admin_folder_make(const char *folder) WUNRES;
/* May a socket in that folder be believed to be bowsprit's? */
bool admin_folder_is_safe(const char *folder) WUNRES;

/* The path of a process's socket in it; the caller's. */
char *admin_path(const char *folder, pid_t pid) WUNRES;
/* The process of a file's name; 0 if it has not that form. */
pid_t admin_pid_of(const char *name);

#endif
