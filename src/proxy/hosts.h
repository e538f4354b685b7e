/* SPDX-License-Identifier: ISC */
/*
 * hosts.h: what a worker knows of addresses: those of names, and those that
 * failed lately.
 */
#ifndef PROXY_HOSTS_H
#define PROXY_HOSTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/list.h"

/* The addresses that a name was last found to have. */
struct host {
	struct list link;
	char *name;
	size_t n; /* 0: it does not resolve */
	struct addr addrs[]; /* of port 0, as the resolver ordered them */
};

/* NULL when memory is out. */
struct host *host_new(const char *name, const struct addr *addrs, size_t n)
	WUNRES;
void host_free(struct host *h);

#define SHUNNED_MAX 16
#define SHUN_MS 30000 /* how long an address that failed is tried last */

struct hosts {
	struct list known;
	struct addr shunned[SHUNNED_MAX];
	uint64_t until[SHUNNED_MAX]; /* clock_ms */
};

void hosts_init(struct hosts *h);
void hosts_fini(struct hosts *h);

/* Takes over news of a name. */
void hosts_set(struct hosts *h, struct host *news);
/* NULL: that name has not been heard of yet. */
const struct host *hosts_find(const struct hosts *h, const char *name);

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
