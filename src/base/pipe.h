/* SPDX-License-Identifier: ISC */
/*
 * pipe.h: pipes, and pairs of sockets, that no program we start inherits.
 */
#ifndef BASE_PIPE_H
#define BASE_PIPE_H

#include <stdbool.h>

#include "base/attrib.h"

/*
 * fds[0] is read, fds[1] written; both block.  To be called by the thread that
 * starts programs, or before there is one.  False with errno.
 */
bool pipe_open(int fds[2]) WUNRES;
/* The same, but both are read and written: what one says the other hears. */
bool pipe_open_both_ways(int fds[2]) WUNRES;

#endif
