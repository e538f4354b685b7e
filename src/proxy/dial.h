/* SPDX-License-Identifier: ISC */
/*
 * dial.h: a new connection to a server that may have several addresses.
 *
 * As RFC 8305 has it: the next address is tried when the one before has failed
 * or has not answered for a quarter of a second, and whichever connects first
 * is taken.  If it is lost before it has the request, in its TLS handshake for
 * one, the addresses behind it have their turn.  What is needed for all that
 * lives only as long as it lasts.
 */
#ifndef PROXY_DIAL_H
#define PROXY_DIAL_H

#include "proxy/conn.h"
#include "proxy/finish.h"

/*
 * CS_CONNECT: finds the addresses, once the name is known, and tries them;
 * ends in server_connected or in a refusal.  It all takes at most `limit` ms (0:
 * no limit), which running out means `due`.
 */
void dial_start(struct conn *c, uint64_t limit, const struct reason *due);
/* An event of a connection that is being made. */
void dial_on_event(struct server *s);
/* It is time for the next address, or up for all of them. */
void dial_on_deadline(struct conn *c);
/*
 * The server that was connected to is lost, and the refusal, whose text is
 * static, would say why: goes on as if it had not connected.  It has no whole
 * request yet.  False if the server has one address only.
 */
bool dial_past(struct conn *c, const struct refusal *r) WUNRES;
/* Its TLS handshake was not whole in time: it is tried last for a while. */
void dial_blame(struct conn *c);
/* It has the request's head: its address is no worse than others. */
void dial_done(struct conn *c);
/* Closes what is on its way. */
void dial_stop(struct conn *c);

#endif
