/* SPDX-License-Identifier: ISC */
/*
 * hosts.h: what a worker knows of addresses: which ones failed lately.
 */
#ifndef PROXY_HOSTS_H
#define PROXY_HOSTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define SHUNNED_MAX 16
#define SHUN_MS 30000 /* how long an address that failed is tried last */

struct hosts {
	struct addr shunned[SHUNNED_MAX];
	uint64_t until[SHUNNED_MAX]; /* clock_ms */
};

void hosts_init(struct hosts *h);

/* An address failed at that time (clock_ms): it is tried last for a while. */
void hosts_shun(struct hosts *h, const struct addr *a, uint64_t now);
/* It works. */
void hosts_forgive(struct hosts *h, const struct addr *a);
/*
 * Puts n addresses in the order in which to try them: the resolver's, but with
 * families taking turns (RFC 8305 4), and the shunned ones behind the others.
 */
void hosts_order(const struct hosts *h, struct addr *addrs, size_t n,
		 uint64_t now);

#endif
