/* SPDX-License-Identifier: ISC */
/*
 * pipes.h: bytes from one socket to another without a copy (splice(2)).
 *
 * A pipe belongs to a worker.  It is taken for one turn, filled from a socket
 * and drained into another; only if that one does not take it all does the
 * pipe stay with it (net/owed.h) until it is empty.  How many there are at the
 * same time is bounded, and so is what lies in each; whoever gets none copies.
 */
#ifndef NET_PIPES_H
#define NET_PIPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attrib.h"
#include "base/list.h"

/* A worker's pipes. */
struct pipes {
	struct list idle; /* empty ones, for the next turn */
	unsigned nidle;
	unsigned nopen;   /* idle or not */
	int null;         /* swallows what is of no use; -1: no pipe was made yet */
};

struct pipe {
	struct list link; /* in home->idle, while it is */
	struct pipes *home;
	size_t len;       /* bytes in it */
	size_t surplus;   /* bytes behind them, of no use */
	size_t room;      /* at most so many are put into it */
	int in, out;
};

void pipes_init(struct pipes *all);
/* Closes the idle ones; the others have been put back before. */
void pipes_fini(struct pipes *all);

/* An empty pipe; NULL where there is none to be had, or no splice(2). */
struct pipe *pipe_take(struct pipes *all) WUNRES;
/* Gives it back; what is still in it is lost. */
void pipe_put(struct pipe *p);

/*
 * Moves at most n bytes of a socket into the empty pipe: how many; 0 at the
 * peer's FIN; -1 with errno.
 */
ssize_t pipe_fill(struct pipe *p, int fd, size_t n) WUNRES;
/* Moves what is in it to a socket: how many bytes; -1 with errno. */
ssize_t pipe_drain(struct pipe *p, int fd) WUNRES;

/* To look at what is in a pipe: the same bytes in another, which is empty. */
bool pipe_double(struct pipe *p, struct pipe *copy) WUNRES;
/* Takes n bytes, at most len, off its front, unseen or to `to`. */
bool pipe_drop(struct pipe *p, size_t n) WUNRES;
bool pipe_read(struct pipe *p, void *to, size_t n) WUNRES;
/* Only the first n bytes of it are of use. */
void pipe_cut(struct pipe *p, size_t n);

#endif
