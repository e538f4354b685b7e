/* SPDX-License-Identifier: ISC */
/*
 * tls_tickets.c: the keys that session tickets are sealed with.
 */
#include "net/tls_tickets.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/attrib.h"
#include "base/clock.h"

#define RENEW_MS (3600 * 1000) /* after which a new one seals */
#define KEYS 3                 /* the newest seals, all of them open */
/* Never beyond the last key that may open it. */
#define LIFETIME_S (2 * 3600)
#define NAME 16

struct key {
	uint64_t made; /* clock_ms; 0: none */
	unsigned char name[NAME], cipher[32], mac[32];
};

static struct key keys[KEYS]; /* newest first */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool used; /* by any context; main's */

/* The key that seals now; false without random bytes for a new one. */
static bool
newest(struct key *out)
{
	uint64_t now = clock_ms();
	bool good = true;

	pthread_mutex_lock(&lock);
	if (!keys[0].made || now - keys[0].made >= RENEW_MS) {
		memmove(&keys[1], &keys[0], (KEYS - 1) * sizeof(keys[0]));
		good = RAND_bytes((unsigned char *)&keys[0],
				  sizeof(keys[0])) == 1;
		keys[0].made = good ? now + !now : 0;
	}
	*out = keys[0];
	pthread_mutex_unlock(&lock);
	return good;
}

/* The key of that name. */
static bool
find(const unsigned char *name, struct key *out)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < KEYS && !found; i++) {
		found = keys[i].made && memcmp(keys[i].name, name, NAME) == 0;
		if (found)
			*out = keys[i];
	}
	pthread_mutex_unlock(&lock);
	return found;
}

static bool
set_mac(EVP_MAC_CTX *mac, struct key *k)
{
	char digest[] = "sha256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k->mac,
						  sizeof(k->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
						 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* 1: go on; 0: no ticket, the handshake is a whole one; -1: it ends. */
static int
on_ticket(UNUSED SSL *ssl, unsigned char *name, unsigned char *iv,
	  EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seals)
{
	const EVP_CIPHER *how = EVP_aes_256_cbc();
	struct key k;

	if (!seals)
		return find(name, &k) && set_mac(mac, &k) &&
		       EVP_DecryptInit_ex(cipher, how, NULL, k.cipher, iv);
	if (!newest(&k) || RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1)
		return 0;
	memcpy(name, k.name, NAME);
	return set_mac(mac, &k) &&
	       EVP_EncryptInit_ex(cipher, how, NULL, k.cipher, iv);
}

/* ---- from one process to the next ---- */

#define WORD "bowsprit keys 1"

/* As it is in memory: both are on one machine, with one clock. */
struct bequest {
	char word[sizeof(WORD)]; /* another layout has another one */
	struct key keys[KEYS];
};

void
tls_tickets_send(int fd)
{
	struct bequest b = { .word = WORD };
	struct key first;

	if (!used || !newest(&first))
		return;
	pthread_mutex_lock(&lock);
	memcpy(b.keys, keys, sizeof(keys));
	pthread_mutex_unlock(&lock);
	(void)!send(fd, &b, sizeof(b), MSG_DONTWAIT | MSG_NOSIGNAL);
	OPENSSL_cleanse(&b, sizeof(b));
	OPENSSL_cleanse(&first, sizeof(first));
}

void
tls_tickets_receive(int fd)
{
	struct bequest b;

	if (recv(fd, &b, sizeof(b), MSG_DONTWAIT) == (ssize_t)sizeof(b) &&
	    memcmp(b.word, WORD, sizeof(WORD)) == 0)
		memcpy(keys, b.keys, sizeof(keys));
	OPENSSL_cleanse(&b, sizeof(b));
}

bool
tls_tickets_use(SSL_CTX *ctx)
{
	used = true;
	SSL_CTX_set_timeout(ctx, LIFETIME_S);
	return SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket) == 1;
}
