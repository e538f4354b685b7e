/* SPDX-License-Identifier: ISC */
/*
 * upgrade.c: is this a WebSocket upgrade, and is that the 101 to it?
 *
 * The only file of this layer that uses OpenSSL, and of it only SHA-1.
 */
/*
 * SHA-1 by its old functions: through EVP the first digest has OpenSSL load
 * all of its algorithms, of which a proxy without TLS would touch 1.5 MB for
 * nothing else, and each one looks for its own anew.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "proto/upgrade.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "proto/body.h"

static const struct slice guid = SLICE("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");

static bool
has_body(const struct head *req)
{
	return req->framing != BODY_NONE &&
	       !(req->framing == BODY_LENGTH && req->content_length == 0);
}

enum upgrade
upgrade_of_request(const struct head *req)
{
	if (!head_first(req, F_UPGRADE))
		return UPGRADE_NONE;
	if (slice_eq(req->method, SLICE("GET")) && req->minor > 0 &&
	    head_lists(req, F_UPGRADE, SLICE("websocket")) &&
	    head_lists(req, F_CONNECTION, SLICE("upgrade")) && !has_body(req))
		return UPGRADE_WEBSOCKET;
	return UPGRADE_IGNORED;
}

void
upgrade_accept(struct slice key, char accept[UPGRADE_ACCEPT_LEN])
{
	unsigned char digest[SHA_DIGEST_LENGTH], text[UPGRADE_ACCEPT_LEN + 1];
	SHA_CTX ctx;

	/* They cannot fail, and return 1. */
	SHA1_Init(&ctx);
	SHA1_Update(&ctx, key.p, key.n);
	SHA1_Update(&ctx, guid.p, guid.n);
	SHA1_Final(digest, &ctx);
	EVP_EncodeBlock(text, digest, sizeof(digest));
	memcpy(accept, text, UPGRADE_ACCEPT_LEN);
}

/* Is there one field of that id, and no second one? */
static bool
has_one(const struct head *h, enum field_id id)
{
	const struct head_field *f = head_first(h, id);

	return f && !head_next(h, f);
}

static const char *
refute_accept(const struct head *req, const struct head *res)
{
	struct slice key = head_value(req, F_SEC_WEBSOCKET_KEY);
	char accept[UPGRADE_ACCEPT_LEN];

	if (key.n == 0)
		return "the backend switched protocols although the request "
		       "had no Sec-WebSocket-Key";
	if (!has_one(res, F_SEC_WEBSOCKET_ACCEPT))
		return "the backend's 101 does not have one "
		       "Sec-WebSocket-Accept";
	upgrade_accept(key, accept);
	if (!slice_eq(head_value(res, F_SEC_WEBSOCKET_ACCEPT),
		      slice_of(accept, sizeof(accept))))
		return "the backend's Sec-WebSocket-Accept does not belong to "
		       "the request's Sec-WebSocket-Key";
	return NULL;
}

const char *
upgrade_refute(const struct head *req, const struct head *res,
	       bool verify_accept)
{
	if (res->status != 101)
		return "the backend did not answer 101";
	if (res->minor == 0)
		return "the backend's 101 is in HTTP/1.0, which cannot switch";
	if (!has_one(res, F_UPGRADE) ||
	    !slice_ieq(head_value(res, F_UPGRADE), SLICE("websocket")))
		return "the backend's 101 does not have Upgrade: websocket";
	if (!head_lists(res, F_CONNECTION, SLICE("upgrade")))
		return "the backend's 101 does not have Connection: Upgrade";
	if (body_is_claimed(res))
		return "the backend's 101 claims to have a body";
	return verify_accept ? refute_accept(req, res) : NULL;
}
