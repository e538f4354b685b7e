/* SPDX-License-Identifier: ISC */
/*
 * container.c: is this process in a container?
 *
 * There is no call that tells.  Docker and Podman leave a file, Podman, LXC
 * and systemd-nspawn a variable, Kubernetes variables of its own, and where
 * none of them is seen the names of control groups may tell.
 */
#include "run/container.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attrib.h"

static const char *
file_sign(const char *root)
{
	static const char *const files[] = { "/.dockerenv",
					     "/run/.containerenv" };
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s%s", root, files[i]);
		if (access(path, F_OK) == 0)
			return files[i];
	}
	return NULL;
}

static const char *
variable_sign(void)
{
	static const char *const names[] = { "container",
					     "KUBERNETES_SERVICE_HOST" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (getenv(names[i]))
			return names[i];
	return NULL;
}

static const char *
cgroup_sign(const char *root)
{
	static const char *const words[] = { "docker", "kubepods",
					     "containerd", "libpod", "lxc" };
	char path[PATH_MAX], text[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/1/cgroup", root);
	if (!(f = fopen(path, "re")))
		return NULL;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strstr(text, words[i]))
			return "/proc/1/cgroup";
	return NULL;
}

const char *
container_sign(const char *root)
{
	const char *sign = file_sign(root);

	if (!sign)
		sign = variable_sign();
	return sign ? sign : cgroup_sign(root);
}
