/* SPDX-License-Identifier: ISC */
/*
 * test_mailbox.c: letters to a loop, and when they are read.
 */
#include "row.h"


#include "run/mailbox.h"

struct reader {
	struct mailbox mail;
	struct poller *poller;
	unsigned read;
	unsigned replies; /* still to be posted, one for each that is read */
};

static void
on_letter(enum message what, void *arg, void *owner)
{
	struct reader *r = owner;

	assert_int_equal(what, MSG_SURVEY);
	assert_ptr_equal(arg, r);
	r->read++;
	if (r->replies > 0) {
		r->replies--;
		mailbox_post(&r->mail, MSG_SURVEY, r);
	}
}

static void
init(struct reader *r, unsigned replies)
{
	*r = (struct reader){ .poller = poller_new(NULL), .replies = replies };
	assert_non_null(r->poller);
	assert_true(mailbox_init(&r->mail, r->poller, on_letter, r));
}

static void
fini(struct reader *r)
{
	mailbox_fini(&r->mail);
	poller_free(r->poller);
}

static void
turn(struct reader *r)
{
	poller_turn(r->poller, false);
}

static void
those_that_are_there(void **state)
{
	struct reader r;

	(void)state;
	init(&r, 0);
	turn(&r);
	assert_int_equal(r.read, 0);
	for (unsigned i = 0; i < 3; i++)
		mailbox_post(&r.mail, MSG_SURVEY, &r);
	turn(&r);
	assert_int_equal(r.read, 3);
	turn(&r);
	assert_int_equal(r.read, 3);
	fini(&r);
}

/* Between a letter and the answer to its answer the loop turns. */
static void
an_answer_has_the_next_turn(void **state)
{
	struct reader r;

	(void)state;
	init(&r, 2);
	mailbox_post(&r.mail, MSG_SURVEY, &r);
	for (unsigned i = 1; i <= 3; i++) {
		turn(&r);
		assert_int_equal(r.read, i);
	}
	fini(&r);
}

static void
none_is_lost_at_the_end(void **state)
{
	struct reader r;

	(void)state;
	init(&r, 2);
	mailbox_post(&r.mail, MSG_SURVEY, &r);
	fini(&r);
	assert_int_equal(r.read, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_that_are_there),
		cmocka_unit_test(an_answer_has_the_next_turn),
		cmocka_unit_test(none_is_lost_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
