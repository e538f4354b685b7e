/* SPDX-License-Identifier: ISC */
/*
 * wake.c: what one thread writes to so that another wakes up.
 */
#include "config.h"

#include "base/wake.h"

#ifdef HAVE_EVENTFD
#include <sys/eventfd.h>
#else
#include <fcntl.h>
#include <unistd.h>
#endif

#ifdef HAVE_EVENTFD
bool
wake_open(int wake[2])
{
	wake[0] = wake[1] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return wake[0] >= 0;
}
#else
bool
wake_open(int wake[2])
{
	if (pipe(wake) < 0)
		return false;
	for (int i = 0; i < 2; i++) {
		(void)fcntl(wake[i], F_SETFL, O_NONBLOCK);
		(void)fcntl(wake[i], F_SETFD, FD_CLOEXEC);
	}
	return true;
}
#endif
