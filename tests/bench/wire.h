/* SPDX-License-Identifier: ISC */
/*
 * wire.h: sockets as the bench's programs use them.  Whatever goes wrong
 * while they set up ends the program with a sentence.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WIRE_AGAIN (-2) /* not now: epoll will tell */

struct wire {
	int fd;
};

/* "127.0.0.1:8080"; ends the program if it is none. */
struct sockaddr_in wire_address(const char *text);

/* A listening socket on 127.0.0.1; port 0 is any.  Prints "listening PORT". */
int wire_listen(const char *port);

/* The next connection, or -1 if there is none at present. */
int wire_accept(int listener);

/* A connection that begins; epoll tells when it can be written to. */
int wire_connect(const struct sockaddr_in *to);

/* Bytes received, 0 at the end, -1 with errno, or WIRE_AGAIN. */
ssize_t wire_recv(struct wire *w, void *to, size_t size);

/* Sends `head` and `body` in one call: bytes sent, -1, or WIRE_AGAIN. */
ssize_t wire_send(struct wire *w, const void *head, size_t nhead,
		  const void *body, size_t nbody);

int wire_epoll(void);

/* Calls epoll_ctl(op) for `events`, with `data` to come back. */
void wire_watch(int epoll, int op, int fd, uint32_t events, void *data);

/* Seconds of the monotonic clock. */
double wire_now(void);

/* As many descriptors as this process may have. */
void wire_raise_nofile(void);

/* Prints "failed: SENTENCE" and ends the program. */
void wire_fail(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

#endif
