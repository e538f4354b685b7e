/* SPDX-License-Identifier: ISC */
/*
 * load.c: a libconfig file becomes a draft.
 *
 * The only file that knows libconfig.  It takes the tree of settings apart and
 * hands each value on with its place; what a value means is conf/setting's
 * affair, and what they mean together conf/check's.
 */
#include "conf/load.h"

#include <libconfig.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/mem.h"
#include "conf/scan.h"
#include "conf/setting.h"
#include "conf/text.h"

static struct conf_where
where_of(struct draft *d, const config_setting_t *s)
{
	const char *file = config_setting_source_file(s);

	return (struct conf_where){
		conf_tree_name(d->tree, file ? file : ""),
		config_setting_source_line(s),
	};
}

/*
 * A scalar as a value, its variables replaced; the text is to be freed.  False
 * on a mistake, which has been told.
 */
static bool
value_of(struct draft *d, const config_setting_t *s, struct value *v)
{
	char *error;

	*v = (struct value){ .kind = VALUE_OTHER };
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		v->kind = VALUE_NUMBER;
		v->number = config_setting_get_int64(s);
		break;
	case CONFIG_TYPE_BOOL:
		v->kind = VALUE_TRUTH;
		v->truth = config_setting_get_bool(s);
		break;
	case CONFIG_TYPE_STRING:
		v->kind = VALUE_TEXT;
		v->text = text_expand(config_setting_get_string(s), &error);
		if (v->text)
			break;
		mistake(&d->mistakes, where_of(d, s), "%s", error);
		free(error);
		return false;
	default:
		break;
	}
	return true;
}

static void
value_fini(struct value *v)
{
	char *text;

	/* Values of options point into argv, hence the const; ours do not. */
	memcpy(&text, &v->text, sizeof(text));
	free(text);
}

/* A string with its variables replaced, or NULL and a mistake told. */
static char *
string_of(struct draft *d, const config_setting_t *s, const char *what)
{
	struct value v;
	char *copy;

	if (!value_of(d, s, &v))
		return NULL;
	if (v.kind != VALUE_TEXT) {
		mistake(&d->mistakes, where_of(d, s), "%s", what);
		return NULL;
	}
	copy = xstrdup(v.text);
	value_fini(&v);
	return copy;
}

static void
load_scalar(struct draft *d, const config_setting_t *s,
	    const struct setting *known, void *base)
{
	struct value v;
	char *error;

	if (!value_of(d, s, &v))
		return;
	if (!setting_assign(known, base, &v, &error)) {
		mistake(&d->mistakes, where_of(d, s), "%s", error);
		free(error);
	}
	value_fini(&v);
}

/* One element after the other; a list of one may stand without ( ). */
static void
load_list(struct draft *d, const config_setting_t *s,
	  const struct setting *known, void *base)
{
	if (!config_setting_is_list(s) && !config_setting_is_array(s)) {
		load_scalar(d, s, known, base);
		return;
	}
	for (unsigned i = 0; i < (unsigned)config_setting_length(s); i++)
		load_scalar(d, config_setting_get_elem(s, i), known, base);
}

typedef void load_part(struct draft *d, config_setting_t *s, void *base);

static load_part load_servers, load_trusted, load_listeners, load_backends,
	load_routes, load_timeouts, load_websocket, load_log, load_admin;

/* For each SETTING_PARTS of the table what takes it apart. */
static const struct {
	const char *name;
	load_part *load;
} parts[] = {
	{ "listeners", load_listeners },
	{ "backends", load_backends },
	{ "routes", load_routes },
	{ "timeouts", load_timeouts },
	{ "websocket", load_websocket },
	{ "log", load_log },
	{ "admin", load_admin },
	{ "trusted_proxies", load_trusted },
	{ "servers", load_servers },
};

