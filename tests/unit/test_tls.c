/* SPDX-License-Identifier: ISC */
/*
 * test_tls.c: a stream with TLS against OpenSSL itself on a socket.
 */
#include "row.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/stream.h"
#include "net/tls_context.h"
#include "net/tls_self.h"

#define BIG (3 * 1024 * 1024)

static struct tls_desk *desk;
static struct poller *poller;
static SSL_CTX *server, *client;
static char *big;

/* One end is ours, the other one OpenSSL's own. */
struct pair {
	struct stream s;
	SSL *peer;
	int fd;
	int events; /* calls of on_event */
	char *got;
	size_t ngot;
	bool shaken;
};

static void
on_event(struct watch *w, unsigned news)
{
	struct pair *p = container_of(w, struct pair, s.watch);
	ssize_t n;

	p->events++;
	if (news & NEWS_WRITE)
		assert_true(stream_flush(&p->s));
	if (!(news & NEWS_READ))
		return;
	if (!p->shaken) {
		p->shaken = stream_shake(&p->s) == TLS_DONE;
		return;
	}
	/* In small bites: what is left is not told by the socket. */
	n = stream_read(&p->s, p->got + p->ngot, 1000);
	if (n > 0)
		p->ngot += (size_t)n;
}

static void
turn(void)
{
	assert_true(poller_turn(poller, false) >= 0);
}

static void
open_pair(struct pair *p, enum tls_role role)
{
	int fds[2];
	struct tls *t;

	*p = (struct pair){ .got = malloc(2 * BIG) };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
				    fds), 0);
	p->fd = fds[1];
	p->peer = SSL_new(role == TLS_SERVER ? client : server);
	SSL_set_fd(p->peer, p->fd);
	if (role == TLS_SERVER)
		SSL_set_connect_state(p->peer);
	else
		SSL_set_accept_state(p->peer);
	stream_init(&p->s, poller, fds[0], on_event);
	t = tls_new(role == TLS_SERVER ? server : client, desk, fds[0], role);
	assert_non_null(t);
	stream_set_tls(&p->s, t);
	stream_set_reading(&p->s, true);
	assert_int_equal(stream_shake(&p->s), TLS_WAITS);
}

static void
shake(struct pair *p)
{
	for (int i = 0; i < 100; i++) {
		bool done = SSL_do_handshake(p->peer) == 1;

		turn();
		if (done && p->shaken)
			return;
	}
	fail_msg("no handshake: %s", tls_why(p->s.tls));
}

static void
close_pair(struct pair *p)
{
	stream_close(&p->s);
	SSL_free(p->peer);
	close(p->fd);
	free(p->got);
	ERR_clear_error();
}

/* The peer reads until it has n bytes; how many reads that took. */
static size_t
peer_reads(struct pair *p, char *to, size_t n)
{
	size_t got = 0, some, reads = 0;

	for (int idle = 0; got < n && idle < 100; idle++) {
		while (got < n &&
		       SSL_read_ex(p->peer, to + got, n - got, &some)) {
			got += some;
			reads++;
			idle = 0;
		}
		turn();
	}
	assert_int_equal(got, n);
	return reads;
}

static void
peer_writes(struct pair *p, const char *from, size_t n)
{
	size_t sent = 0, some;

	while (sent < n) {
		if (SSL_write_ex(p->peer, from + sent, n - sent, &some))
			sent += some;
		turn();
	}
}

static void
wait_for(struct pair *p, size_t n)
{
	for (int i = 0; i < 100000 && p->ngot < n; i++)
		turn();
	assert_int_equal(p->ngot, n);
}

static void
bytes_go_both_ways(void **state)
{
	static const enum tls_role roles[] = { TLS_SERVER, TLS_CLIENT };
	struct pair p;
	char *back = malloc(BIG);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		open_pair(&p, roles[i]);
		shake(&p);
		assert_true(stream_send(&p.s, big, BIG));
		peer_reads(&p, back, BIG);
		assert_memory_equal(back, big, BIG);
		assert_null(p.s.out);
		peer_writes(&p, big, BIG);
		wait_for(&p, BIG);
		assert_memory_equal(p.got, big, BIG);
		close_pair(&p);
	}
	free(back);
}

/* One record lies in its socket, and is wanted. */
static void
open_unread(struct pair *p)
{
	open_pair(p, TLS_SERVER);
	shake(p);
	stream_set_reading(&p->s, false);
	peer_writes(p, big, 16000);
	stream_set_reading(&p->s, true);
}

