/* SPDX-License-Identifier: ISC */
/*
 * secure.h: the TLS handshake with a server.
 */
#ifndef PROXY_SECURE_H
#define PROXY_SECURE_H

#include "proxy/conn.h"

/*
 * CS_CONNECT: begins it on a new connection; ends in server_opened, or in a
 * refusal that says what is wrong.  The deadline that is set holds for it, too.
 */
void secure_begin(struct conn *c);
/* What the server says of it, and time. */
void secure_on_event(struct conn *c, unsigned news);
void secure_on_deadline(struct conn *c);

#endif