/* Every setting in a group goes into the section's struct at base. */
static void
load_group(struct draft *d, config_setting_t *group, enum section_id section,
	   void *base)
{
	unsigned n = (unsigned)config_setting_length(group);

	for (unsigned i = 0; i < n; i++) {
		config_setting_t *s = config_setting_get_elem(group, i);
		const char *name = config_setting_name(s);
		const struct setting *known = setting_find(section, name);
		char *error;

		if (!known) {
			error = setting_unknown(section, name);
			mistake(&d->mistakes, where_of(d, s), "%s", error);
			free(error);
		} else if (setting_is_list(known)) {
			load_list(d, s, known, base);
		} else if (known->type != SETTING_PARTS) {
			load_scalar(d, s, known, base);
		}
		for (size_t j = 0; known && j < ARRAY_LEN(parts); j++)
			if (known->type == SETTING_PARTS &&
			    strcmp(parts[j].name, name) == 0)
				parts[j].load(d, s, base);
	}
}

/* Says what a setting should have been, if it is not of that type. */
static bool
must_be_group(struct draft *d, const config_setting_t *s, const char *example)
{
	if (config_setting_is_group(s))
		return true;
	mistake(&d->mistakes, where_of(d, s), "here a group is wanted: %s",
		example);
	return false;
}

static bool
must_be_list(struct draft *d, const config_setting_t *s, const char *example)
{
	if (config_setting_is_list(s) || config_setting_is_array(s))
		return true;
	mistake(&d->mistakes, where_of(d, s), "%s is a list: %s",
		config_setting_name(s), example);
	return false;
}

static void
load_named_group(struct draft *d, config_setting_t *s, enum section_id id)
{
	if (must_be_group(d, s, "name = { setting = value; };"))
		load_group(d, s, id, &d->tree->conf);
}

static void
load_timeouts(struct draft *d, config_setting_t *s, UNUSED void *base)
{
	load_named_group(d, s, SECTION_TIMEOUTS);
}

static void
load_websocket(struct draft *d, config_setting_t *s, UNUSED void *base)
{
	load_named_group(d, s, SECTION_WEBSOCKET);
}

static void
load_log(struct draft *d, config_setting_t *s, UNUSED void *base)
{
	load_named_group(d, s, SECTION_LOG);
}

/* Of a unix socket, with its NUL. */
#define SOCKET_PATH_MAX sizeof(((struct sockaddr_un *)NULL)->sun_path)

static void
load_admin(struct draft *d, config_setting_t *s, UNUSED void *base)
{
	const char *socket;

	load_named_group(d, s, SECTION_ADMIN);
	socket = d->tree->conf.admin_socket;
	if (strcmp(socket, "auto") != 0 && strcmp(socket, "none") != 0 &&
	    (*socket != '/' || strlen(socket) >= SOCKET_PATH_MAX))
		mistake(&d->mistakes, where_of(d, s), "socket must be "
			"\"auto\", \"none\" or a path such as "
			"\"/run/bowsprit/admin.sock\", of at most %zu bytes, "
			"not \"%s\"", SOCKET_PATH_MAX - 1, socket);
}

static void
load_listeners(struct draft *d, config_setting_t *s, UNUSED void *base)
{
	static const char example[] = "{ address = \"localhost\"; "
				      "port = 3000; }";
	config_setting_t *element;

	d->listeners_said = true;
	if (!must_be_list(d, s, "listeners = ( { port = 3000; } )"))
		return;
	for (unsigned i = 0; i < (unsigned)config_setting_length(s); i++) {
		struct draft_listener l = { .port = 0 };

		element = config_setting_get_elem(s, i);
		l.where = where_of(d, element);
		if (config_setting_type(element) == CONFIG_TYPE_STRING)
			l.address = string_of(d, element, example);
		else if (must_be_group(d, element, example))
			load_group(d, element, SECTION_LISTENER, &l);
		if (l.address || l.port || l.certificate.n > 0)
			*xgrow(d->listeners, d->nlisteners) = l;
		else
			draft_listener_fini(&l);
	}
}

static void
load_servers(struct draft *d, config_setting_t *s, void *base)
{
	static const char example[] =
		"servers = ( \"http://127.0.0.1:3001\" )";
	struct draft_backend *b = base;

	if (!must_be_list(d, s, example)) {
		b->broken = true;
		return;
	}
	for (unsigned i = 0; i < (unsigned)config_setting_length(s); i++) {
		char *url = string_of(d, config_setting_get_elem(s, i),
				      "a server is a string: "
				      "\"http://127.0.0.1:3001\"");

		if (url)
			*xgrow(b->servers, b->nservers) = url;
		else
			b->broken = true;
	}
}

