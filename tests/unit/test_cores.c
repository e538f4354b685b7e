/* SPDX-License-Identifier: ISC */
/*
 * test_cores.c: control groups as files below a folder of ours.
 */
#include "row.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "run/cores.h"

struct file {
	const char *name, *text;
};

static const struct row {
	int line;
	struct file files[4];
	unsigned cores;
	const char *why;
} rows[] = {
	{ __LINE__, { { NULL, NULL } }, 0, "no /proc" },
	{ __LINE__, { { "proc/self/cgroup", "0::/\n" } }, 0, "no limit file" },
	{ __LINE__, { { "proc/self/cgroup", "0::/\n" },
		      { "sys/fs/cgroup/cpu.max", "max 100000\n" } },
	  0, "version 2, no limit" },
	{ __LINE__, { { "proc/self/cgroup", "0::/\n" },
		      { "sys/fs/cgroup/cpu.max", "200000 100000\n" } },
	  2, "a container's own group" },
	{ __LINE__, { { "proc/self/cgroup", "0::/\n" },
		      { "sys/fs/cgroup/cpu.max", "150000 100000\n" } },
	  2, "--cpus=1.5 can keep two busy" },
	{ __LINE__, { { "proc/self/cgroup", "0::/\n" },
		      { "sys/fs/cgroup/cpu.max", "10000 100000\n" } },
	  1, "--cpus=0.1" },
	{ __LINE__, { { "proc/self/cgroup", "0::/a.slice/b.service\n" },
		      { "sys/fs/cgroup/a.slice/cpu.max", "300000 100000\n" },
		      { "sys/fs/cgroup/a.slice/b.service/cpu.max",
			"max 100000\n" } },
	  3, "CPUQuota of the slice above" },
	{ __LINE__, { { "proc/self/cgroup", "0::/a/b\n" },
		      { "sys/fs/cgroup/a/cpu.max", "500000 100000\n" },
		      { "sys/fs/cgroup/a/b/cpu.max", "400000 100000\n" } },
	  4, "the least of both" },
	{ __LINE__, { { "proc/self/cgroup", "0::/docker/0123/of/the/host\n" },
		      { "sys/fs/cgroup/cpu.max", "200000 100000\n" } },
	  2, "a path that is not to be seen here" },
	{ __LINE__, { { "proc/self/cgroup",
			"5:memory:/x\n4:cpu,cpuacct:/x\n0::/\n" },
		      { "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "600000\n" },
		      { "sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n" } },
	  6, "version 1" },
	{ __LINE__, { { "proc/self/cgroup", "4:cpu:/x\n" },
		      { "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n" },
		      { "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n" } },
	  0, "version 1, no limit" },
	{ __LINE__, { { "proc/self/cgroup", "3:cpuset:/x\n" },
		      { "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "600000\n" },
		      { "sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n" } },
	  0, "another controller's group" },
};

static void
write_file(const char *root, const struct file *f)
{
	char *path = xasprintf("%s/%s", root, f->name);
	FILE *out;

	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0700);
		*p = '/';
	}
	out = fopen(path, "w");
	assert_non_null(out);
	assert_true(fputs(f->text, out) >= 0);
	fclose(out);
	free(path);
}

static void
limits_of_control_groups(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char root[] = "/tmp/bowsprit-cores-XXXXXX", rm[64];
		unsigned cores;

		assert_non_null(mkdtemp(root));
		for (const struct file *f = rows[i].files; f->name; f++)
			write_file(root, f);
		cores = cores_of_cgroup(root);
		snprintf(rm, sizeof(rm), "rm -r %s", root);
		assert_int_equal(system(rm), 0);
		ROW_CHECK(&rows[i], cores == rows[i].cores, "%u, not %u",
			  cores, rows[i].cores);
	}
	rows_end();
}

static void
there_is_at_least_one(void **state)
{
	long all = sysconf(_SC_NPROCESSORS_CONF);

	(void)state;
	assert_in_range(cores_usable(), 1, (unsigned)all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_of_control_groups),
		cmocka_unit_test(there_is_at_least_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
