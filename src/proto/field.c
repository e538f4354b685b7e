/* SPDX-License-Identifier: ISC */
/*
 * field.c: the names of the fields that somebody in bowsprit asks for.
 */
#include "proto/field.h"

#include <ctype.h>

static const struct slice names[F_COUNT] = {
	[F_ACCEPT] = SLICE("accept"),
	[F_AUTHORIZATION] = SLICE("authorization"),
	[F_CONNECTION] = SLICE("connection"),
	[F_CONTENT_LENGTH] = SLICE("content-length"),
	[F_CONTENT_TYPE] = SLICE("content-type"),
	[F_COOKIE] = SLICE("cookie"),
	[F_EXPECT] = SLICE("expect"),
	[F_FORWARDED] = SLICE("forwarded"),
	[F_HOST] = SLICE("host"),
	[F_HTTP2_SETTINGS] = SLICE("http2-settings"),
	[F_KEEP_ALIVE] = SLICE("keep-alive"),
	[F_LOCATION] = SLICE("location"),
	[F_ORIGIN] = SLICE("origin"),
	[F_PROXY_AUTHORIZATION] = SLICE("proxy-authorization"),
	[F_PROXY_CONNECTION] = SLICE("proxy-connection"),
	[F_SEC_WEBSOCKET_ACCEPT] = SLICE("sec-websocket-accept"),
	[F_SEC_WEBSOCKET_EXTENSIONS] = SLICE("sec-websocket-extensions"),
	[F_SEC_WEBSOCKET_KEY] = SLICE("sec-websocket-key"),
	[F_SEC_WEBSOCKET_PROTOCOL] = SLICE("sec-websocket-protocol"),
	[F_SEC_WEBSOCKET_VERSION] = SLICE("sec-websocket-version"),
	[F_SET_COOKIE] = SLICE("set-cookie"),
	[F_TE] = SLICE("te"),
	[F_TRAILER] = SLICE("trailer"),
	[F_TRANSFER_ENCODING] = SLICE("transfer-encoding"),
	[F_UPGRADE] = SLICE("upgrade"),
	[F_USER_AGENT] = SLICE("user-agent"),
	[F_X_FORWARDED_FOR] = SLICE("x-forwarded-for"),
	[F_X_FORWARDED_HOST] = SLICE("x-forwarded-host"),
	[F_X_FORWARDED_PORT] = SLICE("x-forwarded-port"),
	[F_X_FORWARDED_PROTO] = SLICE("x-forwarded-proto"),
	[F_X_REAL_IP] = SLICE("x-real-ip"),
	[F_X_REQUEST_ID] = SLICE("x-request-id"),
};

/* The length tells nearly all of them apart, so few are compared. */
enum field_id
field_id_of(struct slice name)
{
	for (enum field_id id = F_OTHER + 1; id < F_COUNT; id++)
		if (names[id].n == name.n &&
		    names[id].p[0] == (name.p[0] | 0x20) &&
		    slice_ieq(names[id], name))
			return id;
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
