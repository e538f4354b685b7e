/* SPDX-License-Identifier: ISC */
/*
 * tls.c: TLS between a stream's bytes and its socket.
 */
#include "net/tls.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"

/* Plaintext sealed at once: four records for one send(2). */
#define PIECE (64 * 1024)
/* Records, and what a handshake says in one go. */
#define SEALED (PIECE + 16 * 1024)
/* At least that much is received at once: a record. */
#define RECV_MIN (17 * 1024)
#define TURN (256 * 1024) /* received for one connection in its turn */

/*
 * A record is of no use to the peer before its last byte.  So the first ones
 * fit into one segment each, and large ones, which cost least, come when TCP
 * has opened its window; after a pause it may have closed that again.
 */
#define RECORD_SMALL 1369
#define RECORD_LARGE (16 * 1024)
#define WARM (16 * 1024) /* bytes after which they are large */
#define COLD_MS 1000

struct tls_desk {
	struct slice in; /* received, and not yet with OpenSSL */
	size_t want;     /* bytes to receive at once */
	size_t left;     /* of this turn */
	bool dry;        /* the socket is empty */
	size_t nout;     /* bytes in `out` */
	char from[PIECE];
	char out[SEALED];
};

struct tls {
	SSL *ssl;
	struct tls_desk *desk; /* the thread's */
	struct buf *in;        /* received, for a later call */
	uint64_t sent;         /* ms: the last time we sealed anything */
	unsigned warmth;       /* bytes since the last pause */
	int fd;                /* the stream's */
	int error;             /* errno, of TLS_LOST */
	enum tls_end end;
	unsigned long why;     /* OpenSSL's code */
	bool mute;
};

/* ---- the socket, as OpenSSL sees it ---- */

/* More bytes onto the desk; false when there are none to be had now. */
static bool
fetch(struct tls *t)
{
	struct tls_desk *d = t->desk;
	ssize_t got;

	if (d->dry || d->left < d->want || t->end)
		return false;
	got = recv(t->fd, d->from, d->want, 0);
	if (got > 0) {
		d->in = slice_of(d->from, (size_t)got);
		d->left -= (size_t)got;
		d->dry = (size_t)got < d->want;
		return true;
	}
	if (got == 0) {
		t->end = TLS_CUT;
	} else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
		d->dry = true;
	} else {
		t->end = TLS_LOST;
		t->error = errno;
	}
	return false;
}

/*
 * An end is not told to OpenSSL, only that there is nothing more now: it would
 * take a FIN without close_notify for an error, after which it does not write
 * any more either.
 */
static int
bio_read(BIO *b, char *p, int size)
{
	struct tls *t = BIO_get_data(b);
	struct slice *in = &t->desk->in;
	size_t n = (size_t)size;

	BIO_clear_retry_flags(b);
	if (t->in) {
		if (n > buf_len(t->in))
			n = buf_len(t->in);
		memcpy(p, buf_data(t->in), n);
		buf_take(&t->in, n);
		return (int)n;
	}
	if (in->n == 0 && !fetch(t)) {
		BIO_set_retry_read(b);
		return -1;
	}
	if (n > in->n)
		n = in->n;
	memcpy(p, in->p, n);
	*in = slice_of(in->p + n, in->n - n);
	return (int)n;
}

static int
bio_write(BIO *b, const char *p, int size)
{
	struct tls_desk *d = ((struct tls *)BIO_get_data(b))->desk;
	size_t n = (size_t)size, room = sizeof(d->out) - d->nout;

	BIO_clear_retry_flags(b);
	if (room == 0) {
		BIO_set_retry_write(b);
		return -1;
	}
	if (n > room)
		n = room;
	memcpy(d->out + d->nout, p, n);
	d->nout += n;
	return (int)n;
}

static long
bio_ctrl(UNUSED BIO *b, int cmd, UNUSED long num, UNUSED void *ptr)
{
	return cmd == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method;

static void
make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
			      "bowsprit");
	if (method && (!BIO_meth_set_read(method, bio_read) ||
		       !BIO_meth_set_write(method, bio_write) ||
		       !BIO_meth_set_ctrl(method, bio_ctrl))) {
		BIO_meth_free(method);
		method = NULL;
	}
}

