/* SPDX-License-Identifier: ISC */
/*
 * tls_client.h: how backends with TLS are spoken to.
 *
 * Each has a context of its own, with what it trusts, our certificate, and the
 * last session, which the next connection takes up: all workers share it.  What
 * is in the files may change while it is used; whoever shakes hands keeps what
 * he began with.
 */
#ifndef NET_TLS_CLIENT_H
#define NET_TLS_CLIENT_H

#include "conf/mistake.h"
#include "net/tls.h"

/*
 * Makes the contexts of a configuration that no worker has yet; false after
 * mistakes, which have been told.
 */
bool tls_clients_make(struct conf *c, struct mistakes *m) WUNRES;

/*
 * Have the files that a backend names changed since they were read, and not
 * since the last question?  By the main thread only, as is the next.
 */
bool tls_client_is_stale(const struct conf_backend *b) WUNRES;
/*
 * Reads them again: connections that are made from now on have what they say,
 * and no session from before.  False after mistakes, which have been told, and
 * then all stays as it was.
 */
bool tls_client_renew(const struct conf_backend *b, struct mistakes *m) WUNRES;

/*
 * Our end of a connection to that backend, which is to prove that it is
 * `host`: a name, or a literal address.  With `resume` the last session is
 * taken up, which is only of use to the same host.  NULL when memory is out.
 */
struct tls *tls_client_connect(const struct conf_backend *b,
			       struct tls_desk *desk, int fd,
			       const char *host, bool resume) WUNRES;

#endif
