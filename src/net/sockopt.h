/* SPDX-License-Identifier: ISC */
/*
 * sockopt.h: sockets as bowsprit wants them: non-blocking, not inherited by a
 * child, without Nagle's delay.
 */
#ifndef NET_SOCKOPT_H
#define NET_SOCKOPT_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "base/attrib.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* SIGPIPE is ignored as well */
#endif

/* A new stream socket; -1 and errno. */
int sock_open(int family) WUNRES;
/* Closes one with which something failed: -1, and errno as that left it. */
int sock_give_up(int fd);
/* Makes one that somebody else opened and listens on as ours are. */
void sock_adopt(int fd);
/*
 * Accepts from fd.  TCP_NODELAY is inherited from the listener.  -1 and errno;
 * EAGAIN when nobody waits.
 */
int sock_accept(int fd, struct sockaddr *sa, socklen_t *len) WUNRES;
void sock_set_nodelay(int fd);
/*
 * Lets the kernel take about n unsent bytes and no more, rather than megabytes:
 * what is said later is not kept waiting behind them.
 */
void sock_set_unsent_limit(int fd, int n);
/*
 * More than a pipe of ours takes (net/pipes.c); but where the kernel stops in
 * the midst of one, a stream costs a third more.
 */
#define SOCK_UNSENT_LIMIT (288 * 1024)
/*
 * Bytes that the kernel took and whose arrival the peer has not acknowledged;
 * -1 where it does not tell.
 */
int sock_queued(int fd);
/* Closing it will reset the connection, rather than end it with a FIN. */
void sock_set_reset(int fd);
/* Is its connection there, or still on its way? */
bool sock_is_connected(int fd);
/* The error that a connect or a reset left, as an errno; 0 if none. */
int sock_error(int fd);
/* Where our end of it is; family 0 if that is no IP address. */
void sock_local(int fd, struct addr *a);
/*
 * Asks the kernel which ports it gives to who connects (Linux), once and
 * before there are threads.
 */
void sock_learn_ports(void);
/*
 * Is the connection to `to` one to itself?  Where nobody listens the kernel may
 * have picked that very port for our end of it.
 */
bool sock_is_to_itself(int fd, const struct addr *to);

#endif
