/* SPDX-License-Identifier: ISC */
/*
 * sockets.h: the sockets that a configuration's listeners ask for.
 */
#ifndef RUN_SOCKETS_H
#define RUN_SOCKETS_H

#include <stddef.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "run/activation.h"

/* One address, or one path. */
struct place {
	struct addr addr;
	char *path;      /* of a unix socket */
	dev_t device;    /* which file of ours it is, to be removed */
	ino_t inode;
	const struct conf_listener *wanted; /* of what was adopted, during the
					     * start */
	bool passed;     /* goes on without us: the service manager's, or our
			  * successor's */
	bool left;       /* by our predecessor, see takeover.h */
	bool lost;       /* the same, and nobody can reach it: its file is gone,
			  * or another's */
	bool only_6;     /* on [::], and not on IPv4 */
	unsigned gate;   /* number of the listener that it is, or 0 */
	bool named;      /* a listener of the configuration has its address */
	bool proxied;    /* connections begin with a PROXY header */
	int *fds;        /* one for each worker, or one that all share; of a
			  * predecessor's as many as its workers had */
	unsigned nfds;
};

struct sockets {
	struct place *places;
	size_t n;
	bool configured; /* the configuration's listeners are among them */
	struct activation from;
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
/* A line in the log for each whose file is gone, or another's. */
void sockets_check(const struct sockets *s);

/*
 * Sockets that workers have beyond what a predecessor left begin to listen.
 * They do not before: if the start failed, they would take along whoever waits
 * in them.  False with a line in the log.
 */
bool sockets_begin(struct sockets *s) WUNRES;
/* The process whose place we take; 0: nobody's.  Until we have said that we
 * accept. */
pid_t sockets_predecessor(const struct sockets *s);
/* We accept: says so to the predecessor whose sockets we have; false: none. */
bool sockets_answer(struct sockets *s);

/*
 * For a successor: all descriptors, which stay ours, and for each the letter
 * of activation.h, as a string.  Returns how many; the arrays are the caller's.
 */
size_t sockets_list(const struct sockets *s, int **fds,
		    char **kinds) WUNRES;
/*
 * The successor accepts: what it has taken, by the letters of its answer, goes
 * on without us.
 */
void sockets_leave(struct sockets *s, const char *answer);

#endif
