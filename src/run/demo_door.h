/* SPDX-License-Identifier: ISC */
/*
 * demo_door.h: accepts for libmicrohttpd, and looks at the bytes of each
 * connection's first head, since libmicrohttpd tells fields only.
 *
 * They are looked at where they lie (MSG_PEEK): whoever has the connection
 * then reads them as if nobody had.
 */
#ifndef RUN_DEMO_DOOR_H
#define RUN_DEMO_DOOR_H

#include <stdint.h>

#include "base/attrib.h"
#include "base/slice.h"

struct poller;
struct door;

/*
 * A connection, which the callback owns from then on, and its first head as it
 * came; that is empty if it is none.
 */
typedef void door_cb(void *arg, int fd, struct slice head);

/*
 * Listens on a free port of 127.0.0.1, which is put in *port, and calls back
 * on that poller's thread.  NULL and errno.
 */
struct door *door_open(struct poller *p, door_cb *cb, void *arg,
		       uint16_t *port) WUNRES;
void door_close(struct door *d);

#endif
