/* SPDX-License-Identifier: ISC */
/*
 * main.c: bowsprit, a WebSocket reverse proxy in front of Next.js.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "net/sockopt.h"
#include "net/tls_client.h"
#include "run/gates.h"
#include "run/loop.h"

/* Else a socket gets such a number, and what is said to stderr as well. */
static void
open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* Do the files of backends with TLS hold what they should? */
static bool
make_tls(struct conf *conf)
{
	struct mistakes m = { .count = 0 };

	return tls_clients_make(conf, &m);
}

int
main(int argc, char **argv)
{
	enum conf_action action = CONF_RUN;
	struct conf *conf;

	loop_hold_signals();
	open_standard_descriptors();
	sock_learn_ports();
	conf = conf_from_args(argc, argv, &action);
	if (!conf)
		return action == CONF_HELP || action == CONF_VERSION ? 0 : 1;
	/* A start opens the listeners' gates itself. */
	if (!make_tls(conf) || (action == CONF_TEST && !gates_check(conf))) {
		conf_unref(conf);
		return 1;
	}
	if (action == CONF_TEST) {
		conf_explain(conf);
		conf_unref(conf);
		return 0;
	}
	if (!log_open(conf->log_file, conf->log_format, conf->log_level)) {
		fprintf(stderr, "bowsprit: the log file %s cannot be opened: "
			"%s\n", conf->log_file, strerror(errno));
		conf_unref(conf);
		return 1;
	}
	if (!log_start() || atexit(log_stop) != 0) {
		fprintf(stderr, "bowsprit: the log's thread cannot be started: "
			"%s\n", strerror(errno));
		conf_unref(conf);
		return 1;
	}
	return loop_run(conf);
}
