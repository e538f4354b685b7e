/* SPDX-License-Identifier: ISC */
/*
 * tls.h: TLS between a stream's bytes and its socket.
 *
 * OpenSSL never sees the socket.  What it reads was received here, in large
 * pieces; what it writes is collected, and the stream sends it as it would
 * send anything else: what the socket does not take waits in the stream's
 * `out`, sealed already.  So no write of OpenSSL's ever has to be tried again,
 * and back-pressure is the same with TLS and without.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attrib.h"
#include "base/slice.h"

struct ssl_ctx_st;
struct tls;
struct tls_desk;

/*
 * Where sealed bytes lie for the moment: one for all connections of a thread.
 * NULL when memory is out.
 */
struct tls_desk *tls_desk_new(void) WUNRES;
void tls_desk_free(struct tls_desk *d); /* NULL is nothing */

enum tls_role { TLS_SERVER, TLS_CLIENT };
/*
 * One end of a connection on fd, which stays the caller's; ctx is counted.
 * NULL when memory is out.
 */
struct tls *tls_new(struct ssl_ctx_st *ctx, struct tls_desk *desk, int fd,
		    enum tls_role role) WUNRES;
void tls_free(struct tls *t);
/*
 * TLS_CLIENT: asks for that name (SNI, which addresses have none of), and
 * wants it in the certificate if `verify`.  False when memory is out.
 */
bool tls_set_peer(struct tls *t, const char *name, bool verify) WUNRES;

struct ssl_session_st;
/* TLS_CLIENT: offers to go on with that session, which is counted. */
void tls_resume(struct tls *t, struct ssl_session_st *session);

enum tls_step {
	TLS_WAITS,  /* for bytes of the peer's */
	TLS_FULL,   /* send what tls_output has, and call again */
	TLS_DONE,
	TLS_FAILED, /* tls_end and tls_why know why */
};
/* A step of the handshake; then send what tls_output has, also of an alert. */
enum tls_step tls_shake(struct tls *t) WUNRES;

/*
 * As recv(2): at most n bytes, as many as there are; 0 at the end, be it clean
 * or cut, see tls_end.  EPROTO is a fault of TLS.  May leave an alert in
 * tls_output, or our new keys, which the peer has asked for (RFC 8446 4.6.3).
 */
ssize_t tls_recv(struct tls *t, void *p, size_t n) WUNRES;
/*
 * Seals n bytes, or as many as the desk has room for, and returns how many: 0
 * on a fault.  They are then in tls_output.
 */
size_t tls_seal(struct tls *t, const void *p, size_t n) WUNRES;
/* Seals our close_notify, where that is still of use. */
void tls_seal_end(struct tls *t);
/* Our end will look like a cut: no close_notify. */
void tls_mute(struct tls *t);

/* What is to be sent now, taken off the desk; valid until the next call. */
struct slice tls_output(struct tls *t);
/*
 * Are there bytes, or an end, that no event of the socket will tell of?
 */
bool tls_holds(const struct tls *t);
/*
 * Straight after tls_recv: is nothing there, neither a part of a record nor
 * anything in tls_output?
 */
bool tls_is_at_rest(const struct tls *t);

/* How the peer's direction ended. */
enum tls_end {
	TLS_OPEN,
	TLS_CLOSED,     /* close_notify */
	TLS_CUT,        /* FIN without it */
	TLS_LOST,       /* reset, or memory is out */
	TLS_FAULT,      /* what came was no TLS, or not what we take */
	TLS_ALERT,      /* the peer says that it ends it, and why */
	TLS_UNVERIFIED, /* its certificate is not good enough */
};
enum tls_end tls_end(const struct tls *t);
/* TLS_SERVER: the name that its client asked for (SNI); empty without one. */
struct slice tls_name(const struct tls *t);
/* TLS_SERVER: does who it is depend on its certificate? */
bool tls_asks_peer(const struct tls *t);
/* What a certificate that is not good enough lacks. */
enum tls_doubt {
	TLS_DOUBT_OTHER,
	TLS_DOUBT_TIME,   /* it has expired, or is not valid yet */
	TLS_DOUBT_NAME,   /* it is for somebody else */
	TLS_DOUBT_SELF,   /* it has signed itself */
	TLS_DOUBT_ISSUER, /* whoever has signed it is not trusted */
};
enum tls_doubt tls_doubt(const struct tls *t);
/* Was what came in place of TLS no record of it at all, as plain HTTP? */
bool tls_is_plain(const struct tls *t);
/* The words for it; of the last three OpenSSL's.  Static. */
const char *tls_why(const struct tls *t);

#endif
