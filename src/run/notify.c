/* SPDX-License-Identifier: ISC */
/*
 * notify.c: word to the service manager, by systemd's protocol sd_notify(3).
 */
#include "run/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A path, or with an @ a name in Linux' abstract namespace. */
static bool
find_socket(struct sockaddr_un *un, socklen_t *len)
{
	const char *name = getenv("NOTIFY_SOCKET");
	size_t n = name ? strlen(name) : 0;

	if (n < 2 || n >= sizeof(un->sun_path))
		return false;
	*un = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(un->sun_path, name, n);
	if (name[0] == '@')
		un->sun_path[0] = '\0';
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return true;
}

void
notify_send(const char *fmt, ...)
{
	struct sockaddr_un un;
	socklen_t len;
	char text[64];
	va_list ap;
	int fd, n;

	if (!find_socket(&un, &len) || (fd = socket(AF_UNIX, SOCK_DGRAM, 0)) < 0)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* A manager that does not read is not worth a main thread's wait. */
	(void)!sendto(fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL,
		      (struct sockaddr *)&un, len);
	close(fd);
}

bool
notify_is_missed(void)
{
	const char *pid = getenv("SYSTEMD_EXEC_PID");

	return pid && atoi(pid) == getpid() && !getenv("NOTIFY_SOCKET");
}