/* The bytes of one record are read in many bites, the socket being empty. */
static void
held_bytes_make_events(void **state)
{
	struct pair p;
	int before;

	(void)state;
	open_unread(&p);
	wait_for(&p, 16000);
	assert_memory_equal(p.got, big, 16000);
	/* and none when there are none */
	turn();
	before = p.events;
	for (int i = 0; i < 10; i++)
		turn();
	assert_int_equal(p.events, before);
	/* nor while nobody wants to read */
	peer_writes(&p, big, 16000);
	stream_set_reading(&p.s, false);
	for (int i = 0; i < 10; i++)
		turn();
	before = p.events;
	for (int i = 0; i < 10; i++)
		turn();
	assert_int_equal(p.events, before);
	stream_set_reading(&p.s, true);
	wait_for(&p, 32000);
	close_pair(&p);
}

/* Nor are they forgotten when something else is wanted as well. */
static void
held_bytes_make_events_while_the_peer_does_not_read(void **state)
{
	struct pair p;

	(void)state;
	open_unread(&p);
	assert_int_equal(stream_read(&p.s, p.got, 1000), 1000);
	p.ngot = 1000;
	while (!p.s.out)
		assert_true(stream_send(&p.s, big, 100000));
	wait_for(&p, 16000);
	close_pair(&p);
}

/* Half of a record is nothing to wake up for. */
static void
part_of_a_record_does_not_spin(void **state)
{
	struct pair p;
	int pipe[2], before;
	char sealed[2000];
	ssize_t n;

	(void)state;
	open_pair(&p, TLS_SERVER);
	shake(&p);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pipe), 0);
	assert_true(SSL_set_fd(p.peer, pipe[0]));
	assert_int_equal(SSL_write(p.peer, big, 1000), 1000);
	n = recv(pipe[1], sealed, sizeof(sealed), 0);
	assert_int_equal(send(p.fd, sealed, 500, 0), 500);
	for (int i = 0; i < 5; i++)
		turn();
	before = p.events;
	for (int i = 0; i < 20; i++)
		turn();
	assert_int_equal(p.events, before);
	assert_int_equal(p.ngot, 0);
	assert_false(stream_is_quiet(&p.s));
	assert_int_equal(send(p.fd, sealed + 500, (size_t)n - 500, 0),
			 n - 500);
	wait_for(&p, 1000);
	close(pipe[0]);
	close(pipe[1]);
	close_pair(&p);
}

static void
key_updates_survive(void **state)
{
	struct pair p;
	char back[3000];

	(void)state;
	open_pair(&p, TLS_SERVER);
	shake(&p);
	assert_int_equal(SSL_version(p.peer), TLS1_3_VERSION);
	for (int i = 0; i < 5; i++) {
		assert_true(SSL_key_update(p.peer, SSL_KEY_UPDATE_REQUESTED));
		peer_writes(&p, big, 3000);
		wait_for(&p, 3000 * (size_t)(i + 1));
		assert_true(stream_send(&p.s, big, 3000));
		peer_reads(&p, back, 3000);
		assert_memory_equal(back, big, 3000);
	}
	close_pair(&p);
}

/* Ours are told behind what the peer is owed. */
static void
key_updates_survive_a_slow_reader(void **state)
{
	struct pair p;
	char *back = malloc(BIG);

	(void)state;
	open_pair(&p, TLS_SERVER);
	shake(&p);
	assert_true(stream_send(&p.s, big, BIG));
	assert_non_null(p.s.out);
	for (int i = 0; i < 3; i++) {
		assert_true(SSL_key_update(p.peer, SSL_KEY_UPDATE_REQUESTED));
		peer_writes(&p, big, 3000);
		wait_for(&p, 3000 * (size_t)(i + 1));
	}
	peer_reads(&p, back, BIG);
	assert_memory_equal(back, big, BIG);
	assert_true(stream_send(&p.s, big, 3000));
	peer_reads(&p, back, 3000);
	assert_memory_equal(back, big, 3000);
	free(back);
	close_pair(&p);
}

/* One that waits for a request is not used any more. */
static void
who_wants_a_key_is_not_quiet(void **state)
{
	struct pair p;

	(void)state;
	open_pair(&p, TLS_SERVER);
	shake(&p);
	assert_true(stream_is_quiet(&p.s));
	/* One is answered with what is sent next, two at once. */
	for (int i = 0; i < 2; i++) {
		assert_true(SSL_key_update(p.peer, SSL_KEY_UPDATE_REQUESTED));
		assert_int_equal(SSL_do_handshake(p.peer), 1);
	}
	assert_false(stream_is_quiet(&p.s));
	close_pair(&p);
}

