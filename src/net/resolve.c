/* SPDX-License-Identifier: ISC */
/*
 * resolve.c: from names to addresses.
 */
#include "net/resolve.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char no_memory[] = "memory is out";

/*
 * The system's resolver may name an address more than once.  False without
 * memory for it, which is no reason to end while tunnels are open.
 */
static bool
add(struct addr **addrs, size_t *n, const struct addr *a)
{
	struct addr *more;

	for (size_t i = 0; i < *n; i++)
		if (addr_same_host(&(*addrs)[i], a))
			return true;
	if (!(more = realloc(*addrs, (*n + 1) * sizeof(*a))))
		return false;
	*addrs = more;
	more[(*n)++] = *a;
	return true;
}

static bool
add_text(struct addr **addrs, size_t *n, const char *text, uint16_t port)
{
	struct addr a = { 0 };

	if (!addr_parse(&a, slice_str(text)))
		return false;
	a.port = port;
	return add(addrs, n, &a);
}

bool
resolve_at_once(const char *host, uint16_t port, struct addr **addrs,
		size_t *n)
{
	*addrs = NULL;
	*n = 0;
	if (strcasecmp(host, "localhost") != 0)
		return add_text(addrs, n, host, port);
	return add_text(addrs, n, "127.0.0.1", port) &&
	       add_text(addrs, n, "::1", port);
}

const char *
resolve(const char *host, uint16_t port, struct addr **addrs, size_t *n)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
				  .ai_socktype = SOCK_STREAM };
	struct addrinfo *list;
	struct addr a = { 0 };
	bool ok = true;
	int error;

	if (resolve_at_once(host, port, addrs, n))
		return NULL;
	if ((error = getaddrinfo(host, NULL, &hints, &list)) != 0)
		return gai_strerror(error);
	for (struct addrinfo *ai = list; ai && ok; ai = ai->ai_next) {
		addr_of_sockaddr(&a, ai->ai_addr);
		a.port = port;
		ok = add(addrs, n, &a);
	}
	freeaddrinfo(list);
	return *n ? NULL : no_memory;
}
