/* SPDX-License-Identifier: ISC */
/*
 * shake.h: a client's TLS handshake.
 */
#ifndef PROXY_SHAKE_H
#define PROXY_SHAKE_H

#include "proxy/conn.h"

/*
 * Waits for its first byte, and if that is of TLS for a whole handshake, at
 * most timeouts.header in all; then goes on with client_begin_http.
 */
void shake_begin(struct conn *c);
/* CS_TLS: input, and time. */
void shake_on_event(struct conn *c, unsigned news);
void shake_on_deadline(struct conn *c);
/* We are going down: closes it, unless a request is there already. */
void shake_drain(struct conn *c);

#endif
