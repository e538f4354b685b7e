/* SPDX-License-Identifier: ISC */
/*
 * test_size.c: what an idle tunnel is made of, and a request on its way.
 */
#include "row.h"

#include <stdio.h>

#include "proxy/conn.h"

/* ARCHITECTURE.md, "What an idle tunnel costs": but for its watches, and one. */
#define TUNNEL_MAX 416
#ifdef USE_EPOLL
#define WATCH_MAX 48
#else
#define WATCH_MAX 160
#endif
/* The largest that glibc's malloc keeps at hand for the next who asks. */
#define HANDSHAKE_MAX 1032

static void
an_idle_tunnel_is_small(void **state)
{
	(void)state;
	printf("bytes: conn %zu + server %zu = %zu; each has a stream of %zu, "
	       "of which its watch is %zu\n",
	       sizeof(struct conn), sizeof(struct server),
	       sizeof(struct conn) + sizeof(struct server),
	       sizeof(struct stream), sizeof(struct watch));
	assert_true(sizeof(struct watch) <= WATCH_MAX);
	assert_true(sizeof(struct conn) + sizeof(struct server) <=
		    TUNNEL_MAX + 2 * sizeof(struct watch));
}

static void
a_handshake_is_one_that_malloc_keeps(void **state)
{
	(void)state;
	printf("bytes: handshake %zu; its request's head is %zu, a body %zu, "
	       "captures %zu\n",
	       sizeof(struct handshake), sizeof(struct head),
	       sizeof(struct body), sizeof(struct captures));
	assert_true(sizeof(struct handshake) <= HANDSHAKE_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_tunnel_is_small),
		cmocka_unit_test(a_handshake_is_one_that_malloc_keeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
