/* SPDX-License-Identifier: ISC */
/*
 * test_relay.c: real sockets, and bytes that go from one to another by copy and
 * by pipe.
 */
#include "config.h"

#include "row.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/relay.h"
#include "net/sockopt.h"
#include "proto/frame.h"

/* writer -> from, relayed to, -> reader */
struct line {
	struct poller *poller;
	struct relay_tools tools;
	struct stream from, to;
	int writer, reader;
	struct frame_watch watch;
	size_t skipped;
};

static void
on_event(struct watch *w, unsigned news)
{
	(void)w;
	(void)news;
}

/* Two ends of a TCP connection; pipes treat unix sockets otherwise. */
static void
connect_pair(int ends[2])
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(l, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&sin, &len), 0);
	ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(ends[0], (struct sockaddr *)&sin, len), 0);
	ends[1] = accept(l, NULL, NULL);
	assert_true(ends[1] >= 0);
	close(l);
	for (int i = 0; i < 2; i++)
		sock_adopt(ends[i]);
}

static size_t
see(void *arg, char *p, size_t n, size_t *pass)
{
	struct line *l = arg;

	*pass = frame_watch(&l->watch, p, n, 0);
	assert_int_equal(*pass, n);
	return n;
}

static uint64_t
look(void *arg, const char *p, size_t n)
{
	struct line *l = arg;

	if (n > 0)
		return frame_ahead(&l->watch, p, n, 0);
	return l->watch.message >= RELAY_LARGE ? frame_payload_left(&l->watch)
					       : 0;
}

static void
skip_seen(void *arg, const char *p, size_t n, size_t k)
{
	struct line *l = arg;
	size_t seen = n < k ? n : k;

	if (seen > 0)
		frame_watch(&l->watch, p, seen, 0);
	frame_skip(&l->watch, k - seen);
	l->skipped += k;
}

static const struct relay_watch by_frames = {
	.see = see, .ahead = look, .skip = skip_seen, .peek = FRAME_HEADER_MAX,
};

static enum relay
move(struct line *l)
{
	return relay_move(&l->from, &l->to, &l->tools, &by_frames, l);
}

static int
begin(void **state)
{
	struct line *l = calloc(1, sizeof(*l));
	int source[2], sink[2];

	assert_non_null(l);
	signal(SIGPIPE, SIG_IGN);
	l->poller = poller_new(NULL);
	assert_true(relay_tools_init(&l->tools));
	connect_pair(source);
	connect_pair(sink);
	l->writer = source[0];
	l->reader = sink[1];
	stream_init(&l->from, l->poller, source[1], on_event);
	stream_init(&l->to, l->poller, sink[0], on_event);
	frame_watch_init(&l->watch, false);
	*state = l;
	return 0;
}

static int
end(void **state)
{
	struct line *l = *state;

	stream_close(&l->from);
	stream_close(&l->to);
	close(l->writer);
	close(l->reader);
	relay_tools_fini(&l->tools);
	poller_free(l->poller);
	free(l);
	return 0;
}

/* ---- what is sent ---- */

static uint32_t seed;

