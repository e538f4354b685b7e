/* SPDX-License-Identifier: ISC */
/*
 * conn.c: a whole worker, with a client and servers who say anything.
 *
 * Input: a script.  Its commands are an escape character and a letter; the
 * bytes up to the next one belong to it:
 *
 *	c  the client says ...          s  the server says ...
 *	f  the client's FIN             e  the server's FIN
 *	r  the client closes            x  the server closes
 *	n  another client               l  another client, from this host
 *	g  the client does not listen, or listens again; h  the server
 *	1-9  the server is now that one, counted from the last
 *	k  the next dial is refused     w  the time goes on, for as many
 *	q  the next dial gets no answer    seconds as there are bytes, squared
 *	d  the worker drains            o  another configuration, or the first
 *	a  the application is not ready, or is again; z  it has ended
 *	-  what follows is said before the proxy wakes up
 *	ESC  an escape character for who spoke last
 *
 * The worker is the real one, on a real poller.  Four things are not:
 * connect() makes a socket pair whose other end is a server here, clock_ms()
 * is a number here, RAND_bytes() says the same again and again, and the
 * sockets' buffers are small.
 */
#include "peers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/resolve.h"
#include "proxy/client.h"
#include "proxy/conn.h"
#include "proxy/worker.h"

#define ESC '\033'
#define MAX_HEAD 2048
#define SEND_BUFFER 4096
/* A loop that is busy for so many turns without a byte moved is spinning. */
#define TURNS 2000

static struct worker worker;
static struct poller *poller;
static uint64_t now_ms;
static unsigned refused; /* dials that are to fail */
static unsigned unanswered; /* dials that are to hang */
static int hung[SERVERS];   /* the other ends of those that do */
static unsigned nhung;
static unsigned counted; /* the server that is spoken to, from the last */

/* In the place of base/clock.c. */
uint64_t
clock_ms(void)
{
	return now_ms;
}

uint64_t
clock_wall_ms(void)
{
	return now_ms;
}

/* In the place of OpenSSL's: what is to answer a Ping of ours is known. */
int
RAND_bytes(unsigned char *out, int n)
{
	memset(out, 'r', (size_t)n);
	return 1;
}

static void
make_pair(int pair[2])
{
	int size = SEND_BUFFER;

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	for (int i = 0; i < 2; i++) {
		MUST(fcntl(pair[i], F_SETFL, O_NONBLOCK) == 0);
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size,
			   sizeof(size));
	}
}

/* No byte fits into it, so that it never seems connected. */
static int
hang(int fd)
{
	int pair[2];

	make_pair(pair);
	while (send(pair[0], hung, sizeof(hung), MSG_DONTWAIT) > 0)
		;
	MUST(dup2(pair[0], fd) == fd);
	close(pair[0]);
	hung[nhung++] = pair[1];
	unanswered--;
	errno = EINPROGRESS;
	return -1;
}

/*
 * In the place of the C library's: no port is used up, none of them waits in
 * TIME_WAIT, and every run is the same.
 */
int
connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	int pair[2];

	(void)sa;
	(void)len;
	if (refused > 0 || peers_nservers == SERVERS) {
		refused -= refused > 0;
		errno = ECONNREFUSED;
		return -1;
	}
	if (unanswered > 0 && nhung < SERVERS)
		return hang(fd);
	make_pair(pair);
	MUST(dup2(pair[0], fd) == fd);
	close(pair[0]);
	peers_new_server(pair[1]);
	return 0;
}

/* ---- the worker */

static struct conf *
make_conf(void)
{
	static const char *const args[] = {
		"bowsprit", "-l", "localhost:3000",
		"-r", ("/set/**=http://127.0.0.1:3001 set_headers=X-Set:a "
		       "remove_headers=Cookie set_response_headers=X-Set:b "
		       "remove_response_headers=Server"),
		"-r", ("/to/{h}/{p}=http://{h}:{p} "
		       "allowed_targets=127.0.0.1:3001-3003"),
		"-b", "http://127.0.0.1:3001",
		"-w", "/ws/**=http://localhost:3002",
		"-w", (PEERS_PINGED "**=http://localhost:3002 "
		       "ping_interval=20s ping_timeout=5s"),
		"-r", "/app/**=http://127.0.0.1:3003/base/{**} change_origin",
	};
	char *argv[ARRAY_LEN(args) + 1] = { NULL };
	enum conf_action action;
	struct conf *c;

	for (size_t i = 0; i < ARRAY_LEN(args); i++)
		argv[i] = strdup(args[i]);
	c = conf_from_args((int)ARRAY_LEN(args), argv, &action);
	for (size_t i = 0; i < ARRAY_LEN(args); i++)
		free(argv[i]);
	MUST(c);
	c->max_head = MAX_HEAD;
	c->backends[c->nbackends - 1]->is_app = true;
	for (size_t i = 0; i < c->nbackends; i++) {
		struct conf_server *s = &c->backends[i]->server;

		if (!conf_server_is_open(s))
			MUST(!resolve(s->host, s->port, &s->addrs,
				      &s->naddrs));
	}
	MUST(log_open("/dev/null", LOG_JSON, LOG_DEBUG));
	return c;
}

