/* SPDX-License-Identifier: ISC */
/*
 * draft.h: what the file and the options said, before it is put together.
 *
 * Settings that are a single value go straight into the tree.  Listeners,
 * backends and routes refer to each other, and an option may come to stand
 * over what the file says, so they wait here until everything was read.
 */
#ifndef CONF_DRAFT_H
#define CONF_DRAFT_H

#include "conf/mistake.h"
#include "conf/tree.h"

/* A boolean that may have been left open. */
enum truth { TRUTH_OPEN, TRUTH_FALSE, TRUTH_TRUE };

/* enum conf_upgrade, or this. */
#define UPGRADE_OPEN UINT32_MAX

/* A time or a limit, or this. */
#define NUMBER_OPEN UINT64_MAX

struct draft_texts {
	char **list;
	size_t n;
};

struct draft_listener {
	char *address;
	uint16_t port; /* 0: it stands in the address */
	unsigned mode; /* its octal digits read as decimal ones; 0: not said */
	char *owner, *group; /* names or numbers */
	enum truth proxied;
	struct draft_texts certificate, key;
	uint32_t verify_client; /* enum conf_verify */
	char *client_ca;
	uint32_t redirect; /* 1: to https */
	bool by_option;
	struct conf_where where;
};

/* Of a backend, be it named or a route's URL; files. */
struct draft_tls {
	enum truth verify;
	char *ca, *certificate, *key;
};

struct draft_backend {
	char *name;
	char **servers;
	size_t nservers;
	enum truth change_origin;
	uint32_t send_proxy; /* enum conf_proxy */
	struct draft_tls tls;
	bool broken; /* a mistake about its servers has been told */
	struct conf_where where;
};

enum draft_to {
	TO_BACKEND, /* what `backend` names */
	TO_APP,     /* the COMMAND */
	TO_DEMO,
};

struct draft_route {
	char *name;
	char *path;
	char *backend; /* a name or a URL */
	enum draft_to to;
	uint32_t upgrade;
	enum truth change_origin, verify_accept, strict;
	struct conf_timeouts times; /* those that it may have of its own */
	uint32_t send_proxy; /* enum conf_proxy, or 0 */
	struct draft_tls tls; /* of a URL */
	uint32_t ping; /* enum conf_ping, or 0 */
	struct conf_limits limits;
	struct conf_headers request, response;
	struct conf_targets allowed;
	bool by_option;
	bool dropped; /* a mistake, or an option's route stands over it */
	struct pattern *pattern; /* compiled by conf/build, which moves it */
	struct conf_where where;
};

struct draft {
	struct conf_tree *tree;
	struct mistakes mistakes;
	struct draft_listener *listeners;
	size_t nlisteners;
	bool listeners_said; /* be it an empty list */
	struct draft_backend *backends;
	size_t nbackends;
	struct draft_route *routes;
	size_t nroutes;
};

struct draft_route *draft_add_route(struct draft *d, struct conf_where where);
void draft_listener_fini(struct draft_listener *l);
void draft_fini(struct draft *d); /* all but the tree */

#endif
