/* SPDX-License-Identifier: ISC */
/*
 * test_container.c: what tells that this is a container.
 */
#include "row.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/container.h"

static char root[] = "test_container.XXXXXX";

static const struct sign_row {
	int line;
	const char *file, *text, *variable, *sign, *why;
} sign_rows[] = {
	{ __LINE__, NULL, NULL, NULL, NULL,
	  "a machine" },
	{ __LINE__, "/.dockerenv", "", NULL, "/.dockerenv",
	  "Docker" },
	{ __LINE__, "/run/.containerenv", "", NULL, "/run/.containerenv",
	  "Podman" },
	{ __LINE__, NULL, NULL, "container", "container",
	  "Podman, LXC, systemd-nspawn" },
	{ __LINE__, NULL, NULL, "KUBERNETES_SERVICE_HOST",
	  "KUBERNETES_SERVICE_HOST",
	  "a pod" },
	{ __LINE__, "/proc/1/cgroup", "0::/\n2:cpu:/docker/0123\n", NULL,
	  "/proc/1/cgroup",
	  "Docker, its file removed" },
	{ __LINE__, "/proc/1/cgroup", "0::/init.scope\n", NULL, NULL,
	  "a machine with systemd" },
};

static void
put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static const char *
below(const char *path)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s%s", root, path);
	return text;
}

static void
signs_are_seen(void **state)
{
	(void)state;
	unsetenv("container");
	unsetenv("KUBERNETES_SERVICE_HOST");
	assert_non_null(mkdtemp(root));
	assert_int_equal(mkdir(below("/run"), 0700), 0);
	assert_int_equal(mkdir(below("/proc"), 0700), 0);
	assert_int_equal(mkdir(below("/proc/1"), 0700), 0);
	for (size_t i = 0; i < ARRAY_LEN(sign_rows); i++) {
		const struct sign_row *r = &sign_rows[i];
		const char *sign;

		if (r->file)
			put_file(below(r->file), r->text);
		if (r->variable)
			setenv(r->variable, "x", 1);
		sign = container_sign(root);
		ROW_CHECK(r, r->sign ? sign && strcmp(sign, r->sign) == 0
				     : !sign, "%s", sign ? sign : "none");
		if (r->file)
			assert_int_equal(unlink(below(r->file)), 0);
		if (r->variable)
			unsetenv(r->variable);
	}
	assert_int_equal(rmdir(below("/proc/1")), 0);
	assert_int_equal(rmdir(below("/proc")), 0);
	assert_int_equal(rmdir(below("/run")), 0);
	assert_int_equal(rmdir(root), 0);
	rows_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_are_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
