/* SPDX-License-Identifier: ISC */
/*
 * proxied.h: a client for whom another proxy speaks, by a PROXY header.
 */
#ifndef PROXY_PROXIED_H
#define PROXY_PROXIED_H

#include "proxy/conn.h"

/* A fresh connection: waits for its PROXY header, and only then begins. */
void proxied_begin(struct conn *c);
/* CS_PROXY: input, and time. */
void proxied_on_event(struct conn *c, unsigned news);
void proxied_on_deadline(struct conn *c);
/* We are going down: closes it, unless a request is there behind its header. */
void proxied_drain(struct conn *c);

#endif
