/* SPDX-License-Identifier: ISC */
/*
 * tls_certs.h: the certificates of a listener, chosen by the name asked for.
 *
 * They may change while it listens.  Whoever shakes hands keeps what he began
 * with, and an established connection needs them no more.
 */
#ifndef NET_TLS_CERTS_H
#define NET_TLS_CERTS_H

#include "conf/mistake.h"
#include "net/tls.h"

struct tls_certs;

/*
 * Reads what a listener with TLS names.  NULL after mistakes, which have been
 * told; what is only remarkable (a certificate that has expired) is a line of
 * the log, level warn.
 */
struct tls_certs *tls_certs_new(const struct conf_listener *l,
				struct mistakes *m) WUNRES;
void tls_certs_free(struct tls_certs *c);
/*
 * The same for a listener that has them already.  False after mistakes, and
 * then the old ones stay.  By the main thread only.
 */
bool tls_certs_replace(struct tls_certs *c, const struct conf_listener *l,
		       struct mistakes *m) WUNRES;
/*
 * Has a file changed since it was read, and not since the last question?  A
 * key and its certificate are seldom written at the same moment.
 */
bool tls_certs_are_stale(struct tls_certs *c, const struct conf_listener *l);

/* Our end of a client's connection, by any thread.  NULL when memory is out. */
struct tls *tls_certs_accept(struct tls_certs *c, struct tls_desk *desk,
			     int fd) WUNRES;

#endif
