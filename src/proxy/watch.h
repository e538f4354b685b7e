/* SPDX-License-Identifier: ISC */
/*
 * watch.h: what a tunnel's two relays show of the frames that go by.
 *
 * Here is decided what goes on and what does not: nothing behind a Close of
 * ours, nor what a limit or `strict` forbids; a keepalive takes our Pongs out.
 * What follows from that is tunnel_close.c's.
 */
#ifndef PROXY_WATCH_H
#define PROXY_WATCH_H

#include "net/relay.h"
#include "proxy/conn.h"

/* For relay_move, with the conn: of what the client, or the server, sends. */
extern const struct relay_watch watch_client, watch_server;

/* Has that side sent what it may not? */
bool watch_is_at_fault(struct conn *c, enum side by);
/* Has that side had its Close of `cut`? */
bool watch_is_told(const struct conn *c, enum side s);
void watch_set_told(struct conn *c, enum side s);

#endif
