/* SPDX-License-Identifier: ISC */
/*
 * test_hosts.c: the order in which addresses are tried.
 */
#include "row.h"

#include <stdio.h>

#include "net/resolve.h"
#include "proxy/hosts.h"

#define NOW 1000000
#define ADDRS_MAX 8

/* Addresses are written as lists of "4a", "6b" and so on. */
static struct addr
addr_of(const char *text)
{
	struct addr a = { .family = text[0] == '4' ? 4 : 6,
			  .port = 80,
			  .ip = { 10, 0, 0, (uint8_t)text[1] } };

	return a;
}

static size_t
read_list(const char *list, struct addr *addrs)
{
	size_t n = 0;

	for (; *list; list += strcspn(list, " "), list += *list == ' ')
		addrs[n++] = addr_of(list);
	return n;
}

static const char *
write_list(const struct addr *addrs, size_t n, char *text)
{
	char *p = text;

	*p = '\0';
	for (size_t i = 0; i < n; i++)
		p += sprintf(p, "%s%u%c", i ? " " : "", addrs[i].family,
			     addrs[i].ip[3]);
	return text;
}

static const struct order_row {
	int line;
	const char *resolved; /* as the resolver has them */
	const char *shunned;
	const char *tried;
	const char *why;
} orders[] = {
	{ __LINE__, "4a", "", "4a", "one" },
	{ __LINE__, "4a", "4a", "4a", "one that failed is all there is" },
	{ __LINE__, "6a 6b 6c 4d 4e", "", "6a 4d 6b 4e 6c",
	  "families take turns (RFC 8305 4)" },
	{ __LINE__, "4a 4b 6c", "", "4a 6c 4b",
	  "beginning with the resolver's first" },
	{ __LINE__, "4c 4a 4b", "", "4c 4a 4b", "one family stays as it was" },
	{ __LINE__, "6a 4b", "6a", "4b 6a", "one that failed is tried last" },
	{ __LINE__, "6a 6b 4c 4d", "6a 4c", "6b 4d 6a 4c",
	  "in turns among themselves as well" },
	{ __LINE__, "6a 6b 4c", "4c", "6a 6b 4c",
	  "a family that failed does not get its turn" },
	{ __LINE__, "4a 6b", "4a 6b", "4a 6b", "all failed: as if none had" },
};

static void
addresses_are_ordered(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		const struct order_row *r = &orders[i];
		struct addr addrs[ADDRS_MAX], bad[ADDRS_MAX];
		size_t n = read_list(r->resolved, addrs);
		size_t nbad = read_list(r->shunned, bad);
		char text[ADDRS_MAX * 4];
		struct hosts h;

		hosts_init(&h);
		for (size_t j = 0; j < nbad; j++)
			hosts_shun(&h, &bad[j], NOW);
		hosts_order(&h, addrs, n, NOW + SHUN_MS - 1);
		write_list(addrs, n, text);
		ROW_CHECK(r, strcmp(text, r->tried) == 0, "%s", text);
		hosts_fini(&h);
	}
	rows_end();
}

/* Which of two is tried first? */
static uint8_t
first_of_two(const struct hosts *h, uint64_t now)
{
	struct addr addrs[2] = { addr_of("4a"), addr_of("4b") };

	hosts_order(h, addrs, 2, now);
	return addrs[0].ip[3];
}

static void
failures_are_forgotten(void **state)
{
	struct addr a = addr_of("4a"), other_port = a;
	struct hosts h;

	(void)state;
	hosts_init(&h);
	other_port.port = 81;
	hosts_shun(&h, &other_port, NOW);
	assert_int_equal(first_of_two(&h, NOW), 'a');
	hosts_shun(&h, &a, NOW);
	assert_int_equal(first_of_two(&h, NOW), 'b');
	assert_int_equal(first_of_two(&h, NOW + SHUN_MS), 'a');
	hosts_forgive(&h, &other_port);
	assert_int_equal(first_of_two(&h, NOW), 'b');
	hosts_forgive(&h, &a);
	assert_int_equal(first_of_two(&h, NOW), 'a');
	hosts_fini(&h);
}

/* More failures than there are places: the oldest makes room. */
static void
many_failures_fit(void **state)
{
	struct addr a = addr_of("4a"), other = addr_of("4z");
	struct hosts h;

	(void)state;
	hosts_init(&h);
	hosts_shun(&h, &other, NOW);
	hosts_shun(&h, &a, NOW + 1);
	for (unsigned i = 0; i < SHUNNED_MAX - 1; i++) {
		other.port = (uint16_t)(1000 + i);
		hosts_shun(&h, &other, NOW + 2);
	}
	assert_int_equal(first_of_two(&h, NOW + 2), 'b');
	other.port++;
	hosts_shun(&h, &other, NOW + 3);
	assert_int_equal(first_of_two(&h, NOW + 3), 'a');
	hosts_fini(&h);
}

static void
names_are_known_by_their_last_news(void **state)
{
	struct addr addrs[2] = { addr_of("4a"), addr_of("6b") };
	struct hosts h;

	(void)state;
	hosts_init(&h);
	assert_null(hosts_find(&h, "next"));
	hosts_set(&h, host_new("next", NULL, 0));
	hosts_set(&h, host_new("novnc", addrs, 1));
	assert_int_equal(hosts_find(&h, "next")->n, 0);
	hosts_set(&h, host_new("Next", addrs, 2));
	assert_int_equal(hosts_find(&h, "next")->n, 2);
	assert_int_equal(hosts_find(&h, "next")->addrs[1].family, 6);
	assert_int_equal(hosts_find(&h, "novnc")->n, 1);
	hosts_fini(&h);
}

static const struct literal_row {
	int line;
	const char *host, *addrs;
	const char *why;
} literals[] = {
	{ __LINE__, "10.0.0.5", "10.0.0.5:80 ", "IPv4" },
	{ __LINE__, "::5", "[::5]:80 ", "IPv6" },
	{ __LINE__, "localhost", "127.0.0.1:80 [::1]:80 ",
	  "both, whatever /etc/hosts says (RFC 6761 6.3)" },
	{ __LINE__, "LocalHost", "127.0.0.1:80 [::1]:80 ", "in any case" },
	{ __LINE__, "localhost.test", "", "another name" },
	{ __LINE__, "10.0.0.256", "", "no address" },
};

static void
literals_are_known_at_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(literals); i++) {
		const struct literal_row *r = &literals[i];
		char all[4 * ADDR_TEXT] = "", text[ADDR_TEXT];
		struct addr *addrs;
		size_t n;
		bool ok = resolve_at_once(r->host, 80, &addrs, &n);

		for (size_t j = 0; j < n; j++) {
			strcat(all, addr_text(&addrs[j], text));
			strcat(all, " ");
		}
		ROW_CHECK(r, strcmp(all, r->addrs) == 0, "%s", all);
		ROW_CHECK(r, ok == (n > 0), "%zu", n);
		free(addrs);
	}
	rows_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_ordered),
		cmocka_unit_test(failures_are_forgotten),
		cmocka_unit_test(many_failures_fit),
		cmocka_unit_test(names_are_known_by_their_last_news),
		cmocka_unit_test(literals_are_known_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
