/* SPDX-License-Identifier: ISC */
/*
 * wake.h: what one thread writes to so that another wakes up.
 */
#ifndef BASE_WAKE_H
#define BASE_WAKE_H

#include <stdbool.h>

#include "base/attrib.h"

/*
 * An eventfd twice, or a pipe: wake[0] is polled and read, wake[1] written
 * (eight bytes, the number 1), neither of them ever blocks.  False with errno.
 */
bool wake_open(int wake[2]) WUNRES;

#endif
