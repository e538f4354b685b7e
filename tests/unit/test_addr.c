/* SPDX-License-Identifier: ISC */
/*
 * test_addr.c: socket addresses as text and as networks.
 */
#include "row.h"

#include <netinet/in.h>

#include "base/addr.h"

struct parse_row {
	int line;
	const char *text;
	const char *host; /* as it is written back; NULL: no address */
	int family;
	const char *why;
};

static const struct parse_row parses[] = {
	{ __LINE__, "10.0.0.5", "10.0.0.5", 4, "IPv4" },
	{ __LINE__, "::1", "::1", 6, "IPv6" },
	{ __LINE__, "2001:DB8:0:0::5", "2001:db8::5", 6, "its shortest form" },
	{ __LINE__, "::ffff:10.0.0.5", "10.0.0.5", 4, "mapped is IPv4" },
	{ __LINE__, "::ffff:0a00:5", "10.0.0.5", 4, "mapped, in hex" },
	{ __LINE__, "::10.0.0.5", "::10.0.0.5", 6, "compatible, not mapped" },
	{ __LINE__, "", NULL, 0, "nothing" },
	{ __LINE__, "10.0.0", NULL, 0, "three parts" },
	{ __LINE__, "10.0.0.256", NULL, 0, "a part above 255" },
	{ __LINE__, "[::1]", NULL, 0, "brackets are the caller's" },
	{ __LINE__, "10.0.0.5 ", NULL, 0, "a blank" },
	{ __LINE__, "::1%lo", NULL, 0, "a zone" },
	{ __LINE__, "localhost", NULL, 0, "a name" },
	{ __LINE__, "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", NULL,
	  0, "longer than any" },
};

static void
addresses_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parses); i++) {
		const struct parse_row *r = &parses[i];
		struct slice text = slice_str(r->text);
		char *copy = exact_copy(text), back[ADDR_TEXT] = "";
		struct addr a;
		bool good = addr_parse(&a, slice_of(copy, text.n));

		free(copy);
		ROW_CHECK(r, good == (r->host != NULL), "%s", r->text);
		if (!good || !r->host)
			continue;
		addr_host_text(&a, back);
		ROW_CHECK(r, strcmp(back, r->host) == 0, "%s", back);
		ROW_CHECK(r, a.family == r->family, "%d", a.family);
		ROW_CHECK(r, a.port == 0, "%d", a.port);
	}
	rows_end();
}

static void
a_nul_within_is_no_address(void **state)
{
	struct addr a;

	(void)state;
	assert_false(addr_parse(&a, slice_of("10.0.0.5\0x", 10)));
}

struct net_row {
	int line;
	const char *net, *addr;
	bool in;
	const char *why;
};

static const struct net_row nets[] = {
	{ __LINE__, "10.0.0.0/8", "10.255.255.255", true, "whole bytes" },
	{ __LINE__, "10.0.0.0/8", "11.0.0.0", false, "another first byte" },
	{ __LINE__, "10.0.0.0/12", "10.15.0.1", true, "part of a byte" },
	{ __LINE__, "10.0.0.0/12", "10.16.0.1", false, "the bit beyond" },
	{ __LINE__, "10.9.9.9/8", "10.1.1.1", true, "bits past it are free" },
	{ __LINE__, "0.0.0.0/0", "8.8.8.8", true, "everything of a family" },
	{ __LINE__, "0.0.0.0/0", "::1", false, "but of the other nothing" },
	{ __LINE__, "10.0.0.5", "10.0.0.5", true, "one address" },
	{ __LINE__, "10.0.0.5", "10.0.0.4", false, "its neighbour" },
	{ __LINE__, "10.0.0.5/32", "10.0.0.5", true, "the same, written out" },
	{ __LINE__, "fd00::/8", "fdff::1", true, "IPv6" },
	{ __LINE__, "fd00::/8", "fe00::1", false, "IPv6, outside" },
	{ __LINE__, "::1/128", "::1", true, "all 128 bits" },
	{ __LINE__, "::ffff:10.0.0.0/104", "10.1.2.3", true, "mapped" },
	{ __LINE__, "::ffff:10.0.0.0/104", "11.1.2.3", false, "mapped, out" },
	{ __LINE__, "10.0.0.0/8", "::ffff:10.0.0.1", true, "mapped client" },
};

static void
addresses_in_networks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(nets); i++) {
		const struct net_row *r = &nets[i];
		struct addr net, a;

		assert_true(addr_parse_network(&net, slice_str(r->net)));
		assert_true(addr_parse(&a, slice_str(r->addr)));
		ROW_CHECK(r, addr_in_network(&a, &net) == r->in, "%s in %s",
			  r->addr, r->net);
	}
	rows_end();
}

static void
what_is_no_network(void **state)
{
	static const char *const bad[] = {
		"", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/8x",
		"10.0.0.0/+8", "10.0.0.0/0008", "10.0.0.0/8/8", "net/8",
		"::ffff:10.0.0.0/95",
	};
	struct addr net;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (addr_parse_network(&net, slice_str(bad[i])))
			fail_msg("%s", bad[i]);
}

static void
loopback(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} rows[] = {
		{ "127.0.0.1", true }, { "127.9.9.9", true },
		{ "128.0.0.1", false }, { "::1", true }, { "::2", false },
		{ "::ffff:127.0.0.1", true }, { "0.0.0.0", false },
	};
	struct addr a, nameless = { .family = 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(addr_parse(&a, slice_str(rows[i].text)));
		if (addr_is_loopback(&a) != rows[i].is)
			fail_msg("%s", rows[i].text);
	}
	assert_true(addr_is_loopback(&nameless));
}

/* From the kernel's form to ours and back. */
static void
round_trip(const char *host, uint16_t port, const char *text)
{
	struct addr a, b;
	struct sockaddr_storage ss;
	char back[ADDR_TEXT];
	socklen_t n;

	assert_true(addr_parse(&a, slice_str(host)));
	a.port = port;
	n = addr_to_sockaddr(&a, &ss);
	assert_int_equal(n, a.family == 4 ? sizeof(struct sockaddr_in)
					  : sizeof(struct sockaddr_in6));
	addr_of_sockaddr(&b, (struct sockaddr *)&ss);
	assert_true(addr_same_host(&a, &b));
	assert_int_equal(b.port, port);
	assert_string_equal(addr_text(&b, back), text);
}

static void
kernel_forms(void **state)
{
	struct sockaddr_in6 mapped = {
		.sin6_family = AF_INET6, .sin6_port = htons(80),
		.sin6_addr.s6_addr = { [10] = 0xff, [11] = 0xff, [12] = 10,
				       [15] = 5 },
	};
	struct sockaddr un = { .sa_family = AF_UNIX };
	struct sockaddr_storage ss;
	char text[ADDR_TEXT];
	struct addr a;

	(void)state;
	round_trip("10.0.0.5", 80, "10.0.0.5:80");
	round_trip("2001:db8::1", 65535, "[2001:db8::1]:65535");
	addr_of_sockaddr(&a, (struct sockaddr *)&mapped);
	assert_string_equal(addr_text(&a, text), "10.0.0.5:80");
	addr_of_sockaddr(&a, &un);
	assert_string_equal(addr_text(&a, text), "unix");
	assert_int_equal(addr_to_sockaddr(&a, &ss), 0);
	assert_int_equal(sizeof(struct addr), 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_parse),
		cmocka_unit_test(a_nul_within_is_no_address),
		cmocka_unit_test(addresses_in_networks),
		cmocka_unit_test(what_is_no_network),
		cmocka_unit_test(loopback),
		cmocka_unit_test(kernel_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
