/* SPDX-License-Identifier: ISC */
/*
 * cores.c: how many processors we may use.
 *
 * A machine's count would be wrong in a container: sixty-four workers on a
 * quota of two processors spend it in the first moments of each period, and
 * then all stand still.
 */
#include "config.h"

#include "run/cores.h"

#include <limits.h>
#ifdef HAVE_SCHED_GETAFFINITY
#include <sched.h>
#endif
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- processors ---- */

#ifdef HAVE_SCHED_GETAFFINITY
static unsigned
count_processors(void)
{
	/* The kernel refuses a set that is smaller than its own. */
	for (size_t room = 1024; room <= 1 << 20; room *= 2) {
		cpu_set_t *set = CPU_ALLOC(room);
		size_t size = CPU_ALLOC_SIZE(room);
		int n = 0;

		if (set && sched_getaffinity(0, size, set) == 0)
			n = CPU_COUNT_S(size, set);
		CPU_FREE(set);
		if (n > 0)
			return (unsigned)n;
	}
	return 1;
}
#else
static unsigned
count_processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : (unsigned)n;
}
#endif

/* ---- control groups ---- */

/* The numbers of a file, up to two; how many there are. */
static int
read_numbers(const char *folder, const char *name, long *first, long *second)
{
	char path[PATH_MAX];
	int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (!(f = fopen(path, "re")))
		return 0;
	n = fscanf(f, "%ld %ld", first, second);
	fclose(f);
	return n < 0 ? 0 : n;
}

/* Of one group, rounded up; "max" or -1 is none. */
static unsigned
quota_of(const char *folder)
{
	long quota = 0, period = 0, none;

	if (read_numbers(folder, "cpu.max", &quota, &period) != 2 &&
	    (read_numbers(folder, "cpu.cfs_quota_us", &quota, &none) != 1 ||
	     read_numbers(folder, "cpu.cfs_period_us", &period, &none) != 1))
		return 0;
	if (quota <= 0 || period <= 0)
		return 0;
	return (unsigned)((quota + period - 1) / period);
}

/*
 * Walks from a group up to the root of its tree.  In a container the path may
 * be the host's, of which only the root is to be seen: that is the
 * container's own group.
 */
static unsigned
least_quota(const char *tree, const char *path)
{
	char folder[PATH_MAX];
	size_t top = strlen(tree);
	unsigned least = 0;

	snprintf(folder, sizeof(folder), "%s%s", tree, path);
	for (;;) {
		unsigned quota = quota_of(folder);
		char *slash;

		if (quota && (!least || quota < least))
			least = quota;
		slash = strrchr(folder + top, '/');
		if (!slash)
			return least;
		*slash = '\0';
	}
}

/* "0::/path" of version 2, "4:cpu,cpuacct:/path" of version 1 */
unsigned
cores_of_cgroup(const char *root)
{
	char name[PATH_MAX], line[PATH_MAX], tree[PATH_MAX];
	unsigned least = 0;
	FILE *f;

	snprintf(name, sizeof(name), "%s/proc/self/cgroup", root);
	if (!(f = fopen(name, "re")))
		return 0;
	while (fgets(line, sizeof(line), f)) {
		char *what = strchr(line, ':');
		char *path = what ? strchr(++what, ':') : NULL;
		unsigned quota;

		if (!path || (*what != ':' && strncmp(what, "cpu,", 4) != 0 &&
			      strncmp(what, "cpu:", 4) != 0))
			continue;
		*path++ = '\0';
		path[strcspn(path, "\n")] = '\0';
		snprintf(tree, sizeof(tree), "%s/sys/fs/cgroup%s", root,
			 *what ? "/cpu" : "");
		quota = least_quota(tree, path);
		if (quota && (!least || quota < least))
			least = quota;
	}
	fclose(f);
	return least;
}

unsigned
cores_usable(void)
{
	unsigned processors = count_processors(), quota = cores_of_cgroup("");

	return quota && quota < processors ? quota : processors;
}
