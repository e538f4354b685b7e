/* SPDX-License-Identifier: ISC */
/*
 * setting.c: the one table of settings, and how a value becomes a field.
 */
#include "conf/setting.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "conf/allowed.h"
#include "conf/draft.h"
#include "conf/header.h"
#include "conf/suggest.h"
#include "conf/text.h"

#define FIELD(type, member) offsetof(type, member), \
	sizeof(((type *)NULL)->member)
#define NO_FIELD 0, 0
#define KILO 1024u
#define MEGA (1024u * 1024u)

static const struct setting_word details[] = {
	{ "all", DETAIL_ALL },
	{ "local", DETAIL_LOCAL },
	{ "none", DETAIL_NONE },
	{ NULL, 0 },
};

static const struct setting_word formats[] = {
	{ "text", LOG_TEXT },
	{ "json", LOG_JSON },
	{ NULL, 0 },
};

static const struct setting_word levels[] = {
	{ "debug", LOG_DEBUG },
	{ "info", LOG_INFO },
	{ "warn", LOG_WARN },
	{ "error", LOG_ERROR },
	{ NULL, 0 },
};

static const struct setting_word accesses[] = {
	{ "auto", ACCESS_AUTO },
	{ "all", ACCESS_ALL },
	{ "errors", ACCESS_ERRORS },
	{ "none", ACCESS_NONE },
	{ NULL, 0 },
};

static const struct setting_word upgrades[] = {
	{ "both", TAKES_BOTH },
	{ "websocket", TAKES_UPGRADES },
	{ "none", TAKES_REQUESTS },
	{ "next", TAKES_NEXT },
	{ NULL, 0 },
};

static const struct setting_word pinged[] = {
	{ "client", PING_CLIENT },
	{ "backend", PING_BACKEND },
	{ "both", PING_BOTH },
	{ NULL, 0 },
};

static const struct setting_word proxies[] = {
	{ "none", PROXY_NONE },
	{ "v1", PROXY_V1 },
	{ "v2", PROXY_V2 },
	{ NULL, 0 },
};

static const struct setting_word verifies[] = {
	{ "none", VERIFY_NONE },
	{ "optional", VERIFY_OPTIONAL },
	{ "required", VERIFY_REQUIRED },
	{ NULL, 0 },
};

static const struct setting_word redirects[] = {
	{ "none", 0 },
	{ "https", 1 },
	{ NULL, 0 },
};

#define PARTS(name) \
	{ name, SETTING_PARTS, NO_FIELD, NULL, 0, 0, NULL }
#define TIME(name, member, preset) \
	{ name, SETTING_TIME, FIELD(struct conf, timeouts.member), preset, \
	  0, UINT64_MAX, NULL }
#define ROUTE_TIME(name, member) \
	{ name, SETTING_TIME, FIELD(struct draft_route, times.member), NULL, \
	  0, UINT64_MAX, NULL }
#define WORD(name, type, member, preset, words) \
	{ name, SETTING_WORD, FIELD(type, member), preset, 0, 0, words }
#define TEXT(name, type, member, preset) \
	{ name, SETTING_TEXT, FIELD(type, member), preset, 0, 0, NULL }
#define TRUTH(name, type, member, preset) \
	{ name, SETTING_TRUTH, FIELD(type, member), preset, 0, 0, NULL }
#define HEADERS(type) \
	{ "set_headers", SETTING_SET, FIELD(type, request), NULL, 0, 0, \
	  NULL }, \
	{ "remove_headers", SETTING_REMOVE, FIELD(type, request), NULL, 0, 0, \
	  NULL }, \
	{ "set_response_headers", SETTING_SET, FIELD(type, response), NULL, \
	  0, 0, NULL }, \
	{ "remove_response_headers", SETTING_REMOVE, FIELD(type, response), \
	  NULL, 0, 0, NULL }
#define LATER(name, preset) \
	{ name, SETTING_LATER, NO_FIELD, preset, 0, 0, NULL }

