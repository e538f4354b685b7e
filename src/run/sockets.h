/* SPDX-License-Identifier: ISC */
/*
 * sockets.h: the sockets that a configuration's listeners ask for.
 */
#ifndef RUN_SOCKETS_H
#define RUN_SOCKETS_H

#include <stddef.h>
#include <sys/types.h>

#include "conf/conf.h"

/* One address, or one path. */
struct place {
	struct addr addr;
	char *path;      /* of a unix socket */
	dev_t device;    /* which file of ours it is, to be removed */
	ino_t inode;
	bool passed;     /* the service manager's, which goes on without us */
	bool only_6;     /* on [::], and not on IPv4 */
	bool named;      /* a listener of the configuration has its address */
	bool proxied;    /* connections begin with a PROXY header */
	int *fds;        /* one for each worker, or one that all share */
	unsigned nfds;
};

struct sockets {
	struct place *places;
	size_t n;
	bool configured; /* the configuration's listeners are among them */
};

/*
 * Opens them all: for each address one socket a worker, or one that all share
 * where the kernel does not spread the load over several.  Sockets that were
 * passed to us stand in for listeners with the same address, and for all if
 * the configuration says nothing of listeners.  False, with a line in the log
 * that names a remedy, if one could not be had.
 */
bool sockets_open(struct sockets *s, const struct conf *conf,
		  unsigned nworkers) WUNRES;
void sockets_close(struct sockets *s);

/* A worker's descriptor of the i-th place. */
static inline int
sockets_fd(const struct sockets *s, size_t i, unsigned worker)
{
	const struct place *p = &s->places[i];

	return p->fds[worker % p->nfds];
}

#endif
