/* SPDX-License-Identifier: ISC */
/*
 * field.c: the names of the fields that somebody in bowsprit asks for.
 */
#include "proto/field.h"

#include <ctype.h>

#define MOST 4 /* of the same length */

/* By their length, which tells nearly all of them apart. */
static const struct known {
	enum field_id id; /* F_OTHER: no more of that length */
	const char *name;
} names[][MOST] = {
	[2] = { { F_TE, "te" } },
	[4] = { { F_HOST, "host" } },
	[6] = { { F_ACCEPT, "accept" }, { F_COOKIE, "cookie" },
		{ F_EXPECT, "expect" }, { F_ORIGIN, "origin" } },
	[7] = { { F_TRAILER, "trailer" }, { F_UPGRADE, "upgrade" } },
	[8] = { { F_LOCATION, "location" } },
	[9] = { { F_FORWARDED, "forwarded" }, { F_X_REAL_IP, "x-real-ip" } },
	[10] = { { F_CONNECTION, "connection" }, { F_KEEP_ALIVE, "keep-alive" },
		 { F_SET_COOKIE, "set-cookie" },
		 { F_USER_AGENT, "user-agent" } },
	[12] = { { F_CONTENT_TYPE, "content-type" },
		 { F_X_REQUEST_ID, "x-request-id" } },
	[13] = { { F_AUTHORIZATION, "authorization" } },
	[14] = { { F_CONTENT_LENGTH, "content-length" },
		 { F_HTTP2_SETTINGS, "http2-settings" } },
	[15] = { { F_X_FORWARDED_FOR, "x-forwarded-for" } },
	[16] = { { F_PROXY_CONNECTION, "proxy-connection" },
		 { F_X_FORWARDED_HOST, "x-forwarded-host" },
		 { F_X_FORWARDED_PORT, "x-forwarded-port" } },
	[17] = { { F_SEC_WEBSOCKET_KEY, "sec-websocket-key" },
		 { F_TRANSFER_ENCODING, "transfer-encoding" },
		 { F_X_FORWARDED_PROTO, "x-forwarded-proto" } },
	[19] = { { F_PROXY_AUTHORIZATION, "proxy-authorization" } },
	[20] = { { F_SEC_WEBSOCKET_ACCEPT, "sec-websocket-accept" } },
	[21] = { { F_SEC_WEBSOCKET_VERSION, "sec-websocket-version" } },
	[22] = { { F_SEC_WEBSOCKET_PROTOCOL, "sec-websocket-protocol" } },
	[24] = { { F_SEC_WEBSOCKET_EXTENSIONS, "sec-websocket-extensions" } },
};

enum field_id
field_id_of(struct slice name)
{
	if (name.n >= ARRAY_LEN(names))
		return F_OTHER;
	for (size_t i = 0; i < MOST; i++) {
		const struct known *k = &names[name.n][i];

		if (k->id == F_OTHER)
			break;
		if (k->name[0] == (name.p[0] | 0x20) &&
		    strncasecmp(k->name, name.p, name.n) == 0)
			return k->id;
	}
	return F_OTHER;
}

bool
field_same_name(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		char x = a.p[i] == '_' ? '-' : a.p[i];
		char y = b.p[i] == '_' ? '-' : b.p[i];

		if (tolower((unsigned char)x) != tolower((unsigned char)y))
			return false;
	}
	return true;
}
