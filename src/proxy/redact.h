/* SPDX-License-Identifier: ISC */
/*
 * redact.h: what of a request may be written into a log.
 */
#ifndef PROXY_REDACT_H
#define PROXY_REDACT_H

#include "base/attrib.h"
#include "base/slice.h"
#include "proto/head.h"

/* Room for a target as it is shown, and what takes a secret's place. */
#define REDACT_MAX 1280
#define REDACTED "[redacted]"

/*
 * A request target with the values of token-like query parameters (token,
 * access_token, sid, password, …) taken out, cut at the room there is.
 */
struct slice redact_target(struct slice target, char out[REDACT_MAX]);

/*
 * A header's value: cookies, credentials, and subprotocols that carry a bearer
 * token are taken out, and of a URL (Referer, X-Original-URL) what
 * redact_target takes out.
 */
struct slice redact_header(enum field_id id, struct slice name,
			   struct slice value, char out[REDACT_MAX]);

#endif
