/* SPDX-License-Identifier: ISC */
/*
 * proxyhdr.c: the header of the PROXY protocol, versions 1 and 2.
 */
#include "proto/proxyhdr.h"

#include <stdio.h>
#include <string.h>

#include "base/slice.h"

#define LINE_MAX_1 107 /* of version 1, with its CRLF */
#define PREFIX_2 16    /* of version 2: signature, command, family, length */

/* Of the block of addresses. */
#define IP4_LEN 12
#define IP6_LEN 36
#define UNIX_LEN 216

static const struct slice line_start = { "PROXY ", 6 };
static const struct slice signature = { "\r\n\r\n\0\r\nQUIT\n", 12 };

static const char is_none[] =
	"these bytes are no PROXY header, which this listener wants first";
static const char bad_line[] =
	"a PROXY header of version 1 is a line such as \"PROXY TCP4 192.0.2.1 "
	"192.0.2.2 54321 80\", ended by CRLF";
static const char bad_version[] =
	"the PROXY header has a version or command that is not defined";
static const char bad_family[] =
	"the PROXY header has a family or transport that is not defined";
static const char too_short[] =
	"the PROXY header is too short for its addresses";
static const char too_long[] = "the PROXY header is longer than 4096 bytes";

static enum proxyhdr_look
bad(struct proxyhdr *h, const char *fault)
{
	h->fault = fault;
	return PROXYHDR_BAD;
}

/* ---- version 1 ---- */

/* Takes the word before the next blank off the front; false without one. */
static bool
next_word(struct slice *left, struct slice *word)
{
	const char *blank = left->n ? memchr(left->p, ' ', left->n) : NULL;

	*word = slice_of(left->p, blank ? (size_t)(blank - left->p) : left->n);
	*left = blank ? slice_of(blank + 1, left->n - word->n - 1) : SLICE_NONE;
	return word->n > 0;
}

/* "0" to "65535", without leading zeros. */
static bool
parse_port(struct slice text, uint16_t *port)
{
	unsigned n = 0;

	if (text.n == 0 || text.n > 5 || (text.p[0] == '0' && text.n > 1))
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		n = n * 10 + (unsigned)(text.p[i] - '0');
	}
	*port = (uint16_t)n;
	return n <= UINT16_MAX;
}

static bool
parse_address(struct slice text, bool six, struct addr *a)
{
	return (text.n > 0 && memchr(text.p, ':', text.n)) == six &&
	       addr_parse(a, text);
}

/* "192.0.2.1 192.0.2.2 54321 80" */
static bool
parse_addresses(struct slice left, bool six, struct addr *client)
{
	struct slice word;
	struct addr to;

	return next_word(&left, &word) && parse_address(word, six, client) &&
	       next_word(&left, &word) && parse_address(word, six, &to) &&
	       next_word(&left, &word) && parse_port(word, &client->port) &&
	       next_word(&left, &word) && parse_port(word, &to.port) &&
	       !left.p;
}

/* What stands behind "PROXY ". */
static bool
parse_line(struct proxyhdr *h, struct slice line)
{
	struct slice family;
	bool six;

	if (!next_word(&line, &family))
		return false;
	if (slice_eq(family, SLICE("UNKNOWN")))
		return true; /* and whatever follows */
	six = slice_eq(family, SLICE("TCP6"));
	if (!six && !slice_eq(family, SLICE("TCP4")))
		return false;
	h->has_client = parse_addresses(line, six, &h->client);
	return h->has_client;
}

static enum proxyhdr_look
look_1(struct proxyhdr *h, struct slice in)
{
	size_t most = in.n < LINE_MAX_1 ? in.n : LINE_MAX_1;
	const char *cr = memchr(in.p, '\r', most);
	size_t n = cr ? (size_t)(cr - in.p) : most;

	if (memchr(in.p, '\n', n) || n + 1 >= LINE_MAX_1)
		return bad(h, bad_line);
	if (!cr || n + 1 == in.n)
		return PROXYHDR_MORE;
	if (in.p[n + 1] != '\n' ||
	    !parse_line(h, slice_of(in.p + line_start.n, n - line_start.n)))
		return bad(h, bad_line);
	h->len = n + 2;
	return PROXYHDR_WHOLE;
}

/* ---- version 2 ---- */

static uint16_t
read_16(const char *p)
{
	return (uint16_t)((uint8_t)p[0] << 8 | (uint8_t)p[1]);
}

/* From the family's address there, and the port behind both addresses. */
static void
read_client(struct proxyhdr *h, const char *block, bool six)
{
	struct addr mapped = { .family = 6, .prefix = 128 };
	struct sockaddr_storage ss;
	size_t n = six ? 16 : 4;

	h->has_client = true;
	h->client = (struct addr){ .family = 4, .prefix = 32 };
	memcpy(six ? mapped.ip : h->client.ip, block, n);
	if (six) { /* one that is IPv4's becomes one */
		addr_to_sockaddr(&mapped, &ss);
		addr_of_sockaddr(&h->client, (struct sockaddr *)&ss);
	}
	h->client.port = read_16(block + 2 * n);
}