/* The same settings, of all routes and of one. */
#define LIMITS(type, preset) \
	{ "max_tunnels", SETTING_NUMBER, FIELD(type, limits.tunnels), preset, \
	  0, UINT32_MAX, NULL }, \
	{ "max_tunnels_per_address", SETTING_NUMBER, \
	  FIELD(type, limits.per_address), preset, 0, UINT32_MAX, NULL }, \
	{ "max_message", SETTING_SIZE, FIELD(type, limits.message), preset, \
	  0, INT64_MAX, NULL }

/* The same settings, of a backend and of a route with a URL. */
#define BACKEND_TLS(type, preset) \
	TRUTH("tls_verify", type, tls.verify, preset), \
	TEXT("ca", type, tls.ca, NULL), \
	TEXT("certificate", type, tls.certificate, NULL), \
	TEXT("key", type, tls.key, NULL)

static const struct setting top[] = {
	PARTS("listeners"),
	PARTS("backends"),
	PARTS("routes"),
	PARTS("timeouts"),
	PARTS("websocket"),
	PARTS("log"),
	PARTS("admin"),
	PARTS("trusted_proxies"),
	HEADERS(struct conf),
	WORD("error_detail", struct conf, error_detail, "local", details),
	{ "max_head", SETTING_SIZE, FIELD(struct conf, max_head), "64K",
	  KILO, 16 * MEGA, NULL },
	{ "pool_size", SETTING_NUMBER, FIELD(struct conf, pool_size), "64",
	  0, 65536, NULL },
	{ "workers", SETTING_NUMBER, FIELD(struct conf, workers), "0",
	  0, 1024, NULL },
};

static const struct setting timeouts[] = {
	TIME("header", header, "10s"),
	TIME("connect", connect, "5s"),
	TIME("handshake", handshake, "30s"),
	TIME("response", response, "300s"),
	TIME("stall", stall, "60s"),
	TIME("client_keepalive", client_keepalive, "75s"),
	TIME("backend_keepalive", backend_keepalive, "4s"),
	TIME("tunnel_idle", tunnel_idle, "0"),
	TIME("tunnel_lifetime", tunnel_lifetime, "0"),
	TIME("half_close", half_close, "5m"),
	TIME("drain", drain, "8s"),
	TIME("boot", boot, "25s"),
	TIME("resolve", resolve, "10s"),
};

static const struct setting logs[] = {
	WORD("format", struct conf, log_format, "text", formats),
	WORD("level", struct conf, log_level, "info", levels),
	WORD("access", struct conf, log_access, "auto", accesses),
	TEXT("file", struct conf, log_file, "stdout"),
};

static const struct setting websocket[] = {
	TIME("ping_interval", ping_interval, "0"),
	TIME("ping_timeout", ping_timeout, "20s"),
	WORD("ping", struct conf, ping, "both", pinged),
	LIMITS(struct conf, "0"),
	TRUTH("strict", struct conf, strict, "false"),
};

static const struct setting admin[] = {
	TEXT("socket", struct conf, admin_socket, "auto"),
	LATER("listen", ""),
};

static const struct setting listener[] = {
	TEXT("address", struct draft_listener, address, NULL),
	{ "port", SETTING_NUMBER, FIELD(struct draft_listener, port), NULL,
	  1, UINT16_MAX, NULL },
	{ "mode", SETTING_NUMBER, FIELD(struct draft_listener, mode), NULL,
	  1, 777, NULL },
	TEXT("owner", struct draft_listener, owner, NULL),
	TEXT("group", struct draft_listener, group, NULL),
	TRUTH("proxy_protocol", struct draft_listener, proxied, NULL),
	{ "certificate", SETTING_TEXTS,
	  FIELD(struct draft_listener, certificate), NULL, 0, 0, NULL },
	{ "key", SETTING_TEXTS, FIELD(struct draft_listener, key), NULL, 0, 0,
	  NULL },
	WORD("verify_client", struct draft_listener, verify_client, "none",
	     verifies),
	TEXT("client_ca", struct draft_listener, client_ca, NULL),
	WORD("redirect", struct draft_listener, redirect, "none", redirects),
};

