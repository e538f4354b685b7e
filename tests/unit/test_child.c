/* SPDX-License-Identifier: ISC */
/*
 * test_child.c: the application as a child: what is decided about it (tables),
 * and its life with real processes.  The application is this program itself,
 * started with a word that says how to behave.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attrib.h"
#include "run/child.h"
#include "run/child_policy.h"
#include "run/child_where.h"

/* ----------------------------------------------------- is it started again? */

struct end {
	uint64_t after; /* ms since the end before */
	int status;
	enum child_verdict verdict;
	uint64_t delay;
};

static void
check_ends(const char *why, bool accepted, const struct end *ends, size_t n)
{
	struct child_policy p = {0};
	uint64_t now = 1000000, delay;

	for (size_t i = 0; i < n; i++) {
		enum child_verdict v;

		now += ends[i].after;
		v = child_policy_ended(&p, now, accepted, ends[i].status,
				       &delay);
		if (v != ends[i].verdict || delay != ends[i].delay)
			fail_msg("%s: end %zu: verdict %d, delay %u", why, i,
				 (int)v, (unsigned)delay);
	}
}

#define CHECK_ENDS(why, accepted, ...) \
	do { \
		const struct end ends[] = {__VA_ARGS__}; \
		check_ends(why, accepted, ends, ARRAY_LEN(ends)); \
	} while (0)

static void
test_policy(void **state)
{
	(void)state;
	CHECK_ENDS("a mistake in the command would be repeated", false,
		   {0, 1, CHILD_NEVER_ACCEPTED, 0});
	CHECK_ENDS("0 before it accepted is no reason to go on either", false,
		   {0, 0, CHILD_NEVER_ACCEPTED, 0});
	CHECK_ENDS("0 is an end on purpose", true, {0, 0, CHILD_DONE, 0});
	CHECK_ENDS("five within a minute are too many", true,
		   {0, 1, CHILD_RESTART, 1000}, {1000, 1, CHILD_RESTART, 2000},
		   {2000, 1, CHILD_RESTART, 4000},
		   {4000, 1, CHILD_RESTART, 8000},
		   {8000, 1, CHILD_TOO_OFTEN, 0});
	CHECK_ENDS("the fifth a minute and a bit after the first is not", true,
		   {0, 1, CHILD_RESTART, 1000}, {15000, 1, CHILD_RESTART, 2000},
		   {15000, 1, CHILD_RESTART, 4000},
		   {15000, 1, CHILD_RESTART, 8000},
		   {15001, 1, CHILD_RESTART, 16000},
		   {30000, 1, CHILD_RESTART, 30000},
		   {50000, 1, CHILD_RESTART, 30000});
	CHECK_ENDS("a minute of running begins anew; the delay is not running",
		   true, {0, 137, CHILD_RESTART, 1000},
		   {61000, 137, CHILD_RESTART, 2000},
		   {62001, 137, CHILD_RESTART, 1000});
}

/* ------------------------------------------------- where does it listen? */

struct line {
	const char *text;
	const char *addr; /* NULL: not a listener */
	uint64_t inode;
	const char *why;
};

static const struct line lines[] = {
	{"   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 "
	 "00000000  1000        0 41516 1 0000000000000000 100 0 0 10 0",
	 "127.0.0.1:3000", 41516, "a listener"},
	{"  12: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 "
	 "00000000     0        0 7 1 0000000000000000 100 0 0 10 0",
	 "0.0.0.0:8080", 7, "on every address"},
	{"   1: 00000000000000000000000001000000:0BB9 "
	 "00000000000000000000000000000000:0000 0A 00000000:00000000 "
	 "00:00000000 00000000     0        0 99 1 0000000000000000 100 0",
	 "[::1]:3001", 99, "IPv6, in words of the machine"},
	{"   1: 0100007F:0BB8 0100007F:9C40 01 00000000:00000000 00:00000000 "
	 "00000000  1000        0 41517 1 0000000000000000 20 4 30 10 -1",
	 NULL, 0, "a connection"},
	{"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when",
	 NULL, 0, "the table's head"},
	{"", NULL, 0, "nothing"},
};

static void
test_where_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		const struct line *l = &lines[i];
		char text[ADDR_TEXT];
		uint64_t inode = 0;
		struct addr a;
		bool found = child_where_line(l->text, &a, &inode);

		if (found != (l->addr != NULL))
			fail_msg("%s: %d", l->why, found);
		if (!found)
			continue;
		assert_string_equal(addr_text(&a, text), l->addr);
		assert_int_equal(inode, l->inode);
	}
}

static struct addr
an_addr(const char *host, uint16_t port)
{
	struct addr a;

	assert_true(addr_parse(&a, slice_str(host)));
	a.port = port;
	return a;
}

