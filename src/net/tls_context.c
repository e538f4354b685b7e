/* SPDX-License-Identifier: ISC */
/*
 * tls_context.c: what all our TLS connections have in common.
 */
#include "net/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

/*
 * https://wiki.mozilla.org/Security/Server_Side_TLS, "intermediate", but for
 * its DHE suites: they are for clients that have been gone for years, and each
 * of their handshakes costs a server ten times as much.
 */
static const char ciphers[] =
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

static const unsigned char http11[] = "\x08http/1.1";
#define HTTP11_LEN (sizeof(http11) - 1)

/* Whoever speaks of protocols, but not of ours, would not understand us. */
static int
on_alpn(UNUSED SSL *ssl, const unsigned char **out, unsigned char *outlen,
	const unsigned char *in, unsigned inlen, UNUSED void *arg)
{
	unsigned char *chosen;

	if (SSL_select_next_proto(&chosen, outlen, http11, HTTP11_LEN, in,
				  inlen) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/*
 * Mozilla's curves; the first of them where OpenSSL has it (3.5).  OpenSSL's own
 * list has finite fields of 8192 bits, with which a client makes us work for 8
 * ms.  (Its macro takes const away, which clang warns of.)
 */
static bool
set_groups(SSL_CTX *ctx)
{
	char hybrid[] = "X25519MLKEM768:X25519:P-256:P-384";
	char plain[] = "X25519:P-256:P-384";

	return SSL_CTX_set1_groups_list(ctx, hybrid) ||
	       SSL_CTX_set1_groups_list(ctx, plain);
}

static bool
set_up(SSL_CTX *ctx, enum tls_role role)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS |
				      SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (!SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) ||
	    !SSL_CTX_set_cipher_list(ctx, ciphers))
		return false;
	if (role == TLS_CLIENT)
		return SSL_CTX_set_alpn_protos(ctx, http11, HTTP11_LEN) == 0 &&
		       SSL_CTX_set_default_verify_paths(ctx);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	return set_groups(ctx) && SSL_CTX_set_num_tickets(ctx, 1);
}

SSL_CTX *
tls_context_new(enum tls_role role)
{
	SSL_CTX *ctx = SSL_CTX_new(role == TLS_SERVER ? TLS_server_method()
						      : TLS_client_method());

	if (ctx && !set_up(ctx, role)) {
		SSL_CTX_free(ctx);
		ctx = NULL;
	}
	ERR_clear_error();
	return ctx;
}
