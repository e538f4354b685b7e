/* SPDX-License-Identifier: ISC */
/*
 * test_poller.c: news of descriptors, and timers.
 */
#include "row.h"

#include <event2/event.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/poller.h"

#define MANY 300
#define BUSY 100000

/* One end of a pair is watched, the other is ours. */
struct end {
	struct watch watch;
	int other;
	unsigned calls, news; /* all that came */
	struct end *victim;   /* is closed by the first call */
	unsigned again;       /* how often it wakes itself */
	struct end *speaks_to; /* by the first call */
};

static struct poller *poller;

static void
on_news(struct watch *w, unsigned news)
{
	struct end *e = container_of(w, struct end, watch);

	e->calls++;
	e->news |= news;
	if (e->victim)
		watch_close(&e->victim->watch);
	e->victim = NULL;
	if (e->speaks_to)
		(void)!write(e->speaks_to->other, "x", 1);
	e->speaks_to = NULL;
	if (e->again > 0) {
		e->again--;
		watch_wake(w, NEWS_READ);
	}
}

static void
end_open(struct end *e, unsigned wanted)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
				    fds), 0);
	*e = (struct end){ .other = fds[1] };
	watch_init(&e->watch, poller, fds[0], on_news);
	assert_true(watch_want(&e->watch, wanted));
}

static void
end_close(struct end *e)
{
	watch_close(&e->watch);
	close(e->other);
}

static void
say(struct end *e)
{
	assert_int_equal(write(e->other, "x", 1), 1);
}

/* What a turn tells it. */
static unsigned
news_of(struct end *e)
{
	e->news = 0;
	assert_true(poller_turn(poller, false) >= 0);
	return e->news;
}

static int
open_poller(void **state)
{
	(void)state;
	poller = poller_new(NULL);
	return poller ? 0 : -1;
}

static int
close_poller(void **state)
{
	(void)state;
	poller_free(poller);
	return 0;
}

/* What rings at a time. */
struct bell {
	struct timer timer;
	unsigned place; /* in the order of ringing, from 1; 0: silent */
	uint64_t due, rang;
};

static unsigned rung;

static void
on_time(struct timer *t)
{
	struct bell *b = container_of(t, struct bell, timer);

	b->place = ++rung;
	b->rang = clock_ms();
}

static void
bell_set(struct bell *b, uint64_t in)
{
	*b = (struct bell){ .due = clock_ms() + in };
	timer_init(&b->timer, poller, on_time);
	timer_set(&b->timer, b->due);
}

/* ---- watches */

static void
tells_what_is_wanted_as_long_as_it_is_so(void **state)
{
	struct end e;

	(void)state;
	end_open(&e, NEWS_READ);
	assert_int_equal(news_of(&e), 0);
	say(&e);
	assert_int_equal(news_of(&e), NEWS_READ);
	assert_int_equal(news_of(&e), NEWS_READ);
	assert_true(watch_want(&e.watch, NEWS_READ | NEWS_WRITE));
	assert_int_equal(news_of(&e), NEWS_READ | NEWS_WRITE);
	assert_true(watch_want(&e.watch, NEWS_WRITE));
	assert_int_equal(news_of(&e), NEWS_WRITE);
	assert_true(watch_want(&e.watch, 0));
	assert_int_equal(news_of(&e), 0);
	assert_true(watch_want(&e.watch, NEWS_READ));
	assert_int_equal(news_of(&e), NEWS_READ);
	end_close(&e);
}

static void
an_end_is_told_once(void **state)
{
	struct end e;

	(void)state;
	end_open(&e, NEWS_END);
	(void)news_of(&e); /* where there is no epoll, one without need */
	say(&e);
	assert_int_equal(news_of(&e), 0);
	assert_int_equal(shutdown(e.other, SHUT_WR), 0);
	assert_int_equal(news_of(&e), NEWS_END);
	assert_int_equal(news_of(&e), 0);
	/* Who asks anew is told anew. */
	assert_true(watch_want(&e.watch, 0));
	assert_true(watch_want(&e.watch, NEWS_END));
	assert_int_equal(news_of(&e), NEWS_END);
	end_close(&e);
}