/* Nothing comes behind a close_notify; the other direction goes on. */
static void
key_updates_survive_our_end(void **state)
{
	struct pair p;
	char byte;

	(void)state;
	open_pair(&p, TLS_SERVER);
	shake(&p);
	stream_finish(&p.s);
	assert_int_equal(SSL_read(p.peer, &byte, 1), 0);
	assert_true(SSL_key_update(p.peer, SSL_KEY_UPDATE_REQUESTED));
	peer_writes(&p, big, 3000);
	wait_for(&p, 3000);
	assert_int_equal(p.s.error, 0);
	assert_int_equal(SSL_shutdown(p.peer), 1);
	close_pair(&p);
}

/* More of them in one turn than there is room for answers on the desk. */
static void
a_flood_of_key_updates_is_an_end(void **state)
{
	struct pair p;
	BIO *said = BIO_new(BIO_s_mem());
	char *bytes;
	long n;

	(void)state;
	open_pair(&p, TLS_SERVER);
	shake(&p);
	SSL_set0_wbio(p.peer, said);
	for (int i = 0; i < 6000; i++) {
		assert_true(SSL_key_update(p.peer, SSL_KEY_UPDATE_REQUESTED));
		assert_int_equal(SSL_do_handshake(p.peer), 1);
	}
	n = BIO_get_mem_data(said, &bytes);
	assert_true(n > 100000);
	assert_int_equal(send(p.fd, bytes, (size_t)n, 0), n);
	for (int i = 0; i < 10 && !p.s.error; i++)
		turn();
	assert_int_equal(p.s.error, EPROTO);
	close_pair(&p);
}

static void
records_grow(void **state)
{
	struct pair p;
	char *back = malloc(BIG);

	(void)state;
	open_pair(&p, TLS_SERVER);
	shake(&p);
	/* A peer that has 1,400 bytes can use them. */
	assert_true(stream_send(&p.s, big, 8000));
	assert_int_equal(peer_reads(&p, back, 8000), 6);
	assert_true(stream_send(&p.s, big, 32000));
	(void)peer_reads(&p, back, 32000);
	assert_true(stream_send(&p.s, big, 64000));
	assert_int_equal(peer_reads(&p, back, 64000), 4);
	free(back);
	close_pair(&p);
}

/* Ends, as the peer made them, and as it is told. */
static void
ends_are_told_apart(void **state)
{
	struct pair p;
	char c;
	size_t n;

	(void)state;
	open_pair(&p, TLS_SERVER);
	shake(&p);
	peer_writes(&p, "bye", 3);
	SSL_shutdown(p.peer);
	for (int i = 0; i < 5; i++)
		turn();
	assert_int_equal(p.ngot, 3);
	assert_true(p.s.eof);
	assert_false(stream_is_cut(&p.s));
	/* One direction is still open. */
	assert_true(stream_send(&p.s, "more", 4));
	(void)peer_reads(&p, p.got, 4);
	stream_finish(&p.s);
	assert_false(SSL_read_ex(p.peer, &c, 1, &n));
	assert_int_equal(SSL_get_error(p.peer, 0), SSL_ERROR_ZERO_RETURN);
	close_pair(&p);

	open_pair(&p, TLS_SERVER);
	shake(&p);
	peer_writes(&p, "cut", 3);
	shutdown(p.fd, SHUT_WR);
	for (int i = 0; i < 5; i++)
		turn();
	assert_int_equal(p.ngot, 3);
	assert_true(p.s.eof);
	assert_true(stream_is_cut(&p.s));
	assert_true(stream_send(&p.s, "more", 4));
	(void)peer_reads(&p, p.got, 4);
	stream_close(&p.s);
	assert_false(SSL_read_ex(p.peer, &c, 1, &n));
	assert_int_equal(SSL_get_error(p.peer, 0), SSL_ERROR_ZERO_RETURN);
	close_pair(&p);

	open_pair(&p, TLS_SERVER);
	shake(&p);
	stream_set_reset(&p.s);
	stream_close(&p.s);
	assert_false(SSL_read_ex(p.peer, &c, 1, &n));
	assert_int_not_equal(SSL_get_error(p.peer, 0), SSL_ERROR_ZERO_RETURN);
	close_pair(&p);
}

