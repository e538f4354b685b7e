/* SPDX-License-Identifier: ISC */
/*
 * sockets.h: the sockets that a configuration's listeners ask for.
 */
#ifndef RUN_SOCKETS_H
#define RUN_SOCKETS_H

#include <stddef.h>

#include "conf/conf.h"

struct sockets {
	int *fds;        /* nworkers rows of naddrs */
	struct addr *addrs;
	size_t naddrs;
	unsigned rows;   /* 1 where workers share one socket */
};

/*
 * Opens them all: for each address one socket a worker, or one that all share
 * where the kernel does not spread a port's load.  False, with a line in the
 * log that names a remedy, if one could not be had.
 */
bool sockets_open(struct sockets *s, const struct conf *conf,
		  unsigned nworkers) WUNRES;
void sockets_close(struct sockets *s);
/* The naddrs sockets of one worker. */
const int *sockets_of(const struct sockets *s, unsigned worker);

#endif