/* Where epoll tells more than is wanted, it is told so, rather than spun. */
static void
what_is_not_wanted_wakes_nobody(void **state)
{
	static const unsigned less[] = { 0, NEWS_WRITE };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(less); i++) {
		struct bell b;
		struct end e;
		char filling[4096] = "";
		int turns = 0;

		rung = 0;
		end_open(&e, NEWS_READ | less[i]);
		while (write(e.watch.fd, filling, sizeof(filling)) > 0)
			;
		say(&e);
		assert_int_equal(news_of(&e), NEWS_READ);
		assert_true(watch_want(&e.watch, less[i]));
		bell_set(&b, 50);
		for (; !rung; turns++)
			assert_true(poller_turn(poller, true) >= 0);
		assert_true(turns < 20); /* the clock is coarse */
		assert_int_equal(e.calls, 1);
		end_close(&e);
	}
}

static void
a_lost_connection_is_all_news(void **state)
{
	static const unsigned wanted[] = { NEWS_READ, NEWS_WRITE, NEWS_END };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		struct end e;

		end_open(&e, wanted[i]);
		(void)news_of(&e);
		close(e.other);
		assert_int_equal(news_of(&e), wanted[i]);
		watch_close(&e.watch);
	}
}

static void
what_was_woken_has_its_turn_at_once(void **state)
{
	struct end e;

	(void)state;
	end_open(&e, 0);
	watch_wake(&e.watch, NEWS_WRITE);
	assert_true(watch_has_news(&e.watch));
	e.again = 1;
	assert_int_equal(poller_turn(poller, true), 2);
	assert_int_equal(e.news, NEWS_READ | NEWS_WRITE);
	assert_false(watch_has_news(&e.watch));
	end_close(&e);
}

/* Others would wait for ever. */
static void
who_wakes_itself_has_no_turn_for_itself(void **state)
{
	struct end busy, other;

	(void)state;
	end_open(&busy, 0);
	end_open(&other, NEWS_READ);
	busy.again = BUSY;
	other.victim = &busy;
	busy.speaks_to = &other;
	watch_wake(&busy.watch, NEWS_READ);
	for (int turns = 0; other.calls == 0 && turns < 2; turns++)
		assert_true(poller_turn(poller, true) > 0);
	assert_int_equal(other.calls, 1);
	assert_true(busy.calls < BUSY);
	end_close(&busy);
	end_close(&other);
}

static void
another_wish_forgets_what_waits(void **state)
{
	struct end e;

	(void)state;
	end_open(&e, NEWS_READ);
	watch_wake(&e.watch, NEWS_READ);
	assert_true(watch_want(&e.watch, NEWS_END));
	assert_false(watch_has_news(&e.watch));
	end_close(&e);
}

static void
a_closed_one_is_not_told(void **state)
{
	struct end first, second;

	(void)state;
	end_open(&first, NEWS_READ);
	end_open(&second, NEWS_READ);
	first.victim = &second;
	second.victim = &first;
	say(&first);
	say(&second);
	assert_int_equal(poller_turn(poller, true), 1);
	assert_int_equal(first.calls + second.calls, 1);
	assert_int_equal(poller_turn(poller, false), 1);
	end_close(&first);
	end_close(&second);
}

/* As a child between fork and exec: the number is another's by then. */
static void
one_that_others_hold_is_not_told_either(void **state)
{
	struct end e, next;
	int fd, held;

	(void)state;
	end_open(&e, NEWS_READ);
	fd = e.watch.fd;
	held = dup(fd);
	assert_true(held >= 0);
	watch_close(&e.watch);
	say(&e);
	assert_int_equal(poller_turn(poller, false), 0);
	end_open(&next, NEWS_READ);
	assert_int_equal(next.watch.fd, fd);
	assert_int_equal(news_of(&next), 0);
	say(&next);
	assert_int_equal(news_of(&next), NEWS_READ);
	close(held);
	close(e.other);
	end_close(&next);
}

static void
none_of_many_is_forgotten(void **state)
{
	static struct end ends[MANY];
	unsigned told = 0;

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		end_open(&ends[i], NEWS_READ);
		say(&ends[i]);
	}
	for (int turns = 0; told < MANY && turns < MANY; turns++) {
		assert_true(poller_turn(poller, false) > 0);
		told = 0;
		for (size_t i = 0; i < MANY; i++)
			told += ends[i].calls > 0;
	}
	assert_int_equal(told, MANY);
	for (size_t i = 0; i < MANY; i++)
		end_close(&ends[i]);
}

