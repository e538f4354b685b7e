/* SPDX-License-Identifier: ISC */
/*
 * tls_certs.c: the certificates of a listener, chosen by the name asked for.
 */
#include "net/tls_certs.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/tls_context.h"
#include "net/tls_files.h"
#include "net/tls_pem.h"
#include "net/tls_self.h"
#include "net/tls_tickets.h"

#define NAME_MAX_LEN 255 /* RFC 1035 2.3.4 */

/* One reading of the files; lives as long as its first context does. */
struct set {
	SSL_CTX **ctx; /* the first one, for all other names, is not counted */
	size_t n;
};

struct tls_certs {
	pthread_mutex_t lock;
	struct set *set; /* behind the lock, but for main */
	struct tls_files files;
};

/* ---- one certificate ---- */

/* OpenSSL's own words for what it did not like. */
static const char *
openssl_text(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_error());

	return text ? text : "out of memory";
}

/* It works for whoever does not look, so that it is no mistake. */
static void
remark_on_time(SSL_CTX *ctx, const char *file)
{
	const X509 *cert = SSL_CTX_get0_certificate(ctx);

	if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
		log_say(LOG_WARN, "certificate %s has expired: clients will "
			"refuse it; get a new one", file);
	else if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
		log_say(LOG_WARN, "certificate %s is not valid yet: is this "
			"machine's clock right?", file);
}

static bool
use_self_signed(SSL_CTX *ctx)
{
	EVP_PKEY *key;
	X509 *cert;
	bool used = tls_self_get(&key, &cert) &&
		    SSL_CTX_use_certificate(ctx, cert) == 1 &&
		    SSL_CTX_use_PrivateKey(ctx, key) == 1;

	EVP_PKEY_free(key);
	X509_free(cert);
	return used;
}

/* ---- clients' certificates ---- */

static bool
ask_clients(SSL_CTX *ctx, const struct conf_listener *l, struct mistakes *m)
{
	int mode = SSL_VERIFY_PEER;
	STACK_OF(X509_NAME) *names;

	if (l->verify_client == VERIFY_NONE)
		return true;
	if (!tls_pem_can_read("client_ca", l->client_ca, l->where, m))
		return false;
	names = SSL_load_client_CA_file(l->client_ca);
	if (!names || SSL_CTX_load_verify_file(ctx, l->client_ca) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		mistake(m, l->where, "client_ca \"%s\" has no certificate in "
			"it (-----BEGIN CERTIFICATE-----)", l->client_ca);
		return false;
	}
	SSL_CTX_set_client_CA_list(ctx, names);
	if (l->verify_client == VERIFY_REQUIRED)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(ctx, mode, NULL);
	return true;
}

/* Their names would not do: a CA may get another key under its old name. */
static bool
add_client_cas(EVP_MD_CTX *md, const SSL_CTX *ctx)
{
	STACK_OF(X509_OBJECT) *all =
		X509_STORE_get0_objects(SSL_CTX_get_cert_store(ctx));
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
		const X509 *ca =
			X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i));

		if (ca && (!X509_digest(ca, EVP_sha256(), digest, &n) ||
			   !EVP_DigestUpdate(md, digest, n)))
			return false;
	}
	return true;
}

/*
 * A session is good for its own certificate and policy only: else whoever has
 * shown a certificate, or none, somewhere else would be let in here with it.
 */
static bool
set_session_context(SSL_CTX *ctx, const struct conf_listener *l)
{
	unsigned char digest[EVP_MAX_MD_SIZE], cert[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned n = 0;
	bool good = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) &&
		    X509_digest(SSL_CTX_get0_certificate(ctx), EVP_sha256(),
				cert, &n) &&
		    EVP_DigestUpdate(md, cert, n) &&
		    EVP_DigestUpdate(md, &l->verify_client,
				     sizeof(l->verify_client)) &&
		    add_client_cas(md, ctx) &&
		    EVP_DigestFinal_ex(md, digest, &n) &&
		    SSL_CTX_set_session_id_context(ctx, digest,
						   SSL_MAX_SID_CTX_LENGTH);

	EVP_MD_CTX_free(md);
	return good;
}

/* The i-th certificate of a listener, ready for use. */
static SSL_CTX *
make_one(const struct conf_listener *l, size_t i, struct mistakes *m)
{
	const char *file = l->self_signed ? NULL : l->certs[i].file;
	const char *key = l->self_signed ? NULL : l->certs[i].key;
	SSL_CTX *ctx = tls_context_new(TLS_SERVER);
	bool known = ctx && file && tls_pem_chain(ctx, file, l->where, m) &&
		     tls_pem_key(ctx, key, file, l->where, m) &&
		     ask_clients(ctx, l, m);

	if (ctx && (known || (!file && use_self_signed(ctx))) &&
	    tls_tickets_use(ctx) && set_session_context(ctx, l)) {
		if (file)
			remark_on_time(ctx, file);
		return ctx;
	}
	if (!file || known)
		mistake(m, l->where, "TLS cannot be set up: %s",
			openssl_text());
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return NULL;
}

/* ---- all of a listener's ---- */

static bool
names_it(const SSL_CTX *ctx, struct slice name, unsigned flags)
{
	return X509_check_host(SSL_CTX_get0_certificate(ctx), name.p, name.n,
			       flags, NULL) == 1;
}

