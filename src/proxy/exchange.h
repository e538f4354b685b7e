/* SPDX-License-Identifier: ISC */
/*
 * exchange.h: one ordinary request and its response, bodies streamed both ways.
 *
 * An upgrade that the server answers with anything but 101 is one, too.
 */
#ifndef PROXY_EXCHANGE_H
#define PROXY_EXCHANGE_H

#include "proxy/conn.h"

/* The request head was sent: its body follows. */
void exchange_begin(struct conn *c);
/*
 * Before a retry: puts back what was sent of the request's body.  False when
 * memory is out.
 */
bool exchange_rewind(struct conn *c) WUNRES;
/* CS_ANSWER: the server takes bytes again.  False when that was the end. */
bool exchange_flush_request(struct conn *c);
/* The final head, the first bytes of server.in: passes it on. */
void exchange_answer(struct conn *c, const struct head *res);

/*
 * Would closing now make a part of the answer look like all of it?  So it is
 * where only the end of the connection ends the body.
 */
bool exchange_is_cut(const struct conn *c);

/* CS_ANSWER (the client's side) and CS_BODY. */
void exchange_on_client(struct conn *c, unsigned news);
void exchange_on_server(struct conn *c, unsigned news);
void exchange_on_deadline(struct conn *c);

#endif
