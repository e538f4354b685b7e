/* SPDX-License-Identifier: ISC */
/*
 * host.h: for which host a request is meant.
 */
#ifndef PROTO_HOST_H
#define PROTO_HOST_H

#include "proto/head.h"

/* Is it a host, perhaps with a port (RFC 9110 7.2), and not empty? */
bool host_is_valid(struct slice authority);
/* The host alone: without port and without a final dot; an IPv6 address in
 * its brackets. */
struct slice host_without_port(struct slice authority);

/*
 * Lints a request's Host, and sets h->authority by it: one in HTTP/1.1, valid,
 * and the same as in an absolute-form target (RFC 9112 3.2).
 */
const struct head_fault *host_read(struct head *h) WUNRES;

#endif