struct tls_desk *
tls_desk_new(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct tls_desk *d;

	pthread_once(&once, make_method);
	if (!method || !(d = malloc(sizeof(*d))))
		return NULL;
	d->in = SLICE_NONE;
	d->nout = 0;
	return d;
}

void
tls_desk_free(struct tls_desk *d)
{
	free(d);
}

/* ---- one end ---- */

struct tls *
tls_new(SSL_CTX *ctx, struct tls_desk *desk, int fd, enum tls_role role)
{
	struct tls *t = calloc(1, sizeof(*t));
	BIO *bio;

	if (!t)
		return NULL;
	t->desk = desk;
	t->fd = fd;
	t->ssl = SSL_new(ctx);
	bio = t->ssl ? BIO_new(method) : NULL;
	if (!bio) {
		ERR_clear_error();
		tls_free(t);
		return NULL;
	}
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	if (role == TLS_SERVER)
		SSL_set_accept_state(t->ssl);
	else
		SSL_set_connect_state(t->ssl);
	return t;
}

void
tls_free(struct tls *t)
{
	buf_free(&t->in);
	SSL_free(t->ssl);
	free(t);
}

/* OpenSSL's macro for it takes const away, which clang warns of. */
static bool
ask_for(SSL *ssl, const char *name)
{
	char *copy = strdup(name);
	bool asked = copy && SSL_set_tlsext_host_name(ssl, copy);

	free(copy);
	return asked;
}

bool
tls_set_peer(struct tls *t, const char *name, bool verify)
{
	unsigned char ip[sizeof(struct in6_addr)];
	bool literal = inet_pton(AF_INET, name, ip) == 1 ||
		       inet_pton(AF_INET6, name, ip) == 1;
	X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);

	ERR_clear_error();
	if (!literal && !ask_for(t->ssl, name))
		return false;
	if (!verify)
		return true;
	SSL_set_verify(t->ssl, SSL_VERIFY_PEER, NULL);
	if (literal)
		return X509_VERIFY_PARAM_set1_ip_asc(param, name);
	X509_VERIFY_PARAM_set_hostflags(param,
					X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, name, 0);
}

void
tls_resume(struct tls *t, SSL_SESSION *session)
{
	(void)SSL_set_session(t->ssl, session);
	ERR_clear_error();
}

/* Before each call of OpenSSL's: its queue of errors is the thread's. */
static void
begin(struct tls *t, size_t n)
{
	struct tls_desk *d = t->desk;

	ERR_clear_error();
	d->want = n < RECV_MIN ? RECV_MIN : n < PIECE ? n : PIECE;
	d->left = TURN;
	d->dry = false;
	d->nout = 0;
}

/* What OpenSSL has not taken goes on with the next call for this peer. */
static void
keep_rest(struct tls *t)
{
	struct slice *in = &t->desk->in;

	if (in->n > 0 && !buf_add(&t->in, in->p, in->n)) {
		t->end = TLS_LOST;
		t->error = ENOMEM;
	}
	*in = SLICE_NONE;
}

static enum tls_end
kind_of(unsigned long error)
{
	int reason = ERR_GET_REASON(error);

	if (ERR_GET_LIB(error) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET)
		return TLS_ALERT;
	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED ||
	    reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
		return TLS_UNVERIFIED;
	return TLS_FAULT;
}

/* A call of OpenSSL's did not do what it should: is that an end? */
static int
note(struct tls *t)
{
	int error = SSL_get_error(t->ssl, -1);

	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ||
	    t->end)
		return error;
	if (error == SSL_ERROR_ZERO_RETURN ||
	    (SSL_get_shutdown(t->ssl) & SSL_RECEIVED_SHUTDOWN &&
	     ERR_peek_error() == 0)) {
		t->end = TLS_CLOSED;
		return error;
	}
	t->why = ERR_peek_error();
	t->end = kind_of(t->why);
	return error;
}

enum tls_step
tls_shake(struct tls *t)
{
	int error;

	begin(t, RECV_MIN);
	if (SSL_do_handshake(t->ssl) == 1) {
		keep_rest(t);
		return TLS_DONE;
	}
	error = note(t);
	keep_rest(t);
	if (t->end)
		return TLS_FAILED;
	return error == SSL_ERROR_WANT_WRITE ? TLS_FULL : TLS_WAITS;
}