/* One connection's fault is nothing to the next one. */
static void
garbage_is_a_fault(void **state)
{
	struct pair p, q;
	char c;

	(void)state;
	open_pair(&q, TLS_SERVER);
	shake(&q);
	open_pair(&p, TLS_SERVER);
	assert_int_equal(send(p.fd, "\x16\x03\x01\0\5hello", 10, 0), 10);
	assert_int_equal(stream_shake(&p.s), TLS_FAILED);
	assert_int_equal(tls_end(p.s.tls), TLS_FAULT);
	assert_true(recv(p.fd, &c, 1, 0) == 1); /* an alert */
	close_pair(&p);

	open_pair(&p, TLS_SERVER);
	shake(&p);
	p.shaken = true;
	stream_set_reading(&p.s, false);
	assert_int_equal(send(p.fd, "\x17\x03\x03\0\5hello", 10, 0), 10);
	assert_int_equal(stream_read(&p.s, p.got, 100), -2);
	assert_int_equal(p.s.error, EPROTO);
	assert_false(stream_send(&p.s, "x", 1));
	close_pair(&p);

	peer_writes(&q, "fine", 4);
	wait_for(&q, 4);
	assert_true(stream_send(&q.s, "fine", 4));
	(void)peer_reads(&q, q.got, 4);
	close_pair(&q);
}

static void
a_peer_is_verified(void **state)
{
	static const struct {
		const char *name;
		bool known, good;
	} rows[] = {
		{ "localhost", true, true },
		{ "127.0.0.1", true, true },
		{ "::1", true, true },
		{ "example.com", true, false },
		{ "127.0.0.2", true, false },
		{ "localhost", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SSL_CTX *ctx = tls_context_new(TLS_CLIENT);
		enum tls_step step = TLS_WAITS;
		struct pair p;
		struct tls *t;

		if (rows[i].known)
			X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx),
					    SSL_CTX_get0_certificate(server));
		open_pair(&p, TLS_SERVER); /* for its socket */
		SSL_free(p.peer);
		p.peer = SSL_new(server);
		SSL_set_fd(p.peer, p.fd);
		SSL_set_accept_state(p.peer);
		tls_free(p.s.tls);
		t = tls_new(ctx, desk, stream_fd(&p.s), TLS_CLIENT);
		assert_true(tls_set_peer(t, rows[i].name, true));
		stream_set_tls(&p.s, t);
		for (int j = 0; j < 10 && step == TLS_WAITS; j++) {
			step = stream_shake(&p.s);
			SSL_do_handshake(p.peer);
		}
		assert_int_equal(step, rows[i].good ? TLS_DONE : TLS_FAILED);
		if (!rows[i].good) {
			assert_int_equal(tls_end(p.s.tls), TLS_UNVERIFIED);
			printf("%s: %s\n", rows[i].name, tls_why(p.s.tls));
		}
		close_pair(&p);
		SSL_CTX_free(ctx);
	}
}

static int
set_up(void **state)
{
	EVP_PKEY *key;
	X509 *cert;

	(void)state;
	signal(SIGPIPE, SIG_IGN); /* OpenSSL's own writes */
	poller = poller_new(NULL);
	desk = tls_desk_new();
	server = tls_context_new(TLS_SERVER);
	client = tls_context_new(TLS_CLIENT);
	big = malloc(BIG);
	if (!poller || !desk || !server || !client || !big ||
	    !tls_self_make(&key, &cert))
		return -1;
	for (size_t i = 0; i < BIG; i++)
		big[i] = (char)(i * 31 >> 5);
	SSL_CTX_use_certificate(server, cert);
	SSL_CTX_use_PrivateKey(server, key);
	EVP_PKEY_free(key);
	X509_free(cert);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	free(big);
	SSL_CTX_free(server);
	SSL_CTX_free(client);
	tls_desk_free(desk);
	poller_free(poller);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_go_both_ways),
		cmocka_unit_test(held_bytes_make_events),
		cmocka_unit_test(
			held_bytes_make_events_while_the_peer_does_not_read),
		cmocka_unit_test(part_of_a_record_does_not_spin),
		cmocka_unit_test(key_updates_survive),
		cmocka_unit_test(key_updates_survive_a_slow_reader),
		cmocka_unit_test(key_updates_survive_our_end),
		cmocka_unit_test(who_wants_a_key_is_not_quiet),
		cmocka_unit_test(a_flood_of_key_updates_is_an_end),
		cmocka_unit_test(records_grow),
		cmocka_unit_test(ends_are_told_apart),
		cmocka_unit_test(garbage_is_a_fault),
		cmocka_unit_test(a_peer_is_verified),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
