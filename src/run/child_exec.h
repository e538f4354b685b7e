/* SPDX-License-Identifier: ISC */
/*
 * child_exec.h: from a command to a process of its own group.
 */
#ifndef RUN_CHILD_EXEC_H
#define RUN_CHILD_EXEC_H

#include "run/child.h"

/*
 * Starts setup->command.  Returns once it has been executed: its pid, which is
 * its process group's too.  -1, with a line in the log, if that failed; *status
 * is then 127 (not found), 126 (not executable) or 1.
 *
 * To be called on the main thread only: the system's signal at the parent's
 * death (Linux) comes when the thread that forked ends.
 */
pid_t child_exec(const struct child_setup *setup, int *status) WUNRES;

#endif