static const struct setting backend[] = {
	PARTS("servers"),
	TRUTH("change_origin", struct draft_backend, change_origin, "false"),
	WORD("send_proxy", struct draft_backend, send_proxy, "none", proxies),
	BACKEND_TLS(struct draft_backend, "true"),
};

static const struct setting route[] = {
	TEXT("name", struct draft_route, name, NULL),
	TEXT("path", struct draft_route, path, NULL),
	WORD("upgrade", struct draft_route, upgrade, NULL, upgrades),
	TEXT("backend", struct draft_route, backend, NULL),
	TRUTH("change_origin", struct draft_route, change_origin, NULL),
	WORD("send_proxy", struct draft_route, send_proxy, NULL, proxies),
	BACKEND_TLS(struct draft_route, NULL),
	TRUTH("verify_accept", struct draft_route, verify_accept, "true"),
	ROUTE_TIME("connect", connect),
	ROUTE_TIME("handshake", handshake),
	ROUTE_TIME("response", response),
	ROUTE_TIME("stall", stall),
	ROUTE_TIME("tunnel_idle", tunnel_idle),
	ROUTE_TIME("tunnel_lifetime", tunnel_lifetime),
	ROUTE_TIME("half_close", half_close),
	ROUTE_TIME("ping_interval", ping_interval),
	ROUTE_TIME("ping_timeout", ping_timeout),
	WORD("ping", struct draft_route, ping, NULL, pinged),
	LIMITS(struct draft_route, NULL),
	TRUTH("strict", struct draft_route, strict, NULL),
	HEADERS(struct draft_route),
	{ "allowed_targets", SETTING_TARGETS,
	  FIELD(struct draft_route, allowed), NULL, 0, 0, NULL },
};

const struct section sections[NSECTIONS] = {
	[SECTION_TOP] = { "", top, ARRAY_LEN(top) },
	[SECTION_TIMEOUTS] = { "timeouts", timeouts, ARRAY_LEN(timeouts) },
	[SECTION_LOG] = { "log", logs, ARRAY_LEN(logs) },
	[SECTION_WEBSOCKET] = { "websocket", websocket, ARRAY_LEN(websocket) },
	[SECTION_ADMIN] = { "admin", admin, ARRAY_LEN(admin) },
	[SECTION_LISTENER] = { "listeners", listener, ARRAY_LEN(listener) },
	[SECTION_BACKEND] = { "backends", backend, ARRAY_LEN(backend) },
	[SECTION_ROUTE] = { "routes", route, ARRAY_LEN(route) },
};

const struct setting *
setting_find(enum section_id section, const char *name)
{
	for (size_t i = 0; i < sections[section].nsettings; i++)
		if (strcmp(sections[section].settings[i].name, name) == 0)
			return &sections[section].settings[i];
	return NULL;
}

/* The group in which a name would have been right, or NULL. */
static const struct section *
section_having(const char *name)
{
	for (int i = 0; i < NSECTIONS; i++)
		if (setting_find((enum section_id)i, name))
			return &sections[i];
	return NULL;
}

char *
setting_unknown(enum section_id section, const char *name)
{
	const struct section *here = &sections[section];
	const struct section *there = section_having(name);
	const char *foreign = suggest_foreign(name);
	struct suggestion s = { .typed = name };

	if (foreign)
		return xasprintf("unknown setting \"%s\"; here: %s", name,
				 foreign);
	if (suggest_later(name))
		return xasprintf("%s is not built yet in this version; leave "
				 "it out", name);
	if (there && *there->name)
		return xasprintf("unknown setting \"%s\"; it belongs in the "
				 "file, under %s", name, there->name);
	if (there)
		return xasprintf("unknown setting \"%s\"; it stands by "
				 "itself, in no group", name);
	for (size_t i = 0; i < here->nsettings; i++)
		suggest_try(&s, here->settings[i].name);
	if (s.best)
		return xasprintf("unknown setting \"%s\"; did you mean "
				 "\"%s\"?", name, s.best);
	if ((foreign = suggest_foreign_near(name)) != NULL)
		return xasprintf("unknown setting \"%s\"; did you mean "
				 "\"%s\"? here: %s", name, foreign,
				 suggest_foreign(foreign));
	return xasprintf("unknown setting \"%s\"; bowsprit.cfg(5) lists those "
			 "there are", name);
}

