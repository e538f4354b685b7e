/* SPDX-License-Identifier: ISC */
/*
 * owner.c: who has the place where we wanted to listen?
 */
#include "run/owner.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/listen_unix.h"
#include "run/child_where.h"

/* The socket that listens in our way, in one table of the kernel. */
static bool
find_inode(const char *path, const struct addr *a, uint64_t *inode)
{
	FILE *table = fopen(path, "re");
	bool found = false;
	char line[512];
	struct addr its;

	if (!table)
		return false;
	while (!found && fgets(line, sizeof(line), table))
		found = child_where_line(line, &its, inode) &&
			(child_where_covers(&its, a) ||
			 child_where_covers(a, &its));
	fclose(table);
	return found;
}

static void
read_name(struct owner *o)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)o->pid);
	if (!(f = fopen(path, "re")) || !fgets(o->name, sizeof(o->name), f))
		strcpy(o->name, "a program");
	o->name[strcspn(o->name, "\n")] = '\0';
	if (f)
		fclose(f);
}

static bool
find_process(uint64_t inode, struct owner *o)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	bool found = false;

	if (!proc)
		return false;
	while (!found && (entry = readdir(proc))) {
		o->pid = atoi(entry->d_name);
		found = o->pid > 0 && child_where_has(o->pid, inode);
	}
	closedir(proc);
	if (found)
		read_name(o);
	return found;
}

bool
owner_of_port(const struct addr *a, struct owner *o)
{
	uint64_t inode;

	return (find_inode("/proc/net/tcp", a, &inode) ||
		find_inode("/proc/net/tcp6", a, &inode)) &&
	       find_process(inode, o);
}

bool
owner_of_path(const char *path, struct owner *o)
{
	o->pid = listen_unix_owner(path);
	if (o->pid > 0)
		read_name(o);
	return o->pid > 0;
}
