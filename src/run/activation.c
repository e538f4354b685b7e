/* SPDX-License-Identifier: ISC */
/*
 * activation.c: sockets that somebody opened for us.
 */
#include "run/activation.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/tls_tickets.h"
#include "run/takeover.h"

/* The service manager's; false if there are none. */
static bool
take_manager(struct activation *a)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int n = pid && fds && atoi(pid) == getpid() ? atoi(fds) : 0;

	if (n <= 0)
		return false;
	a->n = (size_t)n;
	a->kinds = xmalloc(a->n + 1);
	memset(a->kinds, ACTIVATION_MANAGER, a->n);
	a->kinds[a->n] = '\0';
	return true;
}

/*
 * "PID:KINDS", with the predecessor's pid; behind the sockets is one to it,
 * from which it has sent its keys.
 */
static void
take_predecessor(struct activation *a)
{
	const char *said = getenv(TAKEOVER_VARIABLE);
	const char *kinds = said ? strchr(said, ':') : NULL;

	if (!kinds || atoi(said) != getppid())
		return;
	a->kinds = xstrdup(kinds + 1);
	a->n = strlen(a->kinds);
	a->answer = ACTIVATION_FIRST + (int)a->n;
	(void)fcntl(a->answer, F_SETFD, FD_CLOEXEC);
	tls_tickets_receive(a->answer);
}

void
activation_take(struct activation *a)
{
	*a = (struct activation){ .answer = -1 };
	if (!take_manager(a))
		take_predecessor(a);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	unsetenv(TAKEOVER_VARIABLE);
}

void
activation_fini(struct activation *a)
{
	free(a->kinds);
	*a = (struct activation){ .answer = -1 };
}
