/* SPDX-License-Identifier: ISC */
/*
 * gate.h: what a listener does before there is a request.
 *
 * Main has one for each listener of the configuration, from the start to the
 * end; all workers look at them.
 */
#ifndef PROXY_GATE_H
#define PROXY_GATE_H

#include <stdint.h>

#include "net/tls_certs.h"

struct gate {
	struct tls_certs *certs; /* TLS; NULL: plain */
	uint16_t https_port; /* where all requests are sent; 0: they are not */
};

#endif
