/* SPDX-License-Identifier: ISC */
/*
 * tls_pem.h: certificates and keys out of files, and what is wrong with them.
 */
#ifndef NET_TLS_PEM_H
#define NET_TLS_PEM_H

#include "conf/mistake.h"
#include "net/tls.h"

/* False if we may not, after a mistake that calls the file `what`. */
bool tls_pem_can_read(const char *what, const char *file,
		      struct conf_where where, struct mistakes *m) WUNRES;
/*
 * The chain in a file, its own certificate first, and the key to it in another
 * or the same, become a context's.  False after a mistake, which has been told.
 */
bool tls_pem_chain(struct ssl_ctx_st *ctx, const char *file,
		   struct conf_where where, struct mistakes *m) WUNRES;
bool tls_pem_key(struct ssl_ctx_st *ctx, const char *file, const char *chain,
		 struct conf_where where, struct mistakes *m) WUNRES;
/* The CAs in a file, and no others, are whom a context trusts. */
bool tls_pem_trust(struct ssl_ctx_st *ctx, const char *file,
		   struct conf_where where, struct mistakes *m) WUNRES;

#endif
