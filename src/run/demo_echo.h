/* SPDX-License-Identifier: ISC */
/*
 * demo_echo.h: a WebSocket server that sends every message back.
 */
#ifndef RUN_DEMO_ECHO_H
#define RUN_DEMO_ECHO_H

#include <stddef.h>

#define DEMO_ECHO_MAX 65536 /* bytes of a message; more is a Close 1009 */

/*
 * Serves an upgraded, blocking socket until it is closed by either side;
 * `early` are the first bytes, read already.  Closes nothing.
 */
void demo_echo(int fd, const void *early, size_t n);

#endif
