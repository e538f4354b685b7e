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
 *	--patience S	seconds in which nothing comes are a failure (10)
 *	--tls		in TLS
 *
 * opens its connections, prints "ready" and obeys the lines of stdin:
 *
 *	run SECONDS [RATE]	works, and prints what was done as "done
 *				units=U bytes=B seconds=S p50=US p99=US";
 *				RATE paces echo: messages a second, of all
 *	once			one message on each connection, as "done"
 *	close			closes all, prints "closed"
 *
 * Every byte that comes is checked.  The first that is wrong, and any
 * connection that ends or answers otherwise than it should, ends the program
 * with "failed: SENTENCE" and status 1.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "latency.h"
#include "net.h"
#include "pattern.h"

static unsigned nconns = 1, max_opening = 16;
static double patience = 10; /* seconds without an event */
static struct client *conns;

/* Ends the program if nothing has happened for too long. */
static void
watch_progress(void)
{
	static unsigned long long seen;
	static double at;
	double now = net_now();

	if (common.progress != seen || at == 0) {
		seen = common.progress;
		at = now;
	} else if (now - at > patience) {
		net_fail("nothing has come for %.0f s; %u connections of %u "
			 "are there, %u wait",
			 patience, common.nready, nconns,
			 common.nbusy + common.nmarks);
	}
}

static void
wait_for_events(void)
{
	client_events(1);
	watch_progress();
}

/* ----------------------------------------------------------------- commands */

static void
open_all(void)
{
	unsigned next = 0;

	while (common.nready < nconns) {
		while (next < nconns && common.opening < max_opening)
			client_connect(&conns[next++]);
		wait_for_events();
	}
}

/* One message on the next connection that is at rest; false if none is. */
static bool
echo_next(void)
{
	static unsigned next;

	for (unsigned i = 0; i < nconns; i++) {
		struct client *c = &conns[next++ % nconns];

		if (c->busy)
			continue;
		client_echo(c);
		return true;
	}
	return false;
}

/* Messages at their times, until `end`; late ones follow at once. */
static void
pace(double rate, double end)
{
	double began = net_now(), now = began;
	unsigned long long sent = 0;

	while (now < end) {
		double due;

		while ((double)sent < (now - began) * rate && echo_next())
			sent++;
		due = began + (double)sent / rate;
		now = net_now();
		client_events(due > now ? due - now : 0.001);
		watch_progress();
		now = net_now();
	}
}

static void
forget_figures(void)
{
	common.units = common.bytes = 0;
	latency_forget();
}

static void
run(double seconds, double rate)
{
	double began = net_now();

	forget_figures();
	if (rate > 0) {
		pace(rate, began + seconds);
	} else {
		common.running = true;
		for (unsigned i = 0; i < nconns; i++)
			client_start(&conns[i]);
		while (net_now() < began + seconds)
			wait_for_events();
		common.running = false;
		for (unsigned i = 0; i < nconns; i++)
			client_stop(&conns[i]);
	}
	while (common.nbusy || common.nmarks || common.opening ||
	       (common.work == WORK_OPEN && common.nready))
		wait_for_events();
	printf("done units=%llu bytes=%llu seconds=%.6f p50=%.0f p99=%.0f\n",
	       common.units, common.bytes, net_now() - began,
	       latency_quantile(0.5), latency_quantile(0.99));
}

static void
once(void)
{
	forget_figures();
	for (unsigned i = 0; i < nconns; i++) {
		client_echo(&conns[i]);
		while (common.nbusy > max_opening)
			wait_for_events();
	}
	while (common.nbusy)
		wait_for_events();
	printf("done units=%llu\n", common.units);
}

/* A Close on each connection, and then its end. */
static void
close_all(void)
{
	for (unsigned i = 0; i < nconns; i++)
		client_close(&conns[i]);
	while (common.nready)
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
		net_fail("there is no command %s", line);
	fflush(stdout);
}

static void
options(int argc, char **argv)
{
	static const struct option known[] = {
		{"conns", required_argument, NULL, 'c'},
		{"size", required_argument, NULL, 's'},
		{"opening", required_argument, NULL, 'o'},
		{"patience", required_argument, NULL, 'p'},
		{"tls", no_argument, NULL, 't'},
		{NULL, 0, NULL, 0},
	};
	int c;

	common.size = 1024;
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
		if (c == 'c')
			nconns = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 's')
			common.size = strtoul(optarg, NULL, 10);
		else if (c == 'o')
			max_opening = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'p')
			patience = strtod(optarg, NULL);
		else if (c == 't')
			wire_use_tls();
		else
			exit(2);
	if (optind + 2 != argc)
		net_fail("usage: load [options] WORK ADDRESS:PORT");
	client_init(argv[optind]);
	common.to = net_address(argv[optind + 1]);
	if (common.size < 1 || common.size > PATTERN_MAX)
		net_fail("a size is 1 to %u bytes", PATTERN_MAX);
}

int
main(int argc, char **argv)
{
	char line[128];

	options(argc, argv);
	net_raise_nofile();
	conns = calloc(nconns, sizeof(*conns));
	if (!conns)
		net_fail("out of memory");
	for (unsigned i = 0; i < nconns; i++)
		conns[i].seed = i;
	if (common.work != WORK_OPEN)
		open_all();
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
