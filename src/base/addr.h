/* SPDX-License-Identifier: ISC */
/*
 * addr.h: socket addresses in 20 bytes, as text, and networks.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/attrib.h"
#include "base/slice.h"

/* An IPv4 or IPv6 address and port; sockaddr_storage would take 128 bytes. */
struct addr {
	uint8_t family; /* 4 or 6; 0: none, or a unix socket's nameless peer */
	uint8_t prefix; /* of a network: its length in bits */
	uint16_t port;  /* host byte order */
	uint8_t ip[16]; /* IPv4 in the first four */
};

#define ADDR_TEXT 64

/* An IPv4-mapped IPv6 address (::ffff:a.b.c.d) is taken as the IPv4 one. */
void addr_of_sockaddr(struct addr *a, const struct sockaddr *sa);
/* Returns the length for connect(2) or bind(2). */
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss);
/* The same of a unix socket; 0 and errno when the path is too long for one. */
socklen_t addr_unix_sockaddr(const char *path, struct sockaddr_storage *ss);

/* A literal IPv4 or IPv6 address, without brackets; port 0. */
bool addr_parse(struct addr *a, struct slice text) WUNRES;
/* The same or with /bits: "10.0.0.0/8". */
bool addr_parse_network(struct addr *a, struct slice text) WUNRES;
bool addr_in_network(const struct addr *a, const struct addr *net);
/* 127.0.0.0/8, ::1, or a unix socket's peer. */
bool addr_is_loopback(const struct addr *a);
bool addr_same_host(const struct addr *a, const struct addr *b);

/* "10.0.0.5", "::1", "unix"; returns text. */
char *addr_host_text(const struct addr *a, char text[ADDR_TEXT]);
/* "10.0.0.5:80", "[::1]:80", "unix". */
char *addr_text(const struct addr *a, char text[ADDR_TEXT]);

#endif
