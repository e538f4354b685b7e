/* SPDX-License-Identifier: ISC */
/*
 * proxyhdr.c: a PROXY header is found however it is split, no byte behind it
 * is taken, and what is written is read again.
 *
 * Input: the bytes at the beginning of a connection; as a source of addresses
 * for the way back, the same bytes once more.
 */
#include "fuzz.h"

#include "proto/proxyhdr.h"

static bool
same(const struct addr *a, const struct addr *b)
{
	return addr_same_host(a, b) && a->port == b->port;
}

/* As it comes: each piece is looked at together with those before it. */
static void
split(struct slice in, size_t piece, enum proxyhdr_look whole,
      const struct proxyhdr *expected)
{
	enum proxyhdr_look look = PROXYHDR_MORE;
	struct proxyhdr h = { .len = 0 };
	size_t n = 0;

	while (look == PROXYHDR_MORE && n < in.n) {
		char *part;

		n = in.n - n < piece ? in.n : n + piece;
		part = fuzz_copy(slice_of(in.p, n));
		look = proxyhdr_look(&h, part, n);
		free(part);
		MUST(look != PROXYHDR_MORE || n < PROXYHDR_MAX);
	}
	MUST(look == whole);
	MUST(look != PROXYHDR_BAD || h.fault);
	if (look != PROXYHDR_WHOLE)
		return;
	MUST(h.len == expected->len && h.len <= n && h.len <= PROXYHDR_MAX);
	MUST(n - h.len < piece || n == in.n);
	MUST(h.has_client == expected->has_client);
	MUST(!h.has_client || same(&h.client, &expected->client));
}

static struct addr
take_addr(struct slice *in)
{
	static const uint8_t families[] = { 0, 4, 6, 6 };
	struct addr a = { .family = families[fuzz_byte(in) & 3] };
	struct sockaddr_storage ss;

	a.port = (uint16_t)(fuzz_byte(in) << 8 | fuzz_byte(in));
	for (unsigned i = 0; i < 16; i++)
		a.ip[i] = i < 4 || a.family == 6 ? fuzz_byte(in) : 0;
	if (a.family == 0)
		return (struct addr){ .family = 0 };
	addr_to_sockaddr(&a, &ss); /* as the kernel gives it */
	addr_of_sockaddr(&a, (struct sockaddr *)&ss);
	return a;
}

static void
there_and_back(struct slice in, unsigned version)
{
	struct addr from = take_addr(&in), to = take_addr(&in);
	char out[PROXYHDR_OUT];
	struct proxyhdr h;
	size_t n = proxyhdr_write(out, version, &from, &to);
	char *written = fuzz_copy(slice_of(out, n));

	MUST(n < PROXYHDR_OUT);
	MUST(proxyhdr_look(&h, written, n) == PROXYHDR_WHOLE);
	MUST(h.len == n);
	MUST(h.has_client == (from.family != 0));
	MUST(!h.has_client || same(&h.client, &from));
	free(written);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of((const char *)data, size);
	char *copy = fuzz_copy(in);
	struct proxyhdr h;
	enum proxyhdr_look look = proxyhdr_look(&h, copy, size);

	split(in, 1, look, &h);
	split(in, 7, look, &h);
	there_and_back(in, 1);
	there_and_back(in, 2);
	free(copy);
	return 0;
}
