/* SPDX-License-Identifier: ISC */
/*
 * sockopt.c: sockets as bowsprit wants them.
 */
#include "config.h"

#include "net/sockopt.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifdef HAVE_SIOCOUTQ
#include <linux/sockios.h>
#define QUEUED SIOCOUTQ
#elif defined(FIONWRITE)
#define QUEUED FIONWRITE
#endif

/* Those from which the kernel takes ours; any, unless it has told us. */
static struct {
	unsigned first, last;
} own_ports = { 1, UINT16_MAX };

int
sock_give_up(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return -1;
}

/*
 * Linux gives a socket its flags when it is made.  Elsewhere they follow, and
 * a fork between the two calls would leak the descriptor; only the main thread
 * forks, and it marks nothing it does not own.
 */
#ifndef HAVE_ACCEPT4
static int
with_flags(int fd)
{
	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return sock_give_up(fd);
	return fd;
}
#endif

int
sock_open(int family)
{
#ifdef HAVE_ACCEPT4
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
#else
	return with_flags(socket(family, SOCK_STREAM, 0));
#endif
}

void
sock_adopt(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	sock_set_nodelay(fd);
}

int
sock_accept(int fd, struct sockaddr *sa, socklen_t *len)
{
#ifdef HAVE_ACCEPT4
	return accept4(fd, sa, len, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
	int client = with_flags(accept(fd, sa, len));

	/* Where the listener's options are not inherited. */
	if (client >= 0)
		sock_set_nodelay(client);
	return client;
#endif
}

void
sock_set_nodelay(int fd)
{
	int on = 1;

	/* Fails on a unix socket, which has no delay to turn off. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void
sock_set_unsent_limit(int fd, int n)
{
#ifdef TCP_NOTSENT_LOWAT
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &n, sizeof(n));
#else
	(void)fd;
	(void)n;
#endif
}

int
sock_queued(int fd)
{
	int n = -1;

#ifdef QUEUED
	if (ioctl(fd, QUEUED, &n) < 0)
		return -1;
#else
	(void)fd;
#endif
	return n;
}

void
sock_set_reset(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

bool
sock_is_connected(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	return getpeername(fd, (struct sockaddr *)&ss, &len) == 0;
}

int
sock_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return errno;
	return error;
}

void
sock_local(int fd, struct addr *a)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(ss);

	(void)getsockname(fd, (struct sockaddr *)&ss, &len);
	addr_of_sockaddr(a, (struct sockaddr *)&ss);
}

void
sock_learn_ports(void)
{
	FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	unsigned first, last;

	if (!f)
		return;
	if (fscanf(f, "%u %u", &first, &last) == 2) {
		own_ports.first = first;
		own_ports.last = last;
	}
	fclose(f);
}

bool
sock_is_to_itself(int fd, const struct addr *to)
{
	struct addr own;

	if (to->port < own_ports.first || to->port > own_ports.last)
		return false;
	sock_local(fd, &own);
	return own.family != 0 && own.port == to->port &&
	       addr_same_host(&own, to);
}
