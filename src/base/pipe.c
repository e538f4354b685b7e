/* SPDX-License-Identifier: ISC */
/*
 * pipe.c: a pipe that no program we start inherits.
 */
#include "config.h"

#include "base/pipe.h"

#include <fcntl.h>
#include <unistd.h>

bool
pipe_open(int fds[2])
{
#ifdef HAVE_PIPE2
	return pipe2(fds, O_CLOEXEC) == 0;
#else
	/* No other thread of ours forks in between. */
	if (pipe(fds) != 0)
		return false;
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	return true;
#endif
}
