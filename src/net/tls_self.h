/* SPDX-License-Identifier: ISC */
/*
 * tls_self.h: a certificate of our own making, for development.
 */
#ifndef NET_TLS_SELF_H
#define NET_TLS_SELF_H

#include <stdbool.h>

#include "base/attrib.h"

struct evp_pkey_st;
struct x509_st;

/*
 * A key and a certificate that it signed itself, for localhost, 127.0.0.1 and
 * ::1, good for a year.  Both are the caller's; false when memory is out.
 */
bool tls_self_make(struct evp_pkey_st **key, struct x509_st **cert) WUNRES;

/*
 * The one in the user's cache ($XDG_CACHE_HOME or ~/.cache, folder bowsprit),
 * so that a browser has to be told only once to trust it: made if there is
 * none, or if it is good for less than a month.  Where no file can be made it
 * is good for this process.  Both are the caller's, NULL if false.
 */
bool tls_self_get(struct evp_pkey_st **key, struct x509_st **cert) WUNRES;
/* Where its file is, for people, or NULL if it has none; to be freed. */
char *tls_self_path(void);

#endif
