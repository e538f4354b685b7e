/* SPDX-License-Identifier: ISC */
/*
 * addr.c: socket addresses in 20 bytes, as text, and networks.
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/decimal.h"

#define BITS_4 32
#define BITS_6 128
#define BITS_MAPPED 96 /* of ::ffff:0:0/96, RFC 4291 2.5.5.2 */

static const uint8_t mapped[12] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff,
};

static void
set_ip4(struct addr *a, const void *ip)
{
	memset(a, 0, sizeof(*a));
	a->family = 4;
	a->prefix = BITS_4;
	memcpy(a->ip, ip, 4);
}

static void
set_ip6(struct addr *a, const struct in6_addr *ip)
{
	if (memcmp(ip->s6_addr, mapped, sizeof(mapped)) == 0) {
		set_ip4(a, ip->s6_addr + sizeof(mapped));
		return;
	}
	memset(a, 0, sizeof(*a));
	a->family = 6;
	a->prefix = BITS_6;
	memcpy(a->ip, ip->s6_addr, 16);
}

void
addr_of_sockaddr(struct addr *a, const struct sockaddr *sa)
{
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	/* Copied out: what we are given need not be aligned for its type. */
	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&sin, sa, sizeof(sin));
		set_ip4(a, &sin.sin_addr);
		a->port = ntohs(sin.sin_port);
		break;
	case AF_INET6:
		memcpy(&sin6, sa, sizeof(sin6));
		set_ip6(a, &sin6.sin6_addr);
		a->port = ntohs(sin6.sin6_port);
		break;
	default:
		memset(a, 0, sizeof(*a));
		break;
	}
}

socklen_t
addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };

	memset(ss, 0, sizeof(*ss));
	switch (a->family) {
	case 4:
		sin.sin_port = htons(a->port);
		memcpy(&sin.sin_addr, a->ip, 4);
		memcpy(ss, &sin, sizeof(sin));
		return sizeof(sin);
	case 6:
		sin6.sin6_port = htons(a->port);
		memcpy(&sin6.sin6_addr, a->ip, 16);
		memcpy(ss, &sin6, sizeof(sin6));
		return sizeof(sin6);
	default:
		return 0;
	}
}

socklen_t
addr_unix_sockaddr(const char *path, struct sockaddr_storage *ss)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	memset(ss, 0, sizeof(*ss));
	ss->ss_family = AF_UNIX;
	if (strlen(path) >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		return 0;
	}
	strcpy(un.sun_path, path);
	memcpy(ss, &un, sizeof(un));
	return sizeof(un);
}

bool
addr_parse(struct addr *a, struct slice text)
{
	char copy[INET6_ADDRSTRLEN + 1];
	struct in_addr ip4;
	struct in6_addr ip6;

	if (text.n == 0 || text.n >= sizeof(copy))
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	/* A NUL inside would hide what follows it from inet_pton. */
	if (strlen(copy) != text.n)
		return false;

	if (inet_pton(AF_INET, copy, &ip4) == 1)
		set_ip4(a, &ip4);
	else if (inet_pton(AF_INET6, copy, &ip6) == 1)
		set_ip6(a, &ip6);
	else
		return false;
	return true;
}

/* One to three digits, at most `most`. */
static bool
parse_bits(struct slice text, unsigned most, unsigned *bits)
{
	unsigned n = 0;

	if (text.n == 0 || text.n > 3)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		n = n * 10 + (unsigned)(text.p[i] - '0');
	}
	*bits = n;
	return n <= most;
}

bool
addr_parse_network(struct addr *a, struct slice text)
{
	const char *slash = text.n ? memchr(text.p, '/', text.n) : NULL;
	struct slice ip, rest;
	bool written_as_6;
	unsigned bits;

	if (!slash)
		return addr_parse(a, text);
	ip = slice_of(text.p, (size_t)(slash - text.p));
	rest = slice_of(slash + 1, text.n - ip.n - 1);
	if (!addr_parse(a, ip))
		return false;

	written_as_6 = memchr(ip.p, ':', ip.n) != NULL;
	if (!parse_bits(rest, written_as_6 ? BITS_6 : BITS_4, &bits))
		return false;
	if (a->family == 4 && written_as_6) {
		/* A wider one would hold addresses that are not mapped. */
		if (bits < BITS_MAPPED)
			return false;
		bits -= BITS_MAPPED;
	}
	a->prefix = (uint8_t)bits;
	return true;
}

bool
addr_in_network(const struct addr *a, const struct addr *net)
{
	size_t bytes = net->prefix / 8;
	unsigned bits = net->prefix % 8;
	unsigned mask = (0xff00u >> bits) & 0xff;

	if (a->family == 0 || a->family != net->family)
		return false;
	if (memcmp(a->ip, net->ip, bytes) != 0)
		return false;
	return bits == 0 || ((a->ip[bytes] ^ net->ip[bytes]) & mask) == 0;
}

bool
addr_is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	switch (a->family) {
	case 4:
		return a->ip[0] == 127;
	case 6:
		return memcmp(a->ip, one, sizeof(one)) == 0;
	default:
		return true;
	}
}

bool
addr_same_host(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return false;
	return memcmp(a->ip, b->ip, a->family == 4 ? 4 : 16) == 0;
}

/* As inet_ntop(3), which is a sprintf: each request has its client's written. */
static void
dotted(const uint8_t ip[4], char *text)
{
	char room[DECIMAL_MAX];

	for (int i = 0; i < 4; i++) {
		struct slice digits = decimal(room, ip[i]);

		memcpy(text, digits.p, digits.n);
		text += digits.n;
		*text++ = i < 3 ? '.' : '\0';
	}
}

char *
addr_host_text(const struct addr *a, char text[ADDR_TEXT])
{
	if (a->family == 4)
		dotted(a->ip, text);
	else if (a->family != 6 ||
		 !inet_ntop(AF_INET6, a->ip, text, ADDR_TEXT))
		strcpy(text, "unix");
	return text;
}

char *
addr_text(const struct addr *a, char text[ADDR_TEXT])
{
	char host[ADDR_TEXT];

	addr_host_text(a, host);
	if (a->family == 4)
		snprintf(text, ADDR_TEXT, "%.45s:%u", host, a->port);
	else if (a->family == 6)
		snprintf(text, ADDR_TEXT, "[%.45s]:%u", host, a->port);
	else
		strcpy(text, host);
	return text;
}
