/* SPDX-License-Identifier: ISC */
/*
 * cores.h: how many processors we may use.
 */
#ifndef RUN_CORES_H
#define RUN_CORES_H

/*
 * The processors that this process may run on (taskset, cpuset), or fewer if a
 * limit of its control group allows less time than that (docker run --cpus);
 * at least 1.
 */
unsigned cores_usable(void);

/*
 * What control groups allow, rounded up: the least of ours and of those above
 * it, by the files below `root` ("" for the system's own); 0: no limit.
 */
unsigned cores_of_cgroup(const char *root);

#endif
