/* SPDX-License-Identifier: ISC */
/*
 * net.c: sockets and epoll, without ceremony.
 */
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

void
net_fail(const char *format, ...)
{
	va_list args;

	fputs("failed: ", stdout);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	exit(1);
}

struct sockaddr_in
net_address(const char *text)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	char host[64];
	unsigned port;

	if (sscanf(text, "%63[^:]:%u", host, &port) != 2 || port > 65535 ||
	    inet_pton(AF_INET, host, &sin.sin_addr) != 1)
		net_fail("\"%s\" is no ADDRESS:PORT of IPv4", text);
	sin.sin_port = htons((uint16_t)port);
	return sin;
}

static void
set_nodelay(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int
net_listen(const char *port)
{
	char text[32];
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(text, sizeof(text), "127.0.0.1:%s", port);
	sin = net_address(text);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
	    listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) < 0)
		net_fail("cannot listen on %s: %s", text, strerror(errno));
	set_nodelay(fd); /* accepted sockets inherit it */
	printf("listening %u\n", ntohs(sin.sin_port));
	fflush(stdout);
	return fd;
}

int
net_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0 && errno != EAGAIN && errno != ECONNABORTED)
		net_fail("accept: %s", strerror(errno));
	return fd;
}

int
net_connect(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		net_fail("socket: %s", strerror(errno));
	set_nodelay(fd);
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0 &&
	    errno != EINPROGRESS)
		net_fail("connect: %s", strerror(errno));
	return fd;
}

int
net_epoll(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		net_fail("epoll_create1: %s", strerror(errno));
	return fd;
}

void
net_watch(int epoll, int op, int fd, uint32_t events, void *data)
{
	struct epoll_event e = {.events = events, .data.ptr = data};

	if (epoll_ctl(epoll, op, fd, &e) < 0)
		net_fail("epoll_ctl: %s", strerror(errno));
}

double
net_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void
net_raise_nofile(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}
