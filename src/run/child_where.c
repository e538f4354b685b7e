/* SPDX-License-Identifier: ISC */
/*
 * child_where.c: where does the application really listen?
 *
 * Which processes are its, which sockets listen, and which of these are open
 * in those: three walks through /proc that remember next to nothing.
 */
#include "run/child_where.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_ROOM 64

#define STATE_LISTEN 0x0A
#define INSPECTOR_FIRST 9229
#define INSPECTOR_LAST 9239

/* The processes of the application; more than these are not looked at. */
struct family {
	pid_t pids[256];
	size_t n;
};

/* ---------------------------------------------------------- its processes */

static bool
is_member(const struct family *f, pid_t pid)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->pids[i] == pid)
			return true;
	return false;
}

/* A process's parent and group; the name in /proc/PID/stat may hold ")". */
static bool
read_stat(pid_t pid, pid_t *parent, pid_t *group)
{
	char path[PATH_ROOM], text[512];
	const char *after;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	after = strrchr(text, ')');
	return after && sscanf(after + 1, " %*c %d %d", parent, group) == 2;
}

static bool
belongs(const struct family *f, pid_t pid, pid_t group)
{
	pid_t its_parent, its_group;

	return read_stat(pid, &its_parent, &its_group) &&
	       (its_group == group || is_member(f, its_parent));
}

/* One pass over /proc; true if somebody was added. */
static bool
add_members(struct family *f, DIR *proc, pid_t group)
{
	size_t before = f->n;
	const struct dirent *entry;

	rewinddir(proc);
	while ((entry = readdir(proc)) && f->n < sizeof(f->pids) / sizeof(pid_t)) {
		pid_t pid = atoi(entry->d_name);

		if (pid > 0 && !is_member(f, pid) && belongs(f, pid, group))
			f->pids[f->n++] = pid;
	}
	return f->n > before;
}

/* Whoever left the group (setsid) is still known by its parent. */
static bool
find_family(struct family *f, pid_t group)
{
	DIR *proc = opendir("/proc");

	f->n = 0;
	if (!proc)
		return false;
	while (add_members(f, proc, group))
		continue;
	closedir(proc);
	return true;
}

/* ------------------------------------------------------------- its sockets */

bool
child_where_has(pid_t pid, uint64_t inode)
{
	char path[PATH_ROOM], link[PATH_ROOM], wanted[PATH_ROOM];
	const struct dirent *entry;
	bool found = false;
	DIR *fds;

	snprintf(wanted, sizeof(wanted), "socket:[%" PRIu64 "]", inode);
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	fds = opendir(path);
	if (!fds)
		return false;
	while (!found && (entry = readdir(fds))) {
		ssize_t n = readlinkat(dirfd(fds), entry->d_name, link,
				       sizeof(link) - 1);

		if (n <= 0)
			continue;
		link[n] = '\0';
		found = strcmp(link, wanted) == 0;
	}
	closedir(fds);
	return found;
}

static bool
family_has(const struct family *f, uint64_t inode)
{
	for (size_t i = 0; i < f->n; i++)
		if (child_where_has(f->pids[i], inode))
			return true;
	return false;
}

/* Words of 32 bits in hexadecimal, each as the machine has it in memory. */
static bool
parse_ip(const char *hex, size_t digits, uint8_t ip[16])
{
	for (size_t i = 0; i * 8 < digits; i++) {
		uint32_t word;

		if (sscanf(hex + i * 8, "%8" SCNx32, &word) != 1)
			return false;
		memcpy(ip + i * 4, &word, sizeof(word));
	}
	return true;
}

bool
child_where_line(const char *line, struct addr *a, uint64_t *inode)
{
	char ip[33];
	unsigned port, state;
	size_t digits;

	if (sscanf(line,
		   " %*u: %32[0-9A-F]:%x %*[0-9A-F]:%*x %x %*[0-9A-F:] "
		   "%*[0-9A-F:] %*x %*u %*u %" SCNu64,
		   ip, &port, &state, inode) != 4)
		return false;
	digits = strlen(ip);
	if (state != STATE_LISTEN || (digits != 8 && digits != 32))
		return false;
	*a = (struct addr){.family = digits == 8 ? 4 : 6,
			   .port = (uint16_t)port};
	return parse_ip(ip, digits, a->ip);
}

/* Adds to `found` what the family listens on by one table of the kernel. */
static size_t
read_table(const char *path, const struct family *f, struct addr *found,
	   size_t max)
{
	FILE *table = fopen(path, "re");
	char line[512];
	uint64_t inode;
	size_t n = 0;

	if (!table)
		return 0;
	while (n < max && fgets(line, sizeof(line), table))
		if (child_where_line(line, &found[n], &inode) &&
		    family_has(f, inode))
			n++;
	fclose(table);
	return n;
}

int
child_where(pid_t group, struct addr *found, size_t max)
{
	struct family f;
	size_t n;

	if (access("/proc/net/tcp", R_OK) != 0 || !find_family(&f, group))
		return -1;
	n = read_table("/proc/net/tcp", &f, found, max);
	n += read_table("/proc/net/tcp6", &f, found + n, max - n);
	return (int)n;
}

/* ------------------------------------------------------------- what to say */

static bool
is_any_address(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->ip, zero, a->family == 4 ? 4 : 16) == 0;
}

bool
child_where_covers(const struct addr *a, const struct addr *where)
{
	if (a->port != where->port)
		return false;
	/* A socket on [::] takes IPv4 too, unless it was told not to. */
	if (is_any_address(a))
		return a->family == 6 || where->family == 4;
	return addr_same_host(a, where);
}

const struct addr *
child_where_odd(const struct addr *found, size_t n, const struct addr *where)
{
	const struct addr *odd = NULL;

	for (size_t i = 0; i < n; i++) {
		if (child_where_covers(&found[i], where))
			return NULL;
		if (found[i].port >= INSPECTOR_FIRST &&
		    found[i].port <= INSPECTOR_LAST)
			continue;
		if (!odd || found[i].port < odd->port)
			odd = &found[i];
	}
	return odd;
}

char *
child_where_text(const struct addr *odd, const struct addr *where,
		 char text[CHILD_WHERE_TEXT])
{
	char a[ADDR_TEXT], b[ADDR_TEXT];

	if (odd->port != where->port)
		snprintf(text, CHILD_WHERE_TEXT, "%u, not %u",
			 (unsigned)odd->port, (unsigned)where->port);
	else
		snprintf(text, CHILD_WHERE_TEXT, "%s, not %s",
			 addr_text(odd, a), addr_text(where, b));
	return text;
}
