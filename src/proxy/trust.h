/* SPDX-License-Identifier: ISC */
/*
 * trust.h: on whose behalf a request comes, and who may say so.
 */
#ifndef PROXY_TRUST_H
#define PROXY_TRUST_H

#include "proxy/conn.h"

/* Is what that peer says of its clients believed? */
bool trust_has(const struct conf *conf, const struct addr *a);

/*
 * The address on whose behalf the request comes: the peer's, or behind trusted
 * proxies the rightmost one of X-Forwarded-For that is not trusted.
 */
struct addr trust_client(const struct conn *c);

#endif
