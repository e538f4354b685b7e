/* SPDX-License-Identifier: ISC */
/*
 * test_size.c: what an idle tunnel is made of.
 */
#include "row.h"

#include <stdio.h>

#include "proxy/conn.h"

/* The target of ARCHITECTURE.md, "What an idle tunnel costs". */
#define TUNNEL_MAX 672

static void
an_idle_tunnel_is_small(void **state)
{
	(void)state;
	printf("bytes: conn %zu + server %zu = %zu; each has a stream of %zu, "
	       "of which libevent's event is %zu\n",
	       sizeof(struct conn), sizeof(struct server),
	       sizeof(struct conn) + sizeof(struct server),
	       sizeof(struct stream), sizeof(struct event));
	assert_true(sizeof(struct conn) + sizeof(struct server) <= TUNNEL_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_tunnel_is_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
