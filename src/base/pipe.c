/* SPDX-License-Identifier: ISC */
/*
 * pipe.c: pipes, and pairs of sockets, that no program we start inherits.
 */
#include "config.h"

#include "base/pipe.h"

#include <fcntl.h>
#include <sys/socket.h>
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

bool
pipe_open_both_ways(int fds[2])
{
	/* Here, too, no other thread of ours forks in between. */
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		return false;
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	return true;
}