static void
load_backends(struct draft *d, config_setting_t *s, UNUSED void *base)
{
	static const char example[] =
		"next = { servers = ( \"http://127.0.0.1:3001\" ); };";
	config_setting_t *element;
	struct draft_backend *b;

	if (!must_be_group(d, s, "backends = { next = { … }; };"))
		return;
	for (unsigned i = 0; i < (unsigned)config_setting_length(s); i++) {
		element = config_setting_get_elem(s, i);
		b = xgrow(d->backends, d->nbackends);
		b->name = xstrdup(config_setting_name(element));
		b->where = where_of(d, element);
		setting_presets(SECTION_BACKEND, b);
		if (must_be_group(d, element, example))
			load_group(d, element, SECTION_BACKEND, b);
		else
			b->broken = true;
	}
}

static void
load_routes(struct draft *d, config_setting_t *s, UNUSED void *base)
{
	static const char example[] =
		"{ path = \"/**\"; backend = \"next\"; }";
	config_setting_t *element;

	if (!must_be_list(d, s, "routes = ( { path = \"/**\"; … } )"))
		return;
	for (unsigned i = 0; i < (unsigned)config_setting_length(s); i++) {
		unsigned mistakes = d->mistakes.count;
		struct draft_route *r;

		element = config_setting_get_elem(s, i);
		if (!must_be_group(d, element, example))
			continue;
		r = draft_add_route(d, where_of(d, element));
		load_group(d, element, SECTION_ROUTE, r);
		/* What is missing now may have been there, but wrong. */
		r->dropped = d->mistakes.count > mistakes &&
			     (!r->path || !r->backend);
	}
}

/* One string may hold several, since a variable may. */
static void
add_trusted(struct draft *d, struct slice list, struct conf_where where)
{
	struct conf *c = &d->tree->conf;
	struct slice element;
	struct addr net;

	while (slice_next_element(&list, &element)) {
		if (addr_parse_network(&net, element))
			*xgrow(c->trusted, c->ntrusted) = net;
		else
			mistake(&d->mistakes, where, "\"%.*s\" is no address "
				"or network; write \"10.0.0.5\" or "
				"\"10.0.0.0/8\"", SLICE_ARG(element));
	}
}

static void
load_trusted(struct draft *d, config_setting_t *s, UNUSED void *base)
{
	if (!must_be_list(d, s, "trusted_proxies = ( \"10.0.0.0/8\" )"))
		return;
	d->tree->conf.ntrusted = 0; /* the loopback ones that are preset */
	for (unsigned i = 0; i < (unsigned)config_setting_length(s); i++) {
		config_setting_t *element = config_setting_get_elem(s, i);
		char *text = string_of(d, element, "an address or network is "
				       "a string: \"10.0.0.0/8\"");

		if (text)
			add_trusted(d, slice_str(text),
				    where_of(d, element));
		free(text);
	}
}

/* libconfig ends at the first mistake in the grammar: say so. */
static void
tell_syntax(struct draft *d, const config_t *cfg, const char *path)
{
	const char *file = config_error_file(cfg);
	struct conf_where where = {
		file ? file : path, (unsigned)config_error_line(cfg),
	};
	const char *text = config_error_text(cfg);
	char *remedy;

	if (strcmp(text, "duplicate setting name") == 0)
		remedy = xstrdup("each can stand only once in its group");
	else if (strcmp(text, "mismatched element type in array") == 0)
		remedy = xstrdup("elements of several types stand in ( ), "
				 "not in [ ]");
	else
		remedy = scan_remedy(where.file, where.line);
	mistake(&d->mistakes, where, "%s; %s (reading ends here: what follows "
		"was not checked)", text, remedy);
	free(remedy);
}

void
load_file(struct draft *d, const char *path, struct conf_where by)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? xstrndup(path, (size_t)(slash - path) + 1)
			     : xstrdup(".");
	config_t cfg;

	if (scan_file(path, folder, by, &d->mistakes)) {
		config_init(&cfg);
		config_set_include_dir(&cfg, folder);
		if (config_read_file(&cfg, path))
			load_group(d, config_root_setting(&cfg), SECTION_TOP,
				   &d->tree->conf);
		else
			tell_syntax(d, &cfg, path);
		config_destroy(&cfg);
	}
	free(folder);
}