static uint32_t
some(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

/* An unmasked frame of n bytes that no other has. */
static size_t
put_frame(uint8_t *p, uint64_t n)
{
	size_t at = 2;

	p[0] = 0x82;
	p[1] = n < 126 ? (uint8_t)n : n < 65536 ? 126 : 127;
	for (int shift = n < 126 ? 0 : n < 65536 ? 16 : 64; shift > 0;) {
		shift -= 8;
		p[at++] = (uint8_t)(n >> shift);
	}
	for (uint64_t i = 0; i < n; i++)
		p[at++] = (uint8_t)some(256);
	return at;
}

#define ALL (24u * 1024 * 1024)

static size_t
make_frames(uint8_t *p)
{
	static const uint32_t sizes[] = { 0, 1, 125, 126, 4000, 16369, 16370,
					  16384, 65535, 65536, 70000, 262144,
					  1000000 };
	size_t n = 0;

	while (n < ALL - 1000014)
		n += put_frame(p + n, sizes[some(ARRAY_LEN(sizes))]);
	return n;
}

/* ---- tests ---- */

/* Sends all, reads at most `gulp` bytes at a time, and compares. */
static void
check_all(struct line *l, size_t gulp)
{
	uint8_t *sent = malloc(ALL), *got = malloc(ALL);
	size_t n, put = 0, read = 0;
	struct frame_watch seen;

	assert_non_null(sent);
	assert_non_null(got);
	n = make_frames(sent);
	frame_watch_init(&seen, false);
	frame_watch(&seen, sent, n, 0);
	while (read < n) {
		size_t piece = 1 + some(300000);
		ssize_t k = send(l->writer, sent + put,
				 piece < n - put ? piece : n - put,
				 MSG_NOSIGNAL);

		put += k > 0 ? (size_t)k : 0;
		assert_true(stream_flush(&l->to));
		k = (ssize_t)move(l);
		assert_true(k == RELAY_DRY || k == RELAY_OWED);
		while ((k = recv(l->reader, got + read,
				 gulp < n - read ? gulp : n - read, 0)) > 0) {
			read += (size_t)k;
			if (gulp < 100000)
				break;
		}
	}
	assert_memory_equal(sent, got, n);
	assert_int_equal(l->watch.binaries, seen.binaries);
	assert_int_equal(l->watch.largest, seen.largest);
	assert_true(frame_at_message_boundary(&l->watch));
	free(sent);
	free(got);
}

static void
large_frames_are_not_copied(void **state)
{
	struct line *l = *state;

	seed = 1;
	check_all(l, 1000000);
#ifdef HAVE_SPLICE
	assert_true(l->skipped > ALL / 2);
#endif
}

static void
a_slow_reader_gets_all_in_order(void **state)
{
	struct line *l = *state;

	seed = 2;
	check_all(l, 50000);
#ifdef HAVE_SPLICE
	assert_true(l->skipped > ALL / 4);
#endif
}

static void
without_a_pipe_all_is_copied(void **state)
{
	struct line *l = *state;
	struct pipe *taken[1000];
	size_t n = 0;

	while (n < ARRAY_LEN(taken) &&
	       (taken[n] = pipe_take(&l->tools.pipes)))
		n++;
	assert_true(n < ARRAY_LEN(taken)); /* they are bounded */
	seed = 3;
	check_all(l, 1000000);
	assert_int_equal(l->skipped, 0);
	while (n > 0)
		pipe_put(taken[--n]);
}

static void
the_last_descriptors_are_pipes(void **state)
{
	struct line *l = *state;
	struct rlimit before, few;
	int taken[100], n = 0;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){ .rlim_cur = ARRAY_LEN(taken),
			       .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	while ((taken[n] = dup(0)) >= 0)
		n++;
	for (int i = 0; i < 4; i++) /* two pipes, and nothing else */
		close(taken[--n]);
	seed = 6;
	check_all(l, 1000000);
	while (n > 0)
		close(taken[--n]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* Brings the relay to the middle of a large frame. */
static void
begin_large_frame(struct line *l)
{
	static uint8_t p[4 * 1024 * 1024 + 14];
	ssize_t put, got = 1;

	seed = 4;
	put = send(l->writer, p, put_frame(p, sizeof(p) - 14), MSG_NOSIGNAL);
	assert_true(put > 2 * RELAY_SCRATCH);
	assert_true(put < (ssize_t)sizeof(p));
	while (got > 0 || l->to.out) {
		assert_true(stream_flush(&l->to));
		(void)!move(l);
		got = recv(l->reader, p, sizeof(p), 0);
	}
}

static void
a_reset_is_no_end(void **state)
{
	struct line *l = *state;

	begin_large_frame(l);
	l->from.bulk = true;
	sock_set_reset(l->writer);
	close(l->writer);
	l->writer = -1;
	assert_int_equal(move(l), RELAY_SOURCE_LOST);
	assert_int_equal(l->from.error, ECONNRESET);
}

static void
an_end_is_one(void **state)
{
	struct line *l = *state;

	begin_large_frame(l);
	l->from.bulk = true;
	shutdown(l->writer, SHUT_WR);
	assert_int_equal(move(l), RELAY_EOF);
}

static void
a_frame_of_ours_goes_behind_the_pipe(void **state)
{
	struct line *l = *state;
	static uint8_t sent[8 * 1024 * 1024], got[sizeof(sent)];
	size_t n, put = 0, all = 0;
	ssize_t k;

	seed = 5;
	n = put_frame(sent, sizeof(sent) - 14);
	while (!l->to.out) {
		k = send(l->writer, sent + put, n - put, MSG_NOSIGNAL);
		put += k > 0 ? (size_t)k : 0;
		(void)!move(l);
	}
#ifdef HAVE_SPLICE
	assert_non_null(l->to.out->pipe);
#endif
	assert_true(stream_send(&l->to, "ours", 4));
	while (l->to.out) {
		k = recv(l->reader, got + all, sizeof(got) - all, 0);
		all += k > 0 ? (size_t)k : 0;
		assert_true(stream_flush(&l->to));
	}
	while ((k = recv(l->reader, got + all, sizeof(got) - all, 0)) > 0)
		all += (size_t)k;
	assert_memory_equal(got, sent, all - 4);
	assert_memory_equal(got + all - 4, "ours", 4);
}

int
main(void)
{
#define ON_A_LINE(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		ON_A_LINE(large_frames_are_not_copied),
		ON_A_LINE(a_slow_reader_gets_all_in_order),
		ON_A_LINE(without_a_pipe_all_is_copied),
		ON_A_LINE(the_last_descriptors_are_pipes),
		ON_A_LINE(a_reset_is_no_end),
		ON_A_LINE(an_end_is_one),
		ON_A_LINE(a_frame_of_ours_goes_behind_the_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