/* Bytes, or room on the desk for what OpenSSL answers by itself. */
static bool
wants_more(int error)
{
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

ssize_t
tls_recv(struct tls *t, void *p, size_t n)
{
	size_t got = 0, some;

	begin(t, n);
	while (got < n && !t->end) {
		if (SSL_read_ex(t->ssl, (char *)p + got, n - got, &some))
			got += some;
		else if (wants_more(note(t)))
			break;
	}
	keep_rest(t);
	if (got > 0)
		return (ssize_t)got;
	switch (t->end) {
	case TLS_CLOSED:
	case TLS_CUT:
		return 0;
	case TLS_OPEN:
		errno = EAGAIN;
		return -1;
	case TLS_LOST:
		errno = t->error;
		return -1;
	case TLS_FAULT:
	case TLS_ALERT:
	case TLS_UNVERIFIED:
		break;
	}
	errno = EPROTO;
	return -1;
}

static size_t
record_size(struct tls *t)
{
	uint64_t now = clock_ms();

	if (now - t->sent >= COLD_MS)
		t->warmth = 0;
	t->sent = now;
	return t->warmth < WARM ? RECORD_SMALL : RECORD_LARGE;
}

size_t
tls_seal(struct tls *t, const void *p, size_t n)
{
	size_t took = 0, size, some;

	begin(t, 0);
	if (n > PIECE)
		n = PIECE;
	while (took < n) {
		size = record_size(t);
		if (size > n - took)
			size = n - took;
		if (!SSL_write_ex(t->ssl, (const char *)p + took, size,
				  &some)) {
			note(t);
			return 0;
		}
		took += some;
		if (t->warmth < WARM)
			t->warmth += (unsigned)some;
	}
	return took;
}

void
tls_seal_end(struct tls *t)
{
	t->desk->nout = 0;
	if (t->mute || t->end >= TLS_LOST || SSL_in_init(t->ssl))
		return;
	begin(t, 0);
	(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
}

void
tls_mute(struct tls *t)
{
	t->mute = true;
}

struct slice
tls_output(struct tls *t)
{
	struct slice s = slice_of(t->desk->out, t->desk->nout);

	t->desk->nout = 0;
	return s;
}

bool
tls_holds(const struct tls *t)
{
	return t->in || t->end || SSL_pending(t->ssl) > 0;
}

bool
tls_is_at_rest(const struct tls *t)
{
	return !tls_holds(t) && t->desk->nout == 0 && !SSL_has_pending(t->ssl);
}

enum tls_end
tls_end(const struct tls *t)
{
	return t->end;
}

struct slice
tls_name(const struct tls *t)
{
	return slice_str(SSL_get_servername(t->ssl,
					    TLSEXT_NAMETYPE_host_name));
}

bool
tls_asks_peer(const struct tls *t)
{
	return SSL_get_verify_mode(t->ssl) != SSL_VERIFY_NONE;
}

enum tls_doubt
tls_doubt(const struct tls *t)
{
	switch (SSL_get_verify_result(t->ssl)) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return TLS_DOUBT_TIME;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return TLS_DOUBT_NAME;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return TLS_DOUBT_SELF;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return TLS_DOUBT_ISSUER;
	default:
		return TLS_DOUBT_OTHER;
	}
}

bool
tls_is_plain(const struct tls *t)
{
	return t->end == TLS_FAULT &&
	       ERR_GET_REASON(t->why) == SSL_R_WRONG_VERSION_NUMBER;
}

const char *
tls_why(const struct tls *t)
{
	const char *text = NULL;

	switch (t->end) {
	case TLS_OPEN:
		return "open";
	case TLS_CLOSED:
		return "closed";
	case TLS_CUT:
		return "the connection ended without a close_notify";
	case TLS_LOST:
		return strerror(t->error);
	case TLS_UNVERIFIED:
		if (SSL_get_verify_result(t->ssl) != X509_V_OK)
			text = X509_verify_cert_error_string(
				SSL_get_verify_result(t->ssl));
		break;
	case TLS_FAULT:
	case TLS_ALERT:
		break;
	}
	if (!text)
		text = ERR_reason_error_string(t->why);
	return text ? text : "unknown error";
}