static struct conf *confs[2];

static bool
begin(void)
{
	for (int i = 0; i < 2; i++)
		if (!confs[i])
			confs[i] = make_conf();
	now_ms = 1000000;
	refused = unanswered = nhung = 0;
	counted = 1;
	peers_reset();
	poller = poller_new(NULL);
	MUST(poller);
	if (worker_init(&worker, poller, confs[0], 0, 1)) {
		worker_set_app(&worker, true);
		return true;
	}
	poller_free(poller);
	return false;
}

/* Lets the proxy do what is to be done, until nothing is. */
static void
settle(void)
{
	for (unsigned i = 0; i < TURNS; i++) {
		int told;

		worker.turn++;
		told = poller_turn(poller, false);
		MUST(told >= 0);
		if (peers_listen())
			i = 0;
		else if (told == 0)
			break;
		MUST(i < TURNS - 1 && "the loop spins");
	}
	peers_check();
}

static void
pass_time(uint64_t ms)
{
	now_ms += ms;
	settle();
}

/* ---- the script */

static void
accept_client(bool local)
{
	struct addr peer;
	int pair[2];

	if (peers_client && peers_client->fd >= 0) {
		close(peers_client->fd);
		peers_client->fd = -1;
	}
	if (peers_client)
		settle(); /* what that one said last is still its own */
	make_pair(pair);
	if (!peers_new_client(pair[1], local)) {
		close(pair[0]);
		close(pair[1]);
		return;
	}
	MUST(addr_parse(&peer,
			slice_str(local ? "127.0.0.1" : PEERS_ADDRESS)));
	client_accept(&worker, &(struct arrival){ .fd = pair[0],
						  .peer = peer });
}

static struct server_peer *
present_server(void)
{
	return counted <= peers_nservers
		       ? &peers_servers[peers_nservers - counted]
		       : NULL;
}

static void
end(int *fd, bool half)
{
	if (*fd < 0)
		return;
	if (half) {
		shutdown(*fd, SHUT_WR);
		return;
	}
	close(*fd);
	*fd = -1;
}

static void
end_server(struct server_peer *s, bool half)
{
	if (!s)
		return;
	end(&s->fd, half);
	s->spoilt = true;
}

static void
obey(char command, struct slice bytes)
{
	static const struct drain now = { .close_code = CLOSE_SERVICE_RESTART };
	struct server_peer *s = present_server();

	switch (command) {
	case 'c':
		peers_client_says(bytes);
		break;
	case 's':
		peers_server_says(s, bytes);
		break;
	case 'f':
	case 'r':
		end(&peers_client->fd, command == 'f');
		break;
	case 'e':
	case 'x':
		end_server(s, command == 'e');
		break;
	case 'n':
	case 'l':
		accept_client(command == 'l');
		break;
	case 'g':
		peers_client->deaf = !peers_client->deaf;
		break;
	case 'h':
		if (s)
			s->deaf = !s->deaf;
		break;
	case 'k':
		refused++;
		break;
	case 'q':
		unanswered++;
		break;
	case 'o':
		worker_set_conf(&worker, confs[worker.conf == confs[0]]);
		break;
	case 'a':
		worker_set_app(&worker, !worker.app_ready);
		break;
	case 'z':
		worker_end_app(&worker);
		break;
	case 'w':
		pass_time(1000 * bytes.n * bytes.n);
		break;
	case 'd':
		if (!worker.draining)
			worker_drain(&worker, &now);
		break;
	default:
		if (command >= '1' && command <= '9')
			counted = (unsigned)(command - '0');
		break;
	}
}

/* The next command, and where its bytes end. */
static char
next(struct slice *in, struct slice *bytes)
{
	char command = (char)fuzz_byte(in);

	*bytes = fuzz_until(in, ESC);
	return command;
}

static void
play(struct slice in)
{
	struct slice bytes;
	char command, speaker = 'c';
	bool wait = false;

	accept_client(false);
	fuzz_until(&in, ESC);
	while (in.n > 0) {
		command = next(&in, &bytes);
		if (command == ESC) {
			obey(speaker, SLICE("\033"));
			obey(speaker, bytes);
		} else {
			obey(command, bytes);
		}
		if (command == 'c' || command == 's')
			speaker = command;
		if (!wait && command != '-')
			settle();
		wait = command == '-';
	}
}

/* With nobody left and all the time in the world, nothing is left. */
static void
finish(void)
{
	settle();
	peers_client->deaf = false;
	for (unsigned i = 0; i < peers_nservers; i++)
		peers_servers[i].deaf = false;
	settle();
	end(&peers_client->fd, false);
	for (unsigned i = 0; i < peers_nservers; i++)
		end_server(&peers_servers[i], false);
	settle();
	for (unsigned i = 0; i < 8 && worker.nconns > 0; i++)
		pass_time(3600 * 1000);
	MUST(worker.nconns == 0);
	while (nhung > 0)
		close(hung[--nhung]);
	worker_fini(&worker);
	poller_free(poller);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!begin())
		return 0;
	play(slice_of((const char *)data, size));
	finish();
	return 0;
}