/* What was written, for a sentence. */
static char *
value_text(const struct value *v)
{
	switch (v->kind) {
	case VALUE_TEXT:
		return xasprintf("\"%s\"", v->text);
	case VALUE_NUMBER:
		return xasprintf("%lld", v->number);
	case VALUE_TRUTH:
		return xstrdup(v->truth ? "true" : "false");
	case VALUE_OTHER:
		break;
	}
	return xstrdup("a group, list or fraction");
}

/* "name must be …, not …" */
static char *
must_be(const struct setting *s, const char *what, const struct value *v)
{
	char *written = value_text(v);
	char *error = xasprintf("%s must be %s, not %s", s->name, what,
				written);

	free(written);
	return error;
}

/* Fields are unsigned, but of several widths. */
static void
store(const struct setting *s, void *base, uint64_t n)
{
	char *field = (char *)base + s->offset;
	uint16_t n16 = (uint16_t)n;
	uint32_t n32 = (uint32_t)n;

	switch (s->width) {
	case sizeof(n16):
		memcpy(field, &n16, sizeof(n16));
		break;
	case sizeof(n32):
		memcpy(field, &n32, sizeof(n32));
		break;
	default:
		assert(s->width == sizeof(n));
		memcpy(field, &n, sizeof(n));
	}
}

static char *
assign_text(const struct setting *s, void *base, const struct value *v)
{
	char *field = (char *)base + s->offset;
	char *old, *new;

	if (v->kind != VALUE_TEXT)
		return must_be(s, "a string", v);
	new = xstrdup(v->text);
	memcpy(&old, field, sizeof(old));
	memcpy(field, &new, sizeof(new));
	free(old);
	return NULL;
}

static char *
assign_time(const struct setting *s, void *base, const struct value *v)
{
	uint64_t ms, bare = 1;

	if (v->kind == VALUE_TEXT && text_time(slice_str(v->text), &ms)) {
		store(s, base, ms);
		return NULL;
	}
	if (v->kind == VALUE_NUMBER && v->number == 0) {
		store(s, base, 0);
		return NULL;
	}
	if (v->kind == VALUE_NUMBER && v->number > 0)
		bare = (uint64_t)v->number;
	else if (v->kind != VALUE_TEXT ||
		 !text_number(slice_str(v->text), &bare))
		return must_be(s, "a time such as \"30s\", \"500ms\", \"5m\" "
			       "or \"1h\", or 0 for never", v);
	return xasprintf("%s = %llu has no unit; write \"%llus\" or "
			 "\"%llums\"", s->name, (unsigned long long)bare,
			 (unsigned long long)bare, (unsigned long long)bare);
}

static char *
assign_unsigned(const struct setting *s, void *base, const struct value *v)
{
	bool is_size = s->type == SETTING_SIZE;
	char what[80];
	uint64_t n = 0;
	bool good;

	if (v->kind == VALUE_NUMBER && v->number >= 0) {
		n = (uint64_t)v->number;
		good = true;
	} else {
		good = v->kind == VALUE_TEXT &&
		       (is_size ? text_size(slice_str(v->text), &n)
				: text_number(slice_str(v->text), &n));
	}
	if (good && n >= s->least && n <= s->most) {
		store(s, base, n);
		return NULL;
	}
	snprintf(what, sizeof(what), "a %s from %llu to %llu",
		 is_size ? "size such as \"64K\"," : "number",
		 (unsigned long long)s->least, (unsigned long long)s->most);
	return must_be(s, what, v);
}

