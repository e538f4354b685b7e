/* SPDX-License-Identifier: ISC */
/*
 * loop_conf.c: what the main thread makes of a configuration, at the start and
 * when it is read again.
 */
#include "run/loop_impl.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "conf/mistake.h"
#include "net/resolve.h"
#include "net/tls_client.h"
#include "run/announce.h"

void
loop_fill_in(struct loop *l, struct conf *conf)
{
	for (size_t i = 0; i < conf->nbackends; i++) {
		struct conf_backend *b = conf->backends[i];

		if (b->server.port == 0 && !b->server.path &&
		    !conf_server_is_open(&b->server))
			conf_set_port(b, b->is_app ? l->app_port
						   : l->demo_port);
	}
}

void
loop_resolve(struct conf *conf)
{
	for (size_t i = 0; i < conf->nbackends; i++) {
		struct conf_server *s = &conf->backends[i]->server;

		if (s->host)
			(void)!resolve_at_once(s->host, s->port, &s->addrs,
					       &s->naddrs);
	}
}

/* To all workers; false without memory for one. */
static bool
on_addrs(const char *name, const struct addr *addrs, size_t n, void *arg)
{
	struct loop *l = arg;
	bool ok = true;

	for (unsigned i = 0; i < l->started; i++) {
		struct host *h = host_new(name, addrs, n);

		if (h)
			mailbox_post(&l->threads[i].mail, MSG_ADDRS, h);
		ok = ok && h;
	}
	return ok;
}

static void
on_renewed(struct conf_backend *b, void *arg)
{
	loop_post_all(arg, MSG_RENEWED, b);
}

void
loop_watch(struct loop *l)
{
	names_init(&l->names, l->base, &l->mail, on_addrs, l);
	names_watch(&l->names, l->conf);
	renew_init(&l->renewal, l->base, &l->gates, on_renewed, l);
	renew_watch(&l->renewal, l->conf);
}

bool
loop_reload(struct loop *l)
{
	struct conf *conf;
	struct mistakes mistakes = { .count = 0 };
	bool good;

	if (!log_reopen())
		log_say(LOG_ERROR, "the log file cannot be opened again: %s",
			strerror(errno));
	conf = conf_again(l->conf);
	mistakes_go_to_log(true);
	good = conf && tls_clients_make(conf, &mistakes);
	mistakes_go_to_log(false);
	if (!good) {
		log_say(LOG_ERROR, "reload: the configuration has mistakes; "
			"the running one stays");
		conf_unref(conf);
		return false;
	}
	loop_fill_in(l, conf);
	loop_resolve(conf);
	log_set_level(conf->log_level);
	for (unsigned i = 0; i < l->started; i++)
		mailbox_post(&l->threads[i].mail, MSG_CONF, conf_ref(conf));
	conf_unref(l->conf);
	l->conf = conf;
	names_watch(&l->names, conf);
	gates_reload(&l->gates, conf);
	renew_watch(&l->renewal, conf);
	announce_doubts(conf);
	sockets_check(&l->sockets);
	log_say(LOG_INFO, "> Configuration reloaded; listeners, workers and "
		"the log's place change with SIGUSR2, or a restart");
	return true;
}
