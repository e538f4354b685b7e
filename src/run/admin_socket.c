/* SPDX-License-Identifier: ISC */
/*
 * admin_socket.c: the socket of the admin interface, and its file.
 *
 * Nobody needs it to be served: without it there is a line in the log, and the
 * start goes on.
 */
#include "run/admin_socket.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/listen_unix.h"
#include "run/admin_place.h"
#include "run/owner.h"

#define MODE 0600
#define KEEP ((uid_t)-1), ((gid_t)-1)

static bool
note_file(struct admin_socket *s, int fd, const char *path)
{
	struct stat st;

	if (fd < 0)
		return false;
	s->fd = fd;
	s->path = xstrdup(path);
	if (lstat(path, &st) == 0) {
		s->device = st.st_dev;
		s->inode = st.st_ino;
	}
	return true;
}

/* ---- a path that was given ---- */

/* Whoever connects meanwhile gets the one or the other process. */
static int
replace(const char *path)
{
	char *beside = xasprintf("%s.%d", path, (int)getpid());
	int fd = listen_unix(beside, MODE, KEEP), saved;

	if (fd >= 0 && rename(beside, path) < 0) {
		saved = errno;
		unlink(beside);
		close(fd);
		errno = saved;
		fd = -1;
	}
	free(beside);
	return fd;
}

static void
complain(const char *path)
{
	int error = errno;
	struct owner o;

	if (error == EADDRINUSE && owner_of_path(path, &o))
		log_say(LOG_WARN, "no admin socket: %s (pid %d) listens at %s "
			"already; bowspritctl cannot reach this process, "
			"choose another path, or \"auto\"", o.name, (int)o.pid,
			path);
	else
		log_say(LOG_WARN, "no admin socket at %s: %s; bowspritctl "
			"cannot reach this process", path,
			error == ENOTSOCK ? "there is a file that is no socket"
					  : strerror(error));
}

static bool
open_path(struct admin_socket *s, const char *path, pid_t predecessor)
{
	int fd = listen_unix(path, MODE, KEEP);

	if (fd < 0 && errno == EADDRINUSE && predecessor &&
	    listen_unix_owner(path) == predecessor)
		fd = replace(path);
	/* Or the one before us has ended meanwhile. */
	if (fd < 0 && predecessor)
		fd = listen_unix(path, MODE, KEEP);
	if (note_file(s, fd, path))
		return true;
	complain(path);
	return false;
}

/* ---- "auto" ---- */

/* Files of processes that were killed, and are no more. */
static void
tidy(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		pid_t pid = admin_pid_of(e->d_name);
		char *path;

		if (pid == 0 || kill(pid, 0) == 0 || errno != ESRCH)
			continue;
		path = admin_path(folder, pid);
		/* It may live where the pids are others, in a container. */
		if (listen_unix_is_stale(path))
			unlink(path);
		free(path);
	}
	if (d)
		closedir(d);
}

static bool
open_in(struct admin_socket *s, const char *folder)
{
	char *path;
	bool opened;

	if (!admin_folder_make(folder))
		return false;
	tidy(folder);
	path = admin_path(folder, getpid());
	opened = note_file(s, listen_unix(path, MODE, KEEP), path);
	free(path);
	return opened;
}

static bool
open_somewhere(struct admin_socket *s)
{
	char *folders[ADMIN_FOLDERS], *last;
	size_t n = admin_folders(folders);
	bool opened = false;

	for (size_t i = 0; i < n && !opened; i++)
		opened = open_in(s, folders[i]);
	last = folders[n - 1];
	if (!opened)
		log_say(LOG_INFO, "no folder for the admin socket, not even "
			"%s (%s): bowspritctl cannot reach this process; "
			"admin = { socket = \"/a/path\"; } names a place",
			last, strerror(errno));
	for (size_t i = 0; i < n; i++)
		free(folders[i]);
	return opened;
}

bool
admin_socket_open(struct admin_socket *s, const char *place,
		  pid_t predecessor)
{
	*s = (struct admin_socket){ .fd = -1 };
	return strcmp(place, "auto") == 0
	       ? open_somewhere(s)
	       : open_path(s, place, predecessor);
}

void
admin_socket_close(struct admin_socket *s)
{
	struct stat st;

	if (lstat(s->path, &st) == 0 && st.st_dev == s->device &&
	    st.st_ino == s->inode)
		unlink(s->path);
	close(s->fd);
	free(s->path);
}