static char *
assign_truth(const struct setting *s, void *base, const struct value *v)
{
	static const char *const yes[] = { "true", "yes", "on", "1" };
	static const char *const no[] = { "false", "no", "off", "0" };

	if (v->kind == VALUE_TRUTH) {
		store(s, base, v->truth ? TRUTH_TRUE : TRUTH_FALSE);
		return NULL;
	}
	for (size_t i = 0; v->kind == VALUE_TEXT && i < ARRAY_LEN(yes); i++) {
		if (strcasecmp(v->text, yes[i]) == 0) {
			store(s, base, TRUTH_TRUE);
			return NULL;
		}
		if (strcasecmp(v->text, no[i]) == 0) {
			store(s, base, TRUTH_FALSE);
			return NULL;
		}
	}
	return must_be(s, "true or false", v);
}

static char *
assign_word(const struct setting *s, void *base, const struct value *v)
{
	struct suggestion near = { .typed = v->text };
	char what[80] = "one of";
	char *error, *mean;

	for (const struct setting_word *w = s->words; w->word; w++) {
		size_t n = strlen(what);

		if (v->kind == VALUE_TEXT && strcmp(v->text, w->word) == 0) {
			store(s, base, w->value);
			return NULL;
		}
		if (v->kind == VALUE_TEXT)
			suggest_try(&near, w->word);
		snprintf(what + n, sizeof(what) - n, "%s \"%s\"",
			 w == s->words ? "" : ",", w->word);
	}
	error = must_be(s, what, v);
	if (!near.best)
		return error;
	mean = xasprintf("%s; did you mean \"%s\"?", error, near.best);
	free(error);
	return mean;
}

/* One element of a list; conf/load has taken the list apart. */
static char *
assign_element(const struct setting *s, void *base, const struct value *v)
{
	void *field = (char *)base + s->offset;

	struct draft_texts *texts = field;

	if (v->kind != VALUE_TEXT)
		return must_be(s, "a list of strings", v);
	if (s->type == SETTING_TEXTS) {
		*xgrow(texts->list, texts->n) = xstrdup(v->text);
		return NULL;
	}
	if (s->type == SETTING_SET)
		return header_add_set(field, v->text);
	if (s->type == SETTING_REMOVE)
		return header_add_removal(field, v->text);
	return allowed_add(field, v->text);
}

/* So that a file written for a later version says what it would miss. */
static char *
assign_later(const struct setting *s, const struct value *v)
{
	if (v->kind == VALUE_TEXT && strcmp(v->text, s->preset) == 0)
		return NULL;
	if (v->kind == VALUE_NUMBER && v->number == 0 &&
	    strcmp(s->preset, "0") == 0)
		return NULL;
	return xasprintf("%s is not built yet in this version; leave it out, "
			 "or write \"%s\"", s->name, s->preset);
}

bool
setting_is_list(const struct setting *s)
{
	return s->type == SETTING_TEXTS || s->type == SETTING_SET ||
	       s->type == SETTING_REMOVE || s->type == SETTING_TARGETS;
}

bool
setting_assign(const struct setting *s, void *base, const struct value *value,
	       char **error)
{
	*error = NULL;
	switch (s->type) {
	case SETTING_TEXT:
		*error = assign_text(s, base, value);
		break;
	case SETTING_TIME:
		*error = assign_time(s, base, value);
		break;
	case SETTING_SIZE:
	case SETTING_NUMBER:
		*error = assign_unsigned(s, base, value);
		break;
	case SETTING_TRUTH:
		*error = assign_truth(s, base, value);
		break;
	case SETTING_WORD:
		*error = assign_word(s, base, value);
		break;
	case SETTING_TEXTS:
	case SETTING_SET:
	case SETTING_REMOVE:
	case SETTING_TARGETS:
		*error = assign_element(s, base, value);
		break;
	case SETTING_LATER:
		*error = assign_later(s, value);
		break;
	case SETTING_PARTS: /* conf/load takes them apart */
		assert(false);
		break;
	}
	return !*error;
}

void
setting_presets(enum section_id section, void *base)
{
	for (size_t i = 0; i < sections[section].nsettings; i++) {
		const struct setting *s = &sections[section].settings[i];
		struct value v = { VALUE_TEXT, s->preset, 0, false };
		char *error = NULL;
		bool good = !s->preset || setting_assign(s, base, &v, &error);

		assert(good);
		(void)good;
	}
}
