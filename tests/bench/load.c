/* SPDX-License-Identifier: ISC */
/*
 * load.c: the clients of the bench.
 *
 *	load [options] WORK ADDRESS:PORT
 *
 *	echo	each message comes back before the next goes
 *	down	messages from the backend, as fast as they go
 *	up	messages to the backend
 *	open	a WebSocket is opened and closed, again and again
 *	get	requests on kept connections, with a body of the backend's
 *	post	requests with a body of ours
 *
 *	--conns N	connections at the same time (1)
 *	--size N	bytes of a message or body (1024)
 *	--opening N	that many open at the same time, at most (16)
 *
 * opens its connections, prints "ready" and obeys the lines of stdin:
 *
 *	run SECONDS [RATE]	works, and prints what was done as "done
 *				units=U bytes=B seconds=S p50=US p99=US max=US";
 *				RATE paces echo: messages a second, of all
 *	once			one message on each connection, as "done"
 *	close			closes all, prints "closed"
 *
 * Every byte that comes is checked.  The first that is wrong, and any
 * connection that ends or answers otherwise than it should, ends the program
 * with "failed: SENTENCE" and status 1.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flow.h"
#include "pattern.h"
#include "wire.h"

#define HEAD_MAX 8192
#define BURST (1024 * 1024) /* bytes to one connection before the next */
#define STILL 10.0	    /* seconds without progress are a failure */
#define KEY "dGhlIHNhbXBsZSBub25jZQ==" /* of RFC 6455 1.3, with its answer */
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum work { ECHO, DOWN, UP, OPEN, GET, POST };

enum state {
	IDLE,	    /* not connected */
	CONNECTING, /* until it can be written to */
	ASKED,	    /* for a tunnel or a body; a head is to come */
	BODY,	    /* of an answer */
	READY,	    /* a tunnel, or an HTTP connection at rest */
	CLOSING,    /* our Close is on its way, the end is to come */
};

struct conn {
	struct wire wire;
	enum state state;
	uint32_t seed;
	struct inflow in;
	struct outflow out;
	bool watched;	 /* EPOLLOUT is asked for */
	bool busy;	 /* a message or request is under way */
	bool ends;	 /* the answer said Connection: close */
	bool marks;	 /* our last mark was not answered yet */
	double since;	 /* when `busy` began */
	uint32_t number; /* of the request; of the first message of this run */
	size_t body_at;	 /* bytes of the answer's body that were read */
	size_t body_size;
	size_t nask, ask_at;
	size_t nhead;
	char ask[1024];
	char head[HEAD_MAX + 1];
};

static const char *const works[] = {"echo", "down", "up",
				    "open", "get",  "post"};

static enum work work;
static struct sockaddr_in to;
static size_t size = 1024;
static unsigned nconns = 1, max_opening = 16;
static struct conn *conns;
static int epoll;
static uint8_t scratch[256 * 1024];

static bool running; /* new work may begin at once */
static unsigned opening, nready, nbusy, nmarks;
static unsigned long long units, bytes, progress;

/* How long each unit took: bucket b holds 2^(b/8) µs and more. */
#define BUCKETS 256
static unsigned long long took[BUCKETS];
static double longest;

static void step(struct conn *c);

/* ------------------------------------------------------------------ figures */

static void
count_time(double seconds)
{
	double us = seconds * 1e6, edge = 1;
	unsigned b = 0;

	if (seconds > longest)
		longest = seconds;
	while (us >= edge * 2 && b < BUCKETS - 8) {
		edge *= 2;
		b += 8;
	}
	if (us > edge)
		b += (unsigned)((us - edge) / edge * 8);
	took[b]++;
}

/* The upper edge of the bucket below which that part of all lies, in µs. */
static double
quantile(double part)
{
	unsigned long long sum = 0, below = 0;

	for (unsigned b = 0; b < BUCKETS; b++)
		sum += took[b];
	for (unsigned b = 0; b < BUCKETS; b++) {
		below += took[b];
		if (sum && (double)below >= part * (double)sum)
			return (double)(1ull << (b / 8)) *
			       (1 + (b % 8 + 1) / 8.);
	}
	return 0;
}

