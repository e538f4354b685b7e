/* SPDX-License-Identifier: ISC */
/*
 * tunnel.h: an open WebSocket: policy on two relays.
 */
#ifndef PROXY_TUNNEL_H
#define PROXY_TUNNEL_H

#include "proxy/conn.h"

/*
 * The checked 101, the first bytes of server.in, goes to the client, then all
 * that came early on either side.  The handshake is freed.
 */
void tunnel_start(struct conn *c, const struct head *res);

/* CS_TUNNEL, CS_HALF, CS_CLOSING */
void tunnel_on_client(struct conn *c, unsigned news);
void tunnel_on_server(struct conn *c, unsigned news);
void tunnel_on_deadline(struct conn *c);

/*
 * Close to the client, at a message boundary, or in a hurried worker between
 * any two frames.
 */
void tunnel_goodbye(struct conn *c);
/* Its code (RFC 6455 7.4.1): a drain's is the worker's. */
unsigned tunnel_goodbye_code(const struct conn *c);
/* The same for an operator, and after 5 s at most it is closed. */
void tunnel_kill(struct conn *c);
/* The time is over: closes it now.  False if it had its end already. */
bool tunnel_cut(struct conn *c);
/* In CS_TUNNEL: has it yet to be told, and is its server still talking? */
bool tunnel_expects_goodbye(const struct conn *c);

#endif
