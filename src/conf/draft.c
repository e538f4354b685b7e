/* SPDX-License-Identifier: ISC */
/*
 * draft.c: what the file and the options said, before it is put together.
 */
#include "conf/draft.h"

#include <stdlib.h>

#include "base/mem.h"
#include "conf/allowed.h"
#include "conf/header.h"
#include "conf/setting.h"

struct draft_route *
draft_add_route(struct draft *d, struct conf_where where)
{
	struct draft_route *r = xgrow(d->routes, d->nroutes);

	r->upgrade = UPGRADE_OPEN;
	memset(&r->times, 0xff, sizeof(r->times)); /* all are NUMBER_OPEN */
	memset(&r->limits, 0xff, sizeof(r->limits));
	r->where = where;
	setting_presets(SECTION_ROUTE, r);
	return r;
}

static void
tls_fini(struct draft_tls *t)
{
	free(t->ca);
	free(t->certificate);
	free(t->key);
}

static void
backend_fini(struct draft_backend *b)
{
	for (size_t i = 0; i < b->nservers; i++)
		free(b->servers[i]);
	free(b->servers);
	free(b->name);
	tls_fini(&b->tls);
}

static void
route_fini(struct draft_route *r)
{
	free(r->name);
	free(r->path);
	free(r->backend);
	tls_fini(&r->tls);
	pattern_free(r->pattern);
	header_fini(&r->request);
	header_fini(&r->response);
	allowed_fini(&r->allowed);
}

static void
texts_fini(struct draft_texts *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->list[i]);
	free(t->list);
}

void
draft_listener_fini(struct draft_listener *l)
{
	texts_fini(&l->certificate);
	texts_fini(&l->key);
	free(l->client_ca);
	free(l->address);
	free(l->owner);
	free(l->group);
}

void
draft_fini(struct draft *d)
{
	for (size_t i = 0; i < d->nlisteners; i++)
		draft_listener_fini(&d->listeners[i]);
	for (size_t i = 0; i < d->nbackends; i++)
		backend_fini(&d->backends[i]);
	for (size_t i = 0; i < d->nroutes; i++)
		route_fini(&d->routes[i]);
	free(d->listeners);
	free(d->backends);
	free(d->routes);
}