/* A certificate of that very name comes before one of *.its.domain. */
static SSL_CTX *
choose(const struct set *s, struct slice name)
{
	for (size_t i = 0; i < s->n; i++)
		if (names_it(s->ctx[i], name, X509_CHECK_FLAG_NO_WILDCARDS))
			return s->ctx[i];
	for (size_t i = 0; i < s->n; i++)
		if (names_it(s->ctx[i], name,
			     X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
			return s->ctx[i];
	return s->ctx[0];
}

/* The name in a server_name extension (RFC 6066 3); empty if there is none. */
static struct slice
asked_name(SSL *ssl)
{
	const unsigned char *p;
	size_t n;

	if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &n) ||
	    n < 5 || p[2] != TLSEXT_NAMETYPE_host_name ||
	    (size_t)(p[3] << 8 | p[4]) > n - 5)
		return SLICE_NONE;
	return slice_of((const char *)p + 5, (size_t)(p[3] << 8 | p[4]));
}

/*
 * Before all else: OpenSSL looks for a session to resume before it calls back
 * about the name, and would compare it with another certificate's context.
 */
static int
on_hello(SSL *ssl, UNUSED int *alert, void *arg)
{
	const struct set *s = arg;
	struct slice name = asked_name(ssl);

	if (s->n > 1 && name.n > 0 && name.n <= NAME_MAX_LEN)
		SSL_set_SSL_CTX(ssl, choose(s, name));
	return SSL_CLIENT_HELLO_SUCCESS;
}

/* So that the name is known later: it is taken, whatever it is. */
static int
on_name(UNUSED SSL *ssl, UNUSED int *alert, UNUSED void *arg)
{
	return SSL_TLSEXT_ERR_OK;
}

static void
set_free(struct set *s)
{
	for (size_t i = 1; i < s->n; i++)
		SSL_CTX_free(s->ctx[i]);
	free(s->ctx);
	free(s);
}

static int set_index = -1;

static void
on_context_freed(UNUSED void *parent, void *ptr, UNUSED CRYPTO_EX_DATA *ad,
		 UNUSED int idx, UNUSED long argl, UNUSED void *argp)
{
	if (ptr)
		set_free(ptr);
}

/* Lives as long as the first context, which handshakes hold on to. */
static struct set *
set_new(const struct conf_listener *l, struct mistakes *m)
{
	size_t n = l->self_signed ? 1 : l->ncerts;
	struct set *s = xcalloc(1, sizeof(*s));

	if (set_index < 0)
		set_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL,
						     on_context_freed);
	s->ctx = xcalloc(n, sizeof(*s->ctx));
	for (; s->n < n; s->n++)
		if (!(s->ctx[s->n] = make_one(l, s->n, m)))
			break;
	if (s->n < n || !SSL_CTX_set_ex_data(s->ctx[0], set_index, s)) {
		if (s->n > 0)
			SSL_CTX_free(s->ctx[0]);
		set_free(s);
		return NULL;
	}
	SSL_CTX_set_client_hello_cb(s->ctx[0], on_hello, s);
	for (size_t i = 0; i < n; i++)
		SSL_CTX_set_tlsext_servername_callback(s->ctx[i], on_name);
	return s;
}

/* ---- files that change ---- */

/* Their number depends on the listener only; the array is the caller's. */
static const char **
files_of(const struct conf_listener *l, size_t *n)
{
	const char **files = xcalloc(2 * l->ncerts + 1, sizeof(*files));

	*n = 0;
	for (size_t i = 0; i < l->ncerts; i++) {
		files[(*n)++] = l->certs[i].file;
		files[(*n)++] = l->certs[i].key;
	}
	if (l->client_ca)
		files[(*n)++] = l->client_ca;
	return files;
}

bool
tls_certs_are_stale(struct tls_certs *c, const struct conf_listener *l)
{
	size_t n;
	const char **files = files_of(l, &n);
	bool stale = tls_files_are_stale(&c->files, files, n);

	free(files);
	return stale;
}

static void
note_files(struct tls_certs *c, const struct conf_listener *l)
{
	size_t n;
	const char **files = files_of(l, &n);

	tls_files_note(&c->files, files, n);
	free(files);
}

/* ---- what a listener has ---- */

bool
tls_certs_replace(struct tls_certs *c, const struct conf_listener *l,
		  struct mistakes *m)
{
	struct set *old = c->set, *s;

	note_files(c, l);
	s = set_new(l, m);
	if (!s)
		return false;
	pthread_mutex_lock(&c->lock);
	c->set = s;
	pthread_mutex_unlock(&c->lock);
	if (old)
		SSL_CTX_free(old->ctx[0]);
	return true;
}

struct tls_certs *
tls_certs_new(const struct conf_listener *l, struct mistakes *m)
{
	struct tls_certs *c = xcalloc(1, sizeof(*c));

	pthread_mutex_init(&c->lock, NULL);
	if (tls_certs_replace(c, l, m))
		return c;
	tls_certs_free(c);
	return NULL;
}

void
tls_certs_free(struct tls_certs *c)
{
	if (!c)
		return;
	if (c->set)
		SSL_CTX_free(c->set->ctx[0]);
	pthread_mutex_destroy(&c->lock);
	tls_files_fini(&c->files);
	free(c);
}

struct tls *
tls_certs_accept(struct tls_certs *c, struct tls_desk *desk, int fd)
{
	SSL_CTX *ctx;
	struct tls *t;

	pthread_mutex_lock(&c->lock);
	ctx = c->set->ctx[0];
	SSL_CTX_up_ref(ctx);
	pthread_mutex_unlock(&c->lock);
	t = tls_new(ctx, desk, fd, TLS_SERVER);
	SSL_CTX_free(ctx);
	return t;
}
