/* SPDX-License-Identifier: ISC */
/*
 * wire.h: bytes to and from a connection, plain or, as a client, in TLS.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WIRE_AGAIN (-2) /* not now: epoll will tell */
#define WIRE_HEAD 8192	/* the longest head, bytes */

struct wire {
	int fd;
	struct ssl_st *tls; /* NULL: plain */
	bool wants_read;    /* TLS cannot send before it has received */
};

/*
 * From now on connections are in TLS 1.3, each with a handshake of its own.
 * One cipher for all proxies, the one that Chromium likes best; whose
 * certificate it is does not matter.
 */
void wire_use_tls(void);

/* A connection on a socket that may still be connecting. */
void wire_open(struct wire *w, int fd);

void wire_close(struct wire *w);

/* Bytes received, 0 at the end, -1, or WIRE_AGAIN. */
ssize_t wire_recv(struct wire *w, void *to, size_t size);

/* Is there more to be received, of which epoll knows nothing? */
bool wire_pending(const struct wire *w);

/* Sends `head` and `body` in one call: bytes sent, -1, or WIRE_AGAIN. */
ssize_t wire_send(struct wire *w, const void *head, size_t nhead,
		  const void *body, size_t nbody);

/* A head of HTTP, which comes in any pieces; n is 0 before its first byte. */
struct wire_head {
	size_t n;
	char text[WIRE_HEAD + 1];
};

/*
 * Takes what is the head's.  True once it is whole, and then a string; false
 * with n at WIRE_HEAD if it is too long, or else when all was taken.
 */
bool wire_take_head(struct wire_head *h, const uint8_t **data, size_t *len);

#endif
