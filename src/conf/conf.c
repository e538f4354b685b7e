/* SPDX-License-Identifier: ISC */
/*
 * conf.c: from the command line to a checked configuration.
 */
#include "conf/conf.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/build.h"
#include "conf/check.h"
#include "conf/load.h"
#include "conf/mistake.h"
#include "conf/options.h"

#define FILE_HERE "bowsprit.cfg"

/*
 * The file that is to be read: the one named, else the one of this folder if
 * no option says where to listen or where requests go.
 */
static const char *
choose_file(const struct options *o)
{
	if (o->file)
		return o->file;
	if (!o->routes && access(FILE_HERE, F_OK) == 0)
		return FILE_HERE;
	return NULL;
}

/* "stdout" is what NULL means. */
static void
normalise_log_file(struct conf *c)
{
	if (strcmp(c->log_file, "stdout") != 0 && *c->log_file)
		return;
	free(c->log_file);
	c->log_file = NULL;
}

/* The same of "none". */
static void
normalise_admin_socket(struct conf *c)
{
	if (strcmp(c->admin_socket, "none") != 0)
		return;
	free(c->admin_socket);
	c->admin_socket = NULL;
}

/*
 * Each step goes on after mistakes, so that one run tells them all; what one
 * could not build, the next does without.
 */
static void
make(struct draft *d, const struct options *o)
{
	struct conf_where by = { o->file ? "--config" : "./" FILE_HERE, 0 };
	const char *file = choose_file(o);

	if (file) {
		d->tree->conf.source = xstrdup(file);
		load_file(d, file, by);
	}
	options_apply(o, d);
	build_listeners(d);
	build_backends(d);
	build_routes(d);
	check_conf(&d->tree->conf, &d->mistakes);
	check_remarks(d->tree);
	normalise_log_file(&d->tree->conf);
	normalise_admin_socket(&d->tree->conf);
}

struct conf *
conf_from_args(int argc, char **argv, enum conf_action *action)
{
	struct draft d = { .tree = conf_tree_new(argc, argv) };
	struct options o;

	options_read(&o, argc, d.tree->argv, &d.mistakes);
	*action = d.mistakes.count ? CONF_RUN : o.action;
	if (*action == CONF_HELP)
		options_print_help();
	else if (*action == CONF_VERSION)
		options_print_version();
	else
		make(&d, &o);
	if (d.mistakes.count || *action == CONF_HELP ||
	    *action == CONF_VERSION) {
		conf_tree_free(d.tree);
		d.tree = NULL;
	}
	options_fini(&o);
	draft_fini(&d);
	return d.tree ? &d.tree->conf : NULL;
}

char *const *
conf_argv(const struct conf *conf)
{
	return conf_tree_of(conf)->argv;
}

struct conf *
conf_again(const struct conf *running)
{
	const struct conf_tree *t = conf_tree_of(running);
	enum conf_action action;
	struct conf *conf;

	mistakes_go_to_log(true);
	conf = conf_from_args(t->argc, t->argv, &action);
	mistakes_go_to_log(false);
	return conf;
}

uint16_t
conf_https_port(const struct conf *c)
{
	for (size_t i = 0; i < c->nlisteners; i++)
		if (conf_listener_has_tls(&c->listeners[i]) &&
		    !c->listeners[i].path)
			return c->listeners[i].port;
	return 443;
}
