/* SPDX-License-Identifier: ISC */
/*
 * tls_context.h: what all our TLS connections have in common.
 */
#ifndef NET_TLS_CONTEXT_H
#define NET_TLS_CONTEXT_H

#include "base/attrib.h"
#include "net/tls.h"

/*
 * TLS 1.2 and 1.3 with Mozilla's "intermediate" ciphers, HTTP/1.1 by ALPN, no
 * renegotiation, no cache of sessions, and no buffers while a connection is at
 * rest.  A client's trusts the system's CAs, and verifies nobody before
 * tls_set_peer.  To be freed with SSL_CTX_free; NULL when memory is out.
 */
struct ssl_ctx_st *tls_context_new(enum tls_role role) WUNRES;

#endif
