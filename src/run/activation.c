/* SPDX-License-Identifier: ISC */
/*
 * activation.c: sockets that a service manager opened for us.
 */
#include "run/activation.h"

#include <stdlib.h>
#include <unistd.h>

int
activation_count(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int n = pid && fds && atoi(pid) == getpid() ? atoi(fds) : 0;

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return n;
}
