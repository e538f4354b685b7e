/* SPDX-License-Identifier: ISC */
/*
 * tls_pem.c: certificates and keys out of files, and what is wrong with them.
 */
#include "net/tls_pem.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>
#include <unistd.h>

/* OpenSSL's own words for what it did not like. */
static const char *
openssl_text(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	return text ? text : "out of memory";
}

bool
tls_pem_can_read(const char *what, const char *file,
		 struct conf_where where, struct mistakes *m)
{
	if (access(file, R_OK) == 0)
		return true;
	mistake(m, where, "%s \"%s\" cannot be read: %s", what, file,
		strerror(errno));
	return false;
}

static int
no_passphrase(UNUSED char *buf, UNUSED int size, UNUSED int rwflag,
	      void *asked)
{
	*(bool *)asked = true;
	return -1;
}

bool
tls_pem_key(SSL_CTX *ctx, const char *file, const char *chain,
	    struct conf_where where, struct mistakes *m)
{
	bool asked = false, used;

	if (!tls_pem_can_read("key", file, where, m))
		return false;
	ERR_clear_error();
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, &asked);
	used = SSL_CTX_use_PrivateKey_file(ctx, file, SSL_FILETYPE_PEM) == 1;
	SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
	SSL_CTX_set_default_passwd_cb(ctx, NULL);
	if (used)
		return true;
	if (asked)
		mistake(m, where, "key \"%s\" has a passphrase, for which "
			"nobody can be asked; take it out: openssl pkey -in %s "
			"-out another.pem", file, file);
	else if (ERR_GET_REASON(ERR_peek_last_error()) ==
		 X509_R_KEY_VALUES_MISMATCH)
		mistake(m, where, "key \"%s\" is not that of certificate "
			"\"%s\"; name the two that belong together", file,
			chain);
	else if (ERR_GET_REASON(ERR_peek_error()) == PEM_R_NO_START_LINE ||
		 ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_OSSL_DECODER)
		mistake(m, where, "\"%s\" has no private key in it "
			"(-----BEGIN PRIVATE KEY-----); write key = its file",
			file);
	else
		mistake(m, where, "key \"%s\" is not taken: %s", file,
			openssl_text());
	ERR_clear_error();
	return false;
}

/* The first error is the cause, but for a store, which hides it. */
static bool
is_without_certificate(void)
{
	return ERR_GET_REASON(ERR_peek_error()) == PEM_R_NO_START_LINE ||
	       ERR_GET_REASON(ERR_peek_last_error()) ==
		       X509_R_NO_CERTIFICATE_OR_CRL_FOUND;
}

static void
tell_no_certificate(const char *what, const char *file,
		    struct conf_where where, struct mistakes *m)
{
	if (is_without_certificate())
		mistake(m, where, "\"%s\" has no certificate in it "
			"(-----BEGIN CERTIFICATE-----)", file);
	else
		mistake(m, where, "%s \"%s\" is not taken: %s", what, file,
			openssl_text());
	ERR_clear_error();
}

bool
tls_pem_chain(SSL_CTX *ctx, const char *file, struct conf_where where,
	      struct mistakes *m)
{
	if (!tls_pem_can_read("certificate", file, where, m))
		return false;
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, file) == 1)
		return true;
	tell_no_certificate("certificate", file, where, m);
	return false;
}

bool
tls_pem_trust(SSL_CTX *ctx, const char *file, struct conf_where where,
	      struct mistakes *m)
{
	X509_STORE *only;

	if (!tls_pem_can_read("ca", file, where, m))
		return false;
	ERR_clear_error();
	only = X509_STORE_new();
	if (only && X509_STORE_load_file(only, file)) {
		/* Also an intermediate, or a server's own, is one's word. */
		X509_STORE_set_flags(only, X509_V_FLAG_PARTIAL_CHAIN);
		SSL_CTX_set_cert_store(ctx, only);
		return true;
	}
	X509_STORE_free(only);
	tell_no_certificate("ca", file, where, m);
	return false;
}
