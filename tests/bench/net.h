/* SPDX-License-Identifier: ISC */
/*
 * net.h: sockets and epoll as the bench's programs use them.  Whatever goes
 * wrong while they set up ends the program with a sentence.
 */
#ifndef BENCH_NET_H
#define BENCH_NET_H

#include <netinet/in.h>
#include <stdint.h>

/* "127.0.0.1:8080"; ends the program if it is none. */
struct sockaddr_in net_address(const char *text);

/* A listening socket on 127.0.0.1; port 0 is any.  Prints "listening PORT". */
int net_listen(const char *port);

/* The next connection, or -1 if there is none at present. */
int net_accept(int listener);

/* A connection that begins; epoll tells when it can be written to. */
int net_connect(const struct sockaddr_in *to);

int net_epoll(void);

/* Calls epoll_ctl(op) for `events`, with `data` to come back. */
void net_watch(int epoll, int op, int fd, uint32_t events, void *data);

/* Seconds of the monotonic clock. */
double net_now(void);

/* As many descriptors as this process may have. */
void net_raise_nofile(void);

/* Prints "failed: SENTENCE" and ends the program. */
void net_fail(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

#endif
