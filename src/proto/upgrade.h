/* SPDX-License-Identifier: ISC */
/*
 * upgrade.h: is this a WebSocket upgrade, and is that the 101 to it?
 */
#ifndef PROTO_UPGRADE_H
#define PROTO_UPGRADE_H

#include "proto/head.h"

enum upgrade {
	UPGRADE_NONE,      /* nothing of the kind is asked for */
	UPGRADE_IGNORED,   /* Upgrade is misused or names something else: its
			    * fields are dropped, the request is ordinary */
	UPGRADE_WEBSOCKET, /* RFC 6455 4.1 */
};

/*
 * A GET in HTTP/1.1 whose Upgrade names websocket, whose Connection lists
 * upgrade, without a body (RFC 6455 4.2.1, RFC 9110 7.8).
 */
enum upgrade upgrade_of_request(const struct head *req);

#define UPGRADE_ACCEPT_LEN 28
/* base64(SHA-1(key + GUID)), without a NUL (RFC 6455 4.2.2 5.4). */
void upgrade_accept(struct slice key, char accept[UPGRADE_ACCEPT_LEN]);

/*
 * NULL if `res` is the 101 that `req` asked for (RFC 6455 4.1): status,
 * version, Upgrade, Connection, no body, and Accept against the request's key;
 * otherwise what is wrong with it, a constant sentence.  verify_accept = false
 * spares the last.
 */
const char *upgrade_refute(const struct head *req, const struct head *res,
			   bool verify_accept);

#endif