static void
unit_done(struct conn *c, size_t n)
{
	units++;
	bytes += n;
	if (c->busy) {
		count_time(wire_now() - c->since);
		c->busy = false;
		nbusy--;
	}
}

static void
unit_begun(struct conn *c)
{
	c->busy = true;
	c->since = wire_now();
	nbusy++;
}

/* ------------------------------------------------------------------- asking */

/* As a browser sends it, so that proxies have a head of the usual length. */
#define USUAL \
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 " \
	"(KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" \
	"Accept: */*\r\n" \
	"Accept-Encoding: gzip, deflate, br, zstd\r\n" \
	"Accept-Language: en-US,en;q=0.9\r\n" \
	"Cookie: session=0123456789abcdef; theme=dark\r\n"

static void
make_ask(struct conn *c)
{
	int n;

	if (work == GET)
		n = snprintf(c->ask, sizeof(c->ask),
			     "GET /bytes?size=%zu&seed=%u&n=%u HTTP/1.1\r\n"
			     "Host: localhost\r\n" USUAL "\r\n",
			     size, c->seed, c->number);
	else if (work == POST)
		n = snprintf(c->ask, sizeof(c->ask),
			     "POST /sink?size=%zu&seed=%u&n=%u HTTP/1.1\r\n"
			     "Host: localhost\r\n" USUAL
			     "Content-Type: application/octet-stream\r\n"
			     "Content-Length: %zu\r\n\r\n",
			     size, c->seed, c->number, size);
	else
		n = snprintf(c->ask, sizeof(c->ask),
			     "GET /ws?role=%s&size=%zu&seed=%u HTTP/1.1\r\n"
			     "Host: localhost\r\n"
			     "Connection: Upgrade\r\n"
			     "Upgrade: websocket\r\n"
			     "Sec-WebSocket-Version: 13\r\n"
			     "Sec-WebSocket-Key: " KEY "\r\n"
			     "Origin: http://localhost\r\n" USUAL "\r\n",
			     works[work], size, c->seed);
	c->nask = (size_t)n;
	c->ask_at = 0;
	c->nhead = 0;
	c->body_at = 0;
	c->state = ASKED;
}

static size_t
ask_size(const struct conn *c)
{
	return c->nask ? c->nask + (work == POST ? size : 0) : 0;
}

static void
gone(struct conn *c, const char *when)
{
	int error = 0;
	socklen_t len = sizeof(error);

	(void)getsockopt(c->wire.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	wire_fail("connection %u ended %s%s%s", c->seed, when,
		  error ? ": " : "", error ? strerror(error) : "");
}

static void
send_ask(struct conn *c)
{
	while (c->ask_at < ask_size(c)) {
		size_t in_head = c->ask_at < c->nask ? c->ask_at : c->nask;
		size_t in_body = c->ask_at - in_head;
		const uint8_t *body = pattern_of(c->seed, c->number, false);
		ssize_t n = wire_send(&c->wire, c->ask + in_head,
				      c->nask - in_head, body + in_body,
				      ask_size(c) - c->nask - in_body);

		if (n == WIRE_AGAIN)
			return;
		if (n < 0)
			gone(c, "while a request went out");
		c->ask_at += (size_t)n;
	}
}

/* ------------------------------------------------------------------ answers */

static void
fail_answer(struct conn *c)
{
	c->head[c->nhead] = 0;
	for (char *p = c->head; *p; p++)
		if (*p == '\r' || *p == '\n')
			*p = ' ';
	wire_fail("connection %u got: %.300s", c->seed, c->head);
}

static void
ready(struct conn *c)
{
	opening--;
	nready++;
	c->state = READY;
	step(c);
}

static void
take_101(struct conn *c)
{
	if (strncmp(c->head, "HTTP/1.1 101 ", 13) != 0 ||
	    !strstr(c->head, ACCEPT))
		fail_answer(c);
	inflow_init(&c->in, c->seed, size, false);
	outflow_init(&c->out, c->seed, size, true);
	ready(c);
}

static void
take_200(struct conn *c)
{
	const char *length = strcasestr(c->head, "\r\nContent-Length:");

	if (strncmp(c->head, "HTTP/1.1 200 ", 13) != 0 || !length)
		fail_answer(c);
	c->body_size = strtoul(length + 17, NULL, 10);
	if (work == GET && c->body_size != size)
		fail_answer(c);
	c->ends = strcasestr(c->head, "\r\nConnection: close") != NULL;
	c->state = BODY;
}

static void
take_head(struct conn *c, const uint8_t **data, size_t *len)
{
	while (*len && c->nhead < HEAD_MAX) {
		c->head[c->nhead++] = (char)*(*data)++;
		(*len)--;
		if (c->nhead < 4 ||
		    memcmp(c->head + c->nhead - 4, "\r\n\r\n", 4) != 0)
			continue;
		c->head[c->nhead] = 0;
		if (work == GET || work == POST)
			take_200(c);
		else
			take_101(c);
		return;
	}
	if (c->nhead == HEAD_MAX)
		fail_answer(c);
}

static void
connect_to(struct conn *c)
{
	c->wire.fd = wire_connect(&to);
	c->state = CONNECTING;
	c->watched = true;
	opening++;
	if (work == OPEN)
		unit_begun(c);
	wire_watch(epoll, EPOLL_CTL_ADD, c->wire.fd, EPOLLIN | EPOLLOUT, c);
}

static void
disconnect(struct conn *c)
{
	close(c->wire.fd);
	nready--;
	c->state = IDLE;
}

static void
on_connected(struct conn *c)
{
	int error = 0;
	socklen_t len = sizeof(error);

	(void)getsockopt(c->wire.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error)
		wire_fail("connect: %s", strerror(error));
	if (work == GET || work == POST)
		ready(c);
	else
		make_ask(c);
}

static void
answer_done(struct conn *c)
{
	if (c->ask_at < ask_size(c))
		wire_fail("connection %u was answered before it had sent all",
			  c->seed);
	unit_done(c, size);
	c->number++;
	c->state = READY;
	if (c->ends) {
		disconnect(c);
		connect_to(c);
	} else {
		step(c);
	}
}

static void
take_body(struct conn *c, const uint8_t **data, size_t *len)
{
	size_t left = c->body_size - c->body_at;
	size_t n = *len < left ? *len : left;
	const uint8_t *should = pattern_of(c->seed, c->number, false);

	if (work == GET && memcmp(*data, should + c->body_at, n) != 0)
		wire_fail(
			"connection %u, answer %u: a byte between %zu and %zu "
			"was changed",
			c->seed, c->number, c->body_at, c->body_at + n);
	*data += n;
	*len -= n;
	c->body_at += n;
	if (c->body_at == c->body_size)
		answer_done(c);
}

/* ------------------------------------------------------------------ tunnels */

static void
take_message(struct conn *c)
{
	if (work != DOWN && !c->busy)
		wire_fail("connection %u: a message that nobody asked for",
			  c->seed);
	unit_done(c, size);
	step(c);
}

static void
take_mark(struct conn *c)
{
	if (!c->marks)
		wire_fail("connection %u: an empty message came", c->seed);
	c->marks = false;
	nmarks--;
	if (work != UP)
		return;
	units += c->out.number - c->number;
	bytes += (unsigned long long)(c->out.number - c->number) * size;
}

static void
take_frame(struct conn *c, const uint8_t **data, size_t *len)
{
	switch (inflow_take(&c->in, data, len)) {
	case FLOW_MORE:
		break;
	case FLOW_MESSAGE:
		take_message(c);
		break;
	case FLOW_MARK:
		take_mark(c);
		break;
	case FLOW_WRONG:
		wire_fail("connection %u, from the backend: %s", c->seed,
			  c->in.wrong);
	case FLOW_CLOSE:
		if (c->in.close[0])
			wire_fail("connection %u, to the backend: %s", c->seed,
				  c->in.close);
		if (c->state != CLOSING)
			wire_fail("connection %u was closed", c->seed);
		break;
	}
}

/* The next thing that a connection at rest has to do, if there is one. */
static void
step(struct conn *c)
{
	if (work == OPEN) {
		c->out.close = true;
		c->state = CLOSING;
	} else if (!running || c->busy) {
		return;
	} else if (work == ECHO) {
		unit_begun(c);
		c->out.owed++;
	} else if (work == GET || work == POST) {
		unit_begun(c);
		make_ask(c);
	}
}

/* ------------------------------------------------------------------- events */

static bool
owes(const struct conn *c)
{
	return c->ask_at < ask_size(c) ||
	       ((c->state == READY || c->state == CLOSING) &&
		outflow_owes(&c->out));
}

/* Sends what there is, and asks for EPOLLOUT as long as something is left. */
static void
send_all(struct conn *c)
{
	bool left;

	send_ask(c);
	if ((c->state == READY || c->state == CLOSING) &&
	    !outflow_send(&c->out, &c->wire, BURST))
		gone(c, "while messages went out");
	left = owes(c);
	if (left == c->watched)
		return;
	c->watched = left;
	wire_watch(epoll, EPOLL_CTL_MOD, c->wire.fd,
		   EPOLLIN | (left ? EPOLLOUT : 0), c);
}

static void
take(struct conn *c, const uint8_t *data, size_t len)
{
	while (len)
		if (c->state == ASKED)
			take_head(c, &data, &len);
		else if (c->state == BODY)
			take_body(c, &data, &len);
		else if (c->state == IDLE || work == GET || work == POST)
			wire_fail("connection %u: bytes that nobody asked for",
				  c->seed);
		else
			take_frame(c, &data, &len);
}

static void
on_end(struct conn *c)
{
	if (c->state != CLOSING)
		gone(c, "unasked");
	if (work == OPEN)
		unit_done(c, 0);
	disconnect(c);
	if (running)
		connect_to(c);
}

static void
on_event(struct conn *c, uint32_t events)
{
	progress++;
	if (c->state == CONNECTING)
		on_connected(c);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		ssize_t n = wire_recv(&c->wire, scratch, sizeof(scratch));

		if (n == 0 || n == -1)
			on_end(c);
		else if (n > 0)
			take(c, scratch, (size_t)n);
	}
	if (c->state != IDLE && c->state != CONNECTING)
		send_all(c);
}

