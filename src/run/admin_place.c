/* SPDX-License-Identifier: ISC */
/*
 * admin_place.c: where the admin socket of a process is, when its
 * configuration does not say.
 */
#include "run/admin_place.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define SUFFIX ".sock"

/* systemd separates several by colons. */
static char *
of_manager(const char *given)
{
	return given && *given == '/' ? xstrndup(given, strcspn(given, ":"))
				      : NULL;
}

static char *
of_session(const char *given)
{
	return given && *given == '/' ? xasprintf("%s/bowsprit", given) : NULL;
}

size_t
admin_folders(char *folders[ADMIN_FOLDERS])
{
	unsigned uid = (unsigned)geteuid();
	char *tried[ADMIN_FOLDERS] = {
		of_manager(getenv("RUNTIME_DIRECTORY")),
		xstrdup("/run/bowsprit"),
		of_session(getenv("XDG_RUNTIME_DIR")),
		xasprintf("/run/user/%u/bowsprit", uid),
		xasprintf("/tmp/bowsprit-%u", uid),
	};
	size_t n = 0;

	for (size_t i = 0; i < ADMIN_FOLDERS; i++)
		if (tried[i])
			folders[n++] = tried[i];
	return n;
}

bool
admin_folder_make(const char *folder)
{
	struct stat st;

	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return false;
	/* In /tmp anybody may have been there first, be it with a link. */
	if (lstat(folder, &st) < 0)
		return false;
	errno = S_ISDIR(st.st_mode) ? EPERM : ENOTDIR;
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}

bool
admin_folder_is_safe(const char *folder)
{
	struct stat st;

	if (lstat(folder, &st) < 0 || !S_ISDIR(st.st_mode))
		return false;
	/* A service's own: root lets it be made in /run. */
	return (st.st_uid == geteuid() || geteuid() == 0) &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH)) &&
	       (st.st_uid == geteuid() || strncmp(folder, "/tmp/", 5) != 0);
}

char *
admin_path(const char *folder, pid_t pid)
{
	return xasprintf("%s/%d" SUFFIX, folder, (int)pid);
}

pid_t
admin_pid_of(const char *name)
{
	char *end;
	long pid = strtol(name, &end, 10);

	return *name >= '1' && *name <= '9' && strcmp(end, SUFFIX) == 0 &&
	       pid <= INT32_MAX ? (pid_t)pid : 0;
}
