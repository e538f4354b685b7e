/* SPDX-License-Identifier: ISC */
/*
 * tls_client.c: how backends with TLS are spoken to.
 */
#include "net/tls_client.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/attrib.h"
#include "base/mem.h"
#include "net/tls_context.h"
#include "net/tls_files.h"
#include "net/tls_pem.h"

/*
 * The last session.  It lives as long as its context, which connections may
 * keep longer than the configuration does: tickets come at any time.
 */
struct memory {
	pthread_mutex_t lock;
	SSL_SESSION *session; /* or NULL */
};

struct tls_client {
	pthread_mutex_t lock;
	SSL_CTX *ctx; /* behind the lock, but for main */
	struct tls_files files;
};

static int place = -1; /* of a context's memory */

static void
forget(UNUSED void *ctx, void *ptr, UNUSED CRYPTO_EX_DATA *ad,
       UNUSED int index, UNUSED long argl, UNUSED void *argp)
{
	struct memory *m = ptr;

	if (!m)
		return;
	SSL_SESSION_free(m->session);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static struct memory *
memory_of(const SSL_CTX *ctx)
{
	return SSL_CTX_get_ex_data(ctx, place);
}

/* A ticket has come: the session is ours, if we say so. */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct memory *m = memory_of(SSL_get_SSL_CTX(ssl));
	SSL_SESSION *old;

	if (!SSL_SESSION_is_resumable(session))
		return 0;
	pthread_mutex_lock(&m->lock);
	old = m->session;
	m->session = session;
	pthread_mutex_unlock(&m->lock);
	SSL_SESSION_free(old);
	return 1;
}

static bool
remember(SSL_CTX *ctx)
{
	struct memory *m = calloc(1, sizeof(*m));

	if (!m)
		return false;
	pthread_mutex_init(&m->lock, NULL);
	if (!SSL_CTX_set_ex_data(ctx, place, m)) {
		forget(NULL, m, NULL, 0, 0, NULL);
		return false;
	}
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
						    SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_session);
	return true;
}

static void
resume_last(struct tls *t, struct memory *m)
{
	SSL_SESSION *session;

	pthread_mutex_lock(&m->lock);
	session = m->session;
	if (session)
		SSL_SESSION_up_ref(session);
	pthread_mutex_unlock(&m->lock);
	if (session)
		tls_resume(t, session);
	SSL_SESSION_free(session);
}

static bool
use_files(SSL_CTX *ctx, const struct conf_backend *b, struct mistakes *m)
{
	const struct conf_tls *t = &b->tls;

	if (t->ca && !tls_pem_trust(ctx, t->ca, b->where, m))
		return false;
	return !t->certificate ||
	       (tls_pem_chain(ctx, t->certificate, b->where, m) &&
		tls_pem_key(ctx, t->key, t->certificate, b->where, m));
}

static SSL_CTX *
make(const struct conf_backend *b, struct mistakes *m)
{
	SSL_CTX *ctx = tls_context_new(TLS_CLIENT);

	if (!ctx || !remember(ctx)) {
		mistake(m, b->where, "memory is out");
	} else if (use_files(ctx, b, m)) {
		return ctx;
	}
	SSL_CTX_free(ctx);
	return NULL;
}

/* ---- one backend's ---- */

/* Those of its files, of which it may have none. */
static void
files_of(const struct conf_backend *b, const char *files[3])
{
	files[0] = b->tls.ca;
	files[1] = b->tls.certificate;
	files[2] = b->tls.key;
}

bool
tls_client_is_stale(const struct conf_backend *b)
{
	const char *files[3];

	files_of(b, files);
	return tls_files_are_stale(&b->tls_client->files, files,
				   ARRAY_LEN(files));
}

bool
tls_client_renew(const struct conf_backend *b, struct mistakes *m)
{
	struct tls_client *c = b->tls_client;
	const char *files[3];
	SSL_CTX *old = c->ctx, *ctx;

	files_of(b, files);
	tls_files_note(&c->files, files, ARRAY_LEN(files));
	ctx = make(b, m);
	if (!ctx)
		return false;
	pthread_mutex_lock(&c->lock);
	c->ctx = ctx;
	pthread_mutex_unlock(&c->lock);
	SSL_CTX_free(old);
	return true;
}

static void
client_free(struct tls_client *c)
{
	SSL_CTX_free(c->ctx);
	pthread_mutex_destroy(&c->lock);
	tls_files_fini(&c->files);
	free(c);
}

bool
tls_clients_make(struct conf *c, struct mistakes *m)
{
	unsigned before = m->count;

	if (place < 0)
		place = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, forget);
	for (size_t i = 0; i < c->nbackends; i++) {
		struct conf_backend *b = c->backends[i];

		if (!b->server.tls)
			continue;
		b->tls_client = xcalloc(1, sizeof(*b->tls_client));
		pthread_mutex_init(&b->tls_client->lock, NULL);
		b->tls_client_free = client_free;
		(void)!tls_client_renew(b, m);
	}
	return m->count == before;
}

/* ---- one connection ---- */

/* The present context, counted for the caller. */
static SSL_CTX *
context_of(struct tls_client *c)
{
	SSL_CTX *ctx;

	pthread_mutex_lock(&c->lock);
	ctx = c->ctx;
	SSL_CTX_up_ref(ctx);
	pthread_mutex_unlock(&c->lock);
	return ctx;
}

/* A final dot says that a name is whole, and is in no certificate. */
static const char *
without_dot(const char *host, char copy[256])
{
	size_t n = strlen(host);

	if (n < 2 || n > 255 || host[n - 1] != '.')
		return host;
	memcpy(copy, host, n - 1);
	copy[n - 1] = '\0';
	return copy;
}

struct tls *
tls_client_connect(const struct conf_backend *b, struct tls_desk *desk,
		   int fd, const char *host, bool resume)
{
	SSL_CTX *ctx = context_of(b->tls_client);
	struct tls *t = tls_new(ctx, desk, fd, TLS_CLIENT);
	char copy[256];

	if (t && !tls_set_peer(t, without_dot(host, copy), b->tls.verify)) {
		tls_free(t);
		t = NULL;
	}
	if (t && resume)
		resume_last(t, memory_of(ctx));
	SSL_CTX_free(ctx);
	return t;
}