static void
test_where_odd(void **state)
{
	static const struct {
		const char *host[2];
		uint16_t port[2];
		const char *text; /* NULL: nothing to say */
		const char *why;
	} rows[] = {
		{{"0.0.0.0"}, {3000}, "3000, not 3001", "-p 3000"},
		{{"::1"}, {3001}, "[::1]:3001, not 127.0.0.1:3001",
		 "localhost was IPv6 only"},
		{{"::"}, {3001}, NULL, "[::] takes IPv4 too"},
		{{"127.0.0.1"}, {3001}, NULL, "as told"},
		{{"127.0.0.1", "127.0.0.1"}, {9229, 3000}, "3000, not 3001",
		 "node --inspect"},
		{{"127.0.0.1"}, {9229}, NULL, "only the inspector so far"},
		{{"127.0.0.1", "::"}, {3000, 3001}, NULL,
		 "one of several is right"},
		{{"127.0.0.1", "::"}, {40000, 3000}, "3000, not 3001",
		 "a helper's port is high"},
	};
	struct addr where = an_addr("127.0.0.1", 3001);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[CHILD_WHERE_TEXT];
		struct addr found[2];
		const struct addr *odd;
		size_t n = 0;

		for (; n < 2 && rows[i].host[n]; n++)
			found[n] = an_addr(rows[i].host[n], rows[i].port[n]);
		odd = child_where_odd(found, n, &where);
		if ((odd != NULL) != (rows[i].text != NULL))
			fail_msg("%s", rows[i].why);
		if (odd)
			assert_string_equal(
				child_where_text(odd, &where, text),
				rows[i].text);
	}
}

/* ---------------------------------------------------------------- its life */

static const char *myself;

/* What the application does, by the word it was started with. */

static int
app_socket(uint16_t port)
{
	struct addr a = {.family = 4, .port = port, .ip = {127, 0, 0, 1}};
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&a, &ss);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&ss, len) != 0 || listen(fd, 8) != 0)
		_exit(98);
	return fd;
}

/* Takes one connection, then ends so. */
static int
app_serve(int status)
{
	int fd = app_socket((uint16_t)atoi(getenv("PORT")));

	close(accept(fd, NULL, NULL));
	return status;
}

/* 0 if the process was set up as it must be, else what is wrong. */
static int
app_inspect(void)
{
	static const int signals[] = {SIGPIPE, SIGHUP,  SIGINT,
				      SIGTERM, SIGCHLD, SIGUSR1};
	struct rlimit nofile;
	struct sigaction sa;
	sigset_t blocked;
	struct stat st;

	sigprocmask(SIG_BLOCK, NULL, &blocked);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		sigaction(signals[i], NULL, &sa);
		if (sa.sa_handler != SIG_DFL)
			return 10;
		if (sigismember(&blocked, signals[i]))
			return 11;
	}
	getrlimit(RLIMIT_NOFILE, &nofile);
	if (nofile.rlim_cur != 123)
		return 12;
	if (getpgrp() != getpid())
		return 13;
	if (strcmp(getenv("HOSTNAME"), "127.0.0.1") != 0)
		return 14;
	for (int fd = 3; fd < 100; fd++)
		if (fstat(fd, &st) == 0)
			return 15;
	return getchar() == EOF ? 0 : 16;
}

/* A group of two that do not listen to SIGTERM; the leader ends. */
static int
app_leave_orphan(void)
{
	int fd = app_socket((uint16_t)atoi(getenv("PORT")));

	signal(SIGTERM, SIG_IGN);
	if (fork() == 0)
		_exit((int)sleep(20));
	close(accept(fd, NULL, NULL));
	return 0;
}

static int
app(const char *word)
{
	if (strcmp(word, "serve") == 0)
		return app_serve(0);
	if (strcmp(word, "crash") == 0)
		return app_serve(7);
	if (strcmp(word, "inspect") == 0)
		return app_inspect();
	if (strcmp(word, "orphan") == 0)
		return app_leave_orphan();
	if (strcmp(word, "abort") == 0)
		abort();
	if (strcmp(word, "sleep") == 0)
		return (int)sleep(20);
	return atoi(word);
}

/* What we see of it. */

struct watch {
	struct event_base *base;
	struct child *child;
	int ready, down;
	int over;      /* its status, or -1 */
	int stop_when; /* this many ready: stop it */
	uint64_t grace;
};

static void
on_news(enum child_news news, int status, void *arg)
{
	struct watch *w = arg;

	if (news == CHILD_READY && ++w->ready == w->stop_when)
		child_stop(w->child, w->grace);
	if (news == CHILD_DOWN)
		w->down++;
	if (news == CHILD_OVER) {
		w->over = status;
		event_base_loopbreak(w->base);
	}
}

static void
on_sigchld(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	if (w->child)
		child_reap(w->child);
}

