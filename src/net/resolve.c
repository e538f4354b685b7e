/* SPDX-License-Identifier: ISC */
/*
 * resolve.c: from names to addresses.
 */
#include "net/resolve.h"

#include <netdb.h>
#include <string.h>

#include "base/mem.h"

/* The system's resolver may name an address more than once. */
static void
add(struct addr **addrs, size_t *n, const struct addr *a)
{
	for (size_t i = 0; i < *n; i++)
		if (addr_same_host(&(*addrs)[i], a))
			return;
	*xgrow(*addrs, *n) = *a;
}

const char *
resolve(const char *host, uint16_t port, struct addr **addrs, size_t *n)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
				  .ai_socktype = SOCK_STREAM };
	struct addrinfo *list;
	struct addr a = { 0 };
	int error;

	*addrs = NULL;
	*n = 0;
	if (addr_parse(&a, slice_str(host))) {
		a.port = port;
		add(addrs, n, &a);
		return NULL;
	}
	if ((error = getaddrinfo(host, NULL, &hints, &list)) != 0)
		return gai_strerror(error);
	for (struct addrinfo *ai = list; ai; ai = ai->ai_next) {
		addr_of_sockaddr(&a, ai->ai_addr);
		a.port = port;
		add(addrs, n, &a);
	}
	freeaddrinfo(list);
	return NULL;
}