/* Waits for `seconds` at most. */
static void
round_of_events(double seconds)
{
	struct epoll_event events[256];
	long ns = (long)(seconds * 1e9);
	struct timespec limit = {ns / 1000000000, ns % 1000000000};
	int n = epoll_pwait2(epoll, events, 256, &limit, NULL);

	for (int i = 0; i < n; i++)
		on_event(events[i].data.ptr, events[i].events);
}

/* Ends the program if nothing has happened for STILL seconds. */
static void
watch_progress(void)
{
	static unsigned long long seen;
	static double at;
	double now = wire_now();

	if (progress != seen || at == 0) {
		seen = progress;
		at = now;
	} else if (now - at > STILL) {
		wire_fail("nothing has come for %.0f s; %u connections of %u "
			  "are there, %u wait",
			  STILL, nready, nconns, nbusy + nmarks);
	}
}

static void
wait_for_events(void)
{
	round_of_events(1);
	watch_progress();
}

/* ----------------------------------------------------------------- commands */

static void
open_all(void)
{
	unsigned next = 0;

	while (nready < nconns) {
		while (next < nconns && opening < max_opening)
			connect_to(&conns[next++]);
		wait_for_events();
	}
}

static void
mark(struct conn *c)
{
	c->out.mark = true;
	c->marks = true;
	nmarks++;
}

