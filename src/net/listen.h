/* SPDX-License-Identifier: ISC */
/*
 * listen.h: sockets that accept, and what to do when no descriptor is left.
 */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/attrib.h"

struct poller;
struct listener;

#define LISTEN_BACKLOG 4096

/* Is a port's load spread over several sockets by the kernel? */
extern const bool listen_can_share;

/*
 * A socket that listens on a.  With `share` others of ours may listen there
 * too, and connections are spread over all of them; without, it fails with
 * EADDRINUSE if anybody listens there.  -1 and errno.
 */
int listen_open(const struct addr *a, bool share) WUNRES;
/*
 * One more socket on `a`, where fd listens, which was opened with `share` or
 * not.  It gets its part of the connections once it listens: listen_begin(),
 * false with errno.  -1 where that cannot be, and then fd does without.
 */
int listen_join(int fd, const struct addr *a) WUNRES;
bool listen_begin(int fd) WUNRES;

typedef void listener_cb(void *arg, const void *tag, int fd,
			 const struct addr *peer);

/*
 * Accepts from fd on that base and hands each connection to cb, which owns it
 * then; the tag tells which listener it came by.  fd stays its caller's:
 * workers without sockets of their own register the same one.  Where there is
 * no descriptor for a connection it is answered with a 503 in HTTP, or, if
 * `secure`, closed without a word, which would be none of TLS.  NULL when
 * memory is out.
 */
struct listener *listener_new(struct poller *p, int fd, bool secure,
			      listener_cb *cb, void *arg, const void *tag)
	WUNRES;
void listener_free(struct listener *l);
/*
 * Accepts whoever waits already, before its socket is closed: the kernel would
 * reset them.
 */
void listener_empty(struct listener *l);

#endif
