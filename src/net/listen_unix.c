/* SPDX-License-Identifier: ISC */
/*
 * listen_unix.c: sockets that accept, with a name in the file system.
 *
 * The file outlives a process that was killed.  Only connecting tells whether
 * anybody still listens there.
 */
#include "net/listen_unix.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/addr.h"
#include "net/listen.h"
#include "net/sockopt.h"

/* A socket connected to `path`; -1 and errno. */
static int
connect_to(const char *path)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_unix_sockaddr(path, &ss);
	int fd = len > 0 ? sock_open(AF_UNIX) : -1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&ss, len) == 0)
		return fd;
	return sock_give_up(fd);
}

bool
listen_unix_is_stale(const char *path)
{
	int fd = connect_to(path);

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == ECONNREFUSED;
}

static bool
remove_stale(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT;
	if (!S_ISSOCK(st.st_mode)) {
		errno = ENOTSOCK;
		return false;
	}
	if (listen_unix_is_stale(path))
		return unlink(path) == 0;
	errno = EADDRINUSE;
	return false;
}

static bool
give_away(const char *path, uid_t owner, gid_t group)
{
	if (owner == (uid_t)-1 && group == (gid_t)-1)
		return true;
	return chown(path, owner, group) == 0;
}

static bool
bind_path(int fd, const char *path)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_unix_sockaddr(path, &ss);
	int bound = len > 0 ? bind(fd, (struct sockaddr *)&ss, len) : -1;

	if (bound < 0 && errno == EADDRINUSE && remove_stale(path))
		bound = bind(fd, (struct sockaddr *)&ss, len);
	return bound == 0;
}

bool
listen_unix_set(const char *path, mode_t mode, uid_t owner, gid_t group)
{
	return chmod(path, mode) == 0 && give_away(path, owner, group);
}

int
listen_unix(const char *path, mode_t mode, uid_t owner, gid_t group)
{
	int fd = sock_open(AF_UNIX), saved;
	bool bound = fd >= 0 && bind_path(fd, path);

	/* Until it listens nobody gets in: all that may come after the name. */
	if (bound && listen_unix_set(path, mode, owner, group) &&
	    listen_begin(fd))
		return fd;
	saved = errno;
	if (bound)
		unlink(path);
	if (fd >= 0)
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