static void
start(struct conn *c)
{
	if (work == OPEN) {
		connect_to(c);
		return;
	}
	if (work == DOWN)
		c->out.mark = true;
	else if (work == UP)
		c->out.owed = FLOW_ENDLESS;
	c->number = work == UP ? c->out.number : c->number;
	step(c);
	send_all(c);
}

static void
stop(struct conn *c)
{
	if (work != DOWN && work != UP)
		return;
	c->out.owed = 0;
	mark(c);
	send_all(c);
}

/* One message on the next connection that is at rest; false if none is. */
static bool
echo_next(void)
{
	static unsigned next;

	for (unsigned i = 0; i < nconns; i++) {
		struct conn *c = &conns[next++ % nconns];

		if (c->busy)
			continue;
		unit_begun(c);
		c->out.owed++;
		send_all(c);
		return true;
	}
	return false;
}

/* Messages at their times, until `end`; late ones follow at once. */
static void
pace(double rate, double end)
{
	double began = wire_now(), now = began;
	unsigned long long sent = 0;

	while (now < end) {
		double due;

		while ((double)sent < (now - began) * rate && echo_next())
			sent++;
		due = began + (double)sent / rate;
		now = wire_now();
		round_of_events(due > now ? due - now : 0.001);
		watch_progress();
		now = wire_now();
	}
}

