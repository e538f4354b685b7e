/* SPDX-License-Identifier: ISC */
/*
 * listen_unix.c: sockets that accept, with a name in the file system.
 *
 * The file outlives a process that was killed.  Only connecting tells whether
 * anybody still listens there.
 */
#include "net/listen_unix.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/listen.h"
#include "net/sockopt.h"

static struct sockaddr_un
name_of(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	return un;
}

/* A socket connected to `path`; -1 and errno. */
static int
connect_to(const char *path)
{
	struct sockaddr_un un = name_of(path);
	int fd = sock_open(AF_UNIX), saved;

	if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static bool
remove_stale(const char *path)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) < 0)
		return errno == ENOENT;
	if (!S_ISSOCK(st.st_mode)) {
		errno = ENOTSOCK;
		return false;
	}
	fd = connect_to(path);
	if (fd < 0 && errno == ECONNREFUSED)
		return unlink(path) == 0;
	if (fd >= 0)
		close(fd);
	errno = EADDRINUSE;
	return false;
}

/* Until it listens nobody gets in, so the mode may come after the name. */
static bool
bind_and_listen(int fd, const char *path, mode_t mode)
{
	struct sockaddr_un un = name_of(path);
	int bound = bind(fd, (struct sockaddr *)&un, sizeof(un));

	if (bound < 0 && errno == EADDRINUSE && remove_stale(path))
		bound = bind(fd, (struct sockaddr *)&un, sizeof(un));
	return bound == 0 && chmod(path, mode) == 0 &&
	       listen(fd, LISTEN_BACKLOG) == 0;
}

int
listen_unix(const char *path, mode_t mode)
{
	int fd = sock_open(AF_UNIX), saved;

	if (fd < 0 || bind_and_listen(fd, path, mode))
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

#ifdef SO_PEERCRED
pid_t
listen_unix_owner(const char *path)
{
	int fd = connect_to(path);
	struct ucred peer = { .pid = 0 };
	socklen_t len = sizeof(peer);

	if (fd < 0)
		return 0;
	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	close(fd);
	return peer.pid;
}
#else
pid_t
listen_unix_owner(const char *path)
{
	(void)path;
	return 0;
}
#endif