/* Of each family; false where the block is too short for it. */
static bool
read_block(struct proxyhdr *h, const char *block, size_t n, uint8_t family,
	   bool stream)
{
	static const size_t least[] = { 0, IP4_LEN, IP6_LEN, UNIX_LEN };

	if (n < least[family])
		return false;
	if (stream && (family == 1 || family == 2))
		read_client(h, block, family == 2);
	return true;
}

static enum proxyhdr_look
look_2(struct proxyhdr *h, struct slice in)
{
	uint8_t command, family, transport;
	size_t n;

	if (in.n < PREFIX_2)
		return PROXYHDR_MORE;
	command = (uint8_t)in.p[12];
	family = (uint8_t)in.p[13] >> 4;
	transport = in.p[13] & 0xf;
	n = read_16(in.p + 14);
	if (command != 0x20 && command != 0x21)
		return bad(h, bad_version);
	if (family > 3 || transport > 2)
		return bad(h, bad_family);
	if (n > PROXYHDR_MAX - PREFIX_2)
		return bad(h, too_long);
	if (in.n < PREFIX_2 + n)
		return PROXYHDR_MORE;
	/* LOCAL: the sender's own, a health check; the block means nothing. */
	if (command == 0x21 &&
	    !read_block(h, in.p + PREFIX_2, n, family, transport == 1))
		return bad(h, too_short);
	h->len = PREFIX_2 + n;
	return PROXYHDR_WHOLE;
}

/* ---- either ---- */

/* Do they agree as far as both go? */
static bool
may_become(struct slice in, struct slice whole)
{
	size_t n = in.n < whole.n ? in.n : whole.n;

	return n == 0 || memcmp(in.p, whole.p, n) == 0;
}

enum proxyhdr_look
proxyhdr_look(struct proxyhdr *h, const void *p, size_t n)
{
	struct slice in = slice_of(p, n);

	*h = (struct proxyhdr){ .len = 0 };
	if (may_become(in, line_start))
		return n < line_start.n ? PROXYHDR_MORE : look_1(h, in);
	if (may_become(in, signature))
		return look_2(h, in);
	return bad(h, is_none);
}

/* ---- writing ---- */

/* IPv4 as IPv6, where the other address is one (RFC 4291 2.5.5.2). */
static void
put_ip6(uint8_t out[16], const struct addr *a)
{
	memset(out, 0, 16);
	if (a->family == 6)
		memcpy(out, a->ip, 16);
	if (a->family != 4)
		return;
	out[10] = out[11] = 0xff;
	memcpy(out + 12, a->ip, 4);
}

static void
put_16(char *out, uint16_t n)
{
	out[0] = (char)(n >> 8);
	out[1] = (char)n;
}

static size_t
write_2(char *out, const struct addr *from, const struct addr *to, bool six)
{
	size_t n = six ? 16 : 4;
	char *at = out + signature.n;

	memcpy(out, signature.p, signature.n);
	*at++ = 0x21;
	*at++ = from->family == 0 ? 0 : six ? 0x21 : 0x11;
	put_16(at, from->family == 0 ? 0 : (uint16_t)(2 * n + 4));
	at += 2;
	if (from->family == 0)
		return PREFIX_2;
	if (six) {
		put_ip6((uint8_t *)at, from);
		put_ip6((uint8_t *)at + n, to);
	} else {
		memcpy(at, from->ip, n);
		memcpy(at + n, to->ip, n);
	}
	put_16(at + 2 * n, from->port);
	put_16(at + 2 * n + 2, to->port);
	return PREFIX_2 + 2 * n + 4;
}

/* "192.0.2.1", and as IPv6 "::ffff:192.0.2.1". */
static const char *
text_of(const struct addr *a, bool six, char text[ADDR_TEXT])
{
	char host[ADDR_TEXT];

	if (a->family == 0)
		return six ? "::" : "0.0.0.0";
	addr_host_text(a, host);
	snprintf(text, ADDR_TEXT, "%s%.45s",
		 six && a->family == 4 ? "::ffff:" : "", host);
	return text;
}

static size_t
write_1(char *out, const struct addr *from, const struct addr *to, bool six)
{
	char from_text[ADDR_TEXT], to_text[ADDR_TEXT];
	int n;

	if (from->family == 0)
		n = snprintf(out, PROXYHDR_OUT, "PROXY UNKNOWN\r\n");
	else
		n = snprintf(out, PROXYHDR_OUT, "PROXY TCP%d %s %s %u %u\r\n",
			     six ? 6 : 4, text_of(from, six, from_text),
			     text_of(to, six, to_text), from->port, to->port);
	return (size_t)n;
}

size_t
proxyhdr_write(char out[PROXYHDR_OUT], unsigned version,
	       const struct addr *from, const struct addr *to)
{
	bool six = from->family == 6 || to->family == 6;

	return version == 1 ? write_1(out, from, to, six)
			    : write_2(out, from, to, six);
}