static void
forget_figures(void)
{
	units = bytes = 0;
	longest = 0;
	memset(took, 0, sizeof(took));
}

static void
run(double seconds, double rate)
{
	double began = wire_now();

	forget_figures();
	if (rate > 0) {
		pace(rate, began + seconds);
	} else {
		running = true;
		for (unsigned i = 0; i < nconns; i++)
			start(&conns[i]);
		while (wire_now() < began + seconds)
			wait_for_events();
		running = false;
		for (unsigned i = 0; i < nconns; i++)
			stop(&conns[i]);
	}
	while (nbusy || nmarks || opening || (work == OPEN && nready))
		wait_for_events();
	printf("done units=%llu bytes=%llu seconds=%.6f p50=%.0f p99=%.0f "
	       "max=%.0f\n",
	       units, bytes, wire_now() - began, quantile(0.5), quantile(0.99),
	       longest * 1e6);
}

static void
once(void)
{
	forget_figures();
	for (unsigned i = 0; i < nconns; i++) {
		unit_begun(&conns[i]);
		conns[i].out.owed++;
		send_all(&conns[i]);
		while (nbusy > max_opening)
			wait_for_events();
	}
	while (nbusy)
		wait_for_events();
	printf("done units=%llu\n", units);
}

/* A Close on each connection, and then its end. */
static void
close_all(void)
{
	for (unsigned i = 0; i < nconns; i++) {
		struct conn *c = &conns[i];

		if (c->state == IDLE)
			continue;
		if (work == GET || work == POST) {
			disconnect(c);
			continue;
		}
		c->out.close = true;
		c->state = CLOSING;
		send_all(c);
	}
	while (nready)
		wait_for_events();
	printf("closed\n");
}

static void
obey(const char *line)
{
	double seconds, rate = 0;

	if (sscanf(line, "run %lf %lf", &seconds, &rate) >= 1)
		run(seconds, rate);
	else if (strcmp(line, "once\n") == 0)
		once();
	else if (strcmp(line, "close\n") == 0)
		close_all();
	else
		wire_fail("there is no command %s", line);
	fflush(stdout);
}

static void
set_work(const char *name)
{
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		if (strcmp(name, works[i]) == 0) {
			work = (enum work)i;
			return;
		}
	wire_fail("there is no work \"%s\"", name);
}

static void
options(int argc, char **argv)
{
	static const struct option known[] = {
		{"conns", required_argument, NULL, 'c'},
		{"size", required_argument, NULL, 's'},
		{"opening", required_argument, NULL, 'o'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
		if (c == 'c')
			nconns = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 's')
			size = strtoul(optarg, NULL, 10);
		else if (c == 'o')
			max_opening = (unsigned)strtoul(optarg, NULL, 10);
		else
			exit(2);
	if (optind + 2 != argc)
		wire_fail("usage: load [options] WORK ADDRESS:PORT");
	set_work(argv[optind]);
	to = wire_address(argv[optind + 1]);
	if (size < 1 || size > PATTERN_MAX)
		wire_fail("a size is 1 to %u bytes", PATTERN_MAX);
}

int
main(int argc, char **argv)
{
	char line[128];

	options(argc, argv);
	pattern_init();
	wire_raise_nofile();
	epoll = wire_epoll();
	conns = calloc(nconns, sizeof(*conns));
	if (!conns)
		wire_fail("out of memory");
	for (unsigned i = 0; i < nconns; i++)
		conns[i].seed = i;
	if (work != OPEN)
		open_all();
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