/* ---- timers */

static void
timers_ring_in_their_order(void **state)
{
	struct bell first, second, third, cleared;

	(void)state;
	rung = 0;
	bell_set(&third, 60);
	bell_set(&first, 20);
	bell_set(&second, 40);
	bell_set(&cleared, 30);
	timer_clear(&cleared.timer);
	while (rung < 3)
		assert_true(poller_turn(poller, true) >= 0);
	assert_int_equal(first.place, 1);
	assert_int_equal(second.place, 2);
	assert_int_equal(third.place, 3);
	assert_int_equal(cleared.place, 0);
	assert_true(first.rang >= first.due);
	assert_true(third.rang >= third.due);
}

static void
a_timer_set_anew_forgets_its_old_time(void **state)
{
	struct bell b;

	(void)state;
	rung = 0;
	bell_set(&b, 60000);
	b.due = clock_ms() + 20;
	timer_set(&b.timer, b.due);
	assert_int_equal(poller_turn(poller, false), 0);
	while (rung < 1)
		assert_true(poller_turn(poller, true) >= 0);
	assert_true(b.rang >= b.due);
	timer_clear(&b.timer);
}

static void
set_again(struct timer *t)
{
	on_time(t);
	timer_set(t, 0);
}

/* It would keep the others from their news. */
static void
one_that_sets_itself_waits_for_the_next_turn(void **state)
{
	struct bell b;

	(void)state;
	rung = 0;
	timer_init(&b.timer, poller, set_again);
	timer_set(&b.timer, 0);
	assert_int_equal(poller_turn(poller, true), 1);
	assert_int_equal(poller_turn(poller, true), 1);
	timer_clear(&b.timer);
	assert_int_equal(poller_turn(poller, false), 0);
}

/* ---- a libevent loop makes the turns */

static struct event_base *host;

static int
open_guest(void **state)
{
	(void)state;
	host = event_base_new();
	poller = host ? poller_new(host) : NULL;
	return poller ? 0 : -1;
}

static int
close_guest(void **state)
{
	(void)state;
	poller_free(poller);
	event_base_free(host);
	return 0;
}

static void
its_host_hears_of_news_and_timers(void **state)
{
	struct bell soon, later;
	struct end e;

	(void)state;
	rung = 0;
	end_open(&e, NEWS_READ);
	bell_set(&later, 60);
	bell_set(&soon, 20);
	say(&e);
	assert_int_equal(event_base_loop(host, EVLOOP_ONCE), 0);
	assert_int_equal(e.calls, 1);
	assert_int_equal(rung, 0);
	assert_int_equal(read(e.watch.fd, &(char){ 0 }, 1), 1);
	while (rung < 2)
		assert_int_equal(event_base_loop(host, EVLOOP_ONCE), 0);
	assert_true(soon.rang >= soon.due && soon.place == 1);
	assert_true(later.rang >= later.due);
	assert_int_equal(e.calls, 1);
	watch_wake(&e.watch, NEWS_READ);
	assert_int_equal(event_base_loop(host, EVLOOP_ONCE), 0);
	assert_int_equal(e.calls, 2);
	say(&e);
	assert_int_equal(event_base_loop(host, EVLOOP_ONCE), 0);
	assert_int_equal(e.calls, 3);
	end_close(&e);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_poller, close_poller)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tells_what_is_wanted_as_long_as_it_is_so),
		TEST(an_end_is_told_once),
		TEST(what_is_not_wanted_wakes_nobody),
		TEST(a_lost_connection_is_all_news),
		TEST(what_was_woken_has_its_turn_at_once),
		TEST(who_wakes_itself_has_no_turn_for_itself),
		TEST(another_wish_forgets_what_waits),
		TEST(a_closed_one_is_not_told),
		TEST(one_that_others_hold_is_not_told_either),
		TEST(none_of_many_is_forgotten),
		TEST(timers_ring_in_their_order),
		TEST(a_timer_set_anew_forgets_its_old_time),
		TEST(one_that_sets_itself_waits_for_the_next_turn),
		cmocka_unit_test_setup_teardown(
			its_host_hears_of_news_and_timers, open_guest,
			close_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
