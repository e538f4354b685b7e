/* SPDX-License-Identifier: ISC */
/*
 * test_upgrade.c: is this a WebSocket upgrade, and is that the 101 to it?
 */
#include "row.h"

#include "upgrade_rows.h"

static void
the_key_of_rfc_6455(void **state)
{
	char accept[UPGRADE_ACCEPT_LEN];
	char *p = exact_copy(SLICE(KEY));

	(void)state;
	upgrade_accept(slice_of(p, strlen(KEY)), accept);
	assert_memory_equal(accept, ACCEPT, sizeof(accept));
	free(p);
}

static void
parse(struct head *h, enum head_kind kind, const char *text)
{
	const struct head_fault *f;

	f = head_parse(h, kind, text, strlen(text));
	if (f)
		fail_msg("%s in: %s", f->word, text);
}

static void
without_a_key_nothing_can_be_verified(void **state)
{
	/* What the accept of an empty key would be. */
	static const char empty[] =
		SWITCH(UPGRADE "Sec-WebSocket-Accept: "
			       "Kfh9QIsMVZcl6xEPYxPHzW8SZ8w=\r\n");
	struct head req, res;

	(void)state;
	parse(&res, HEAD_RESPONSE, empty);
	parse(&req, HEAD_REQUEST, ASK(UPGRADE));
	assert_non_null(upgrade_refute(&req, &res, true));
	assert_null(upgrade_refute(&req, &res, false));
	head_fini(&req);
	parse(&req, HEAD_REQUEST, ASK(UPGRADE "Sec-WebSocket-Key:\r\n"));
	assert_non_null(upgrade_refute(&req, &res, true));
	head_fini(&req);
	head_fini(&res);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_key_of_rfc_6455),
		cmocka_unit_test(without_a_key_nothing_can_be_verified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
