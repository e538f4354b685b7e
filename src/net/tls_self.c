/* SPDX-License-Identifier: ISC */
/*
 * tls_self.c: a certificate of our own making, for development.
 */
#include "net/tls_self.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stddef.h>

#define YEAR (365L * 86400)

static bool
add_extension(X509 *cert, int id, const char *value)
{
	X509V3_CTX about;
	X509_EXTENSION *e;
	bool added;

	X509V3_set_ctx(&about, cert, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &about, id, value);
	added = e && X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
	return added;
}

/* Clients tell certificates of one name apart by their numbers. */
static bool
set_serial(X509 *cert)
{
	uint64_t number;

	return RAND_bytes((unsigned char *)&number, sizeof(number)) == 1 &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert),
				       number >> 1 | 1);
}

static bool
set_name(X509 *cert)
{
	X509_NAME *name = X509_get_subject_name(cert);

	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					  (const unsigned char *)"localhost",
					  -1, -1, 0) &&
	       X509_set_issuer_name(cert, name);
}

static bool
fill_in(X509 *cert, EVP_PKEY *key)
{
	return X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
	       X509_gmtime_adj(X509_getm_notBefore(cert), -86400) &&
	       X509_gmtime_adj(X509_getm_notAfter(cert), YEAR) &&
	       set_name(cert) && X509_set_pubkey(cert, key) &&
	       add_extension(cert, NID_subject_alt_name,
			     "DNS:localhost,IP:127.0.0.1,IP:::1") &&
	       add_extension(cert, NID_basic_constraints, "CA:FALSE") &&
	       add_extension(cert, NID_ext_key_usage, "serverAuth") &&
	       X509_sign(cert, key, EVP_sha256()) > 0;
}

bool
tls_self_make(EVP_PKEY **key, X509 **cert)
{
	*key = EVP_EC_gen("P-256");
	*cert = X509_new();
	if (*key && *cert && fill_in(*cert, *key))
		return true;
	ERR_clear_error();
	EVP_PKEY_free(*key);
	X509_free(*cert);
	*key = NULL;
	*cert = NULL;
	return false;
}
