/* SPDX-License-Identifier: ISC */
/*
 * tls_self.c: a certificate of our own making, for development.
 */
#include "net/tls_self.h"

#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define YEAR (365L * 86400)
#define MONTH (30L * 86400)

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

/* ---- its file ---- */

char *
tls_self_path(void)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (cache && *cache == '/')
		return xasprintf("%s/bowsprit/localhost.pem", cache);
	if (home && *home == '/')
		return xasprintf("%s/.cache/bowsprit/localhost.pem", home);
	return NULL;
}

/* The folders above it; what cannot be made shows when the file is written. */
static void
make_folders(char *path)
{
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		(void)mkdir(path, 0700);
		*p = '/';
	}
}

/* Nobody else may have written it, or can read its key. */
static bool
is_ours(FILE *f)
{
	struct stat st;

	return fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_uid == geteuid() && (st.st_mode & 077) == 0;
}

static bool
read_file(const char *path, EVP_PKEY **key, X509 **cert)
{
	FILE *f = fopen(path, "re");
	time_t soon = time(NULL) + MONTH;

	*key = NULL;
	*cert = NULL;
	if (!f)
		return false;
	if (is_ours(f)) {
		*key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		*cert = PEM_read_X509(f, NULL, NULL, NULL);
	}
	fclose(f);
	if (*key && *cert && X509_check_private_key(*cert, *key) == 1 &&
	    X509_cmp_time(X509_get0_notAfter(*cert), &soon) > 0)
		return true;
	EVP_PKEY_free(*key);
	X509_free(*cert);
	ERR_clear_error();
	return false;
}

/* Whole or not at all: another bowsprit may start at the same moment. */
static void
write_file(const char *path, EVP_PKEY *key, X509 *cert)
{
	char *part = xasprintf("%s.%d", path, (int)getpid());
	int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	bool good = f && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL,
					      NULL) &&
		    PEM_write_X509(f, cert);

	if (f)
		good = fclose(f) == 0 && good;
	if (fd >= 0 && (!good || rename(part, path) < 0))
		unlink(part);
	free(part);
}

bool
tls_self_get(EVP_PKEY **key, X509 **cert)
{
	char *path = tls_self_path();
	bool good = path && read_file(path, key, cert);

	if (!good && (good = tls_self_make(key, cert)) && path) {
		make_folders(path);
		write_file(path, *key, *cert);
	}
	free(path);
	return good;
}