/* Runs the command until it is over; its group is returned. */
static void
watch(struct watch *w, const char *const *command, uint16_t port)
{
	struct child_setup setup = {
		.command = (char *const *)(uintptr_t)command,
		.where = an_addr("127.0.0.1", port),
		.set_port = true,
		.nofile = 123,
		.output = -1,
	};
	struct timeval limit = {20, 0};
	struct event *sigchld;

	w->base = event_base_new();
	sigchld = evsignal_new(w->base, SIGCHLD, on_sigchld, w);
	event_add(sigchld, NULL);
	w->over = -1;
	w->child = child_start(w->base, &setup, on_news, w, &w->over);
	if (w->child) {
		w->over = -1;
		event_base_loopexit(w->base, &limit);
		event_base_dispatch(w->base);
	}
	child_free(w->child);
	event_free(sigchld);
	event_base_free(w->base);
}

static void
watch_app(struct watch *w, const char *word)
{
	const char *command[] = {myself, "app", word, NULL};
	uint16_t port = child_free_port();

	assert_int_not_equal(port, 0);
	watch(w, command, port);
}

static void
test_statuses_without_start(void **state)
{
	static const struct {
		const char *command;
		int status;
		const char *why;
	} rows[] = {
		{"no-such-command-anywhere", 127, "in no folder of PATH"},
		{"./no-such-file", 127, "no such file"},
		{"/", 126, "a folder"},
		{"/dev/null", 126, "no program"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *command[] = {rows[i].command, NULL};
		struct watch w = {0};

		watch(&w, command, 1);
		if (w.child || w.over != rows[i].status)
			fail_msg("%s: %d", rows[i].why, w.over);
	}
}

/* A script with the given text is refused with 126. */
static void
check_script(const char *text, mode_t mode)
{
	char path[] = "/tmp/bowsprit-test.XXXXXX";
	const char *command[] = {path, NULL};
	struct watch w = {0};
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_true(write(fd, text, strlen(text)) > 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd); /* or it is "text file busy" */
	watch(&w, command, 1);
	unlink(path);
	if (w.over != 126)
		fail_msg("%s: %d", text, w.over);
}

static void
test_scripts_that_cannot_run(void **state)
{
	(void)state;
	check_script("#!/no/such/node\n", 0700);
	check_script("console.log(1)\n", 0700);
	check_script("#!/bin/sh\n", 0600);
}

static void
test_it_is_set_up_like_a_shell_would(void **state)
{
	struct watch w = {0};
	sigset_t some, before;

	(void)state;
	/* What make and the harness have left open is not our leak. */
	for (int fd = 3; fd < 100; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&some);
	sigaddset(&some, SIGUSR1);
	sigprocmask(SIG_BLOCK, &some, &before);
	watch_app(&w, "inspect");
	sigprocmask(SIG_SETMASK, &before, NULL);
	assert_int_equal(w.over, 0);
	assert_int_equal(w.ready, 0);
}

static void
test_ended_before_it_accepted(void **state)
{
	struct watch w = {0};

	(void)state;
	watch_app(&w, "3");
	assert_int_equal(w.over, 3);
	assert_int_equal(w.down, 0);
	watch_app(&w, "abort");
	assert_int_equal(w.over, 128 + SIGABRT);
}

static void
test_ready_then_an_end_on_purpose(void **state)
{
	struct watch w = {0};

	(void)state;
	watch_app(&w, "serve");
	assert_int_equal(w.ready, 1);
	assert_int_equal(w.down, 0);
	assert_int_equal(w.over, 0);
}

static void
test_a_crash_is_followed_by_a_restart(void **state)
{
	struct watch w = {.stop_when = 2, .grace = 5000};

	(void)state;
	watch_app(&w, "crash");
	assert_int_equal(w.ready, 2);
	assert_int_equal(w.down, 1);
	assert_true(w.over == 7 || w.over == 128 + SIGTERM);
}

/*
 * The leader ends, what it started ignores SIGTERM: nobody must be left, which
 * is seen by a pipe that all of them have inherited.
 */
static void
test_orphans_are_killed(void **state)
{
	struct watch w = {0};
	struct pollfd pfd = {.events = POLLIN};
	int fds[2];
	char byte;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	watch_app(&w, "orphan");
	close(fds[1]);
	pfd.fd = fds[0];
	assert_int_equal(poll(&pfd, 1, 2000), 1);
	assert_int_equal(read(fds[0], &byte, 1), 0);
	close(fds[0]);
	assert_int_equal(w.ready, 1);
	assert_int_equal(w.over, 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_where_line),
		cmocka_unit_test(test_where_odd),
		cmocka_unit_test(test_statuses_without_start),
		cmocka_unit_test(test_scripts_that_cannot_run),
		cmocka_unit_test(test_it_is_set_up_like_a_shell_would),
		cmocka_unit_test(test_ended_before_it_accepted),
		cmocka_unit_test(test_ready_then_an_end_on_purpose),
		cmocka_unit_test(test_a_crash_is_followed_by_a_restart),
		cmocka_unit_test(test_orphans_are_killed),
	};

	if (argc == 3 && strcmp(argv[1], "app") == 0)
		return app(argv[2]);
	myself = argv[0];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
