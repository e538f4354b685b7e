/* SPDX-License-Identifier: ISC */
/*
 * redact.c: what of a request may be written into a log.
 */
#include "proxy/redact.h"

/* A subprotocol longer than any registered one is taken for a secret. */
#define PROTOCOL_MAX 48

/* Does `s` contain `word` (lower case), whatever the case of s? */
static bool
mentions(struct slice s, struct slice word)
{
	for (size_t i = 0; i + word.n <= s.n; i++)
		if ((s.p[i] | 0x20) == word.p[0] &&
		    slice_ieq(slice_of(s.p + i, word.n), word))
			return true;
	return false;
}

static bool
mentions_one(struct slice s, const struct slice *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (mentions(s, words[i]))
			return true;
	return false;
}

/* Names that say what they hold; percent-encoding does not hide them. */
static bool
is_secret_parameter(struct slice name)
{
	static const struct slice words[] = {
		SLICE("token"), SLICE("auth"), SLICE("ticket"),
		SLICE("passw"), SLICE("secret"), SLICE("api_key"),
		SLICE("apikey"), SLICE("jwt"), SLICE("session"),
		SLICE("signature"), SLICE("credential"),
	};
	static const struct slice exact[] = {
		SLICE("sid"), SLICE("key"), SLICE("pwd"),
		SLICE("pass"), SLICE("sig"), SLICE("code"),
	};

	for (size_t i = 0; i < ARRAY_LEN(exact); i++)
		if (slice_ieq(name, exact[i]))
			return true;
	return mentions_one(name, words, ARRAY_LEN(words)) ||
	       memchr(name.p, '%', name.n);
}

struct out {
	char *p;
	size_t n;
};

static void
put(struct out *o, struct slice s)
{
	size_t room = REDACT_MAX - o->n;

	if (s.n > room)
		s.n = room;
	memcpy(o->p + o->n, s.p, s.n);
	o->n += s.n;
}

static void
put_parameter(struct out *o, struct slice parameter)
{
	const char *eq = memchr(parameter.p, '=', parameter.n);
	struct slice name = parameter;

	if (eq)
		name.n = (size_t)(eq - parameter.p);
	if (!eq || name.n == 0 || !is_secret_parameter(name)) {
		put(o, parameter);
		return;
	}
	put(o, slice_of(name.p, name.n + 1));
	put(o, SLICE(REDACTED));
}

struct slice
redact_target(struct slice target, char out[REDACT_MAX])
{
	const char *q = target.n ? memchr(target.p, '?', target.n) : NULL;
	struct out o = { out, 0 };
	struct slice rest;

	if (!q)
		return target;
	put(&o, slice_of(target.p, (size_t)(q + 1 - target.p)));
	rest = slice_of(q + 1, target.n - (size_t)(q + 1 - target.p));
	while (rest.n > 0) {
		size_t n = 0;

		while (n < rest.n && rest.p[n] != '&' && rest.p[n] != ';')
			n++;
		put_parameter(&o, slice_of(rest.p, n));
		if (n < rest.n)
			put(&o, slice_of(rest.p + n++, 1));
		rest = slice_of(rest.p + n, rest.n - n);
	}
	return slice_of(o.p, o.n);
}

/* "chat, v2" is shown; "bearer, eyJ…" or "auth.token.eyJ…" is not. */
static bool
is_bearer_protocol(struct slice list)
{
	static const struct slice words[] = {
		SLICE("bearer"), SLICE("token"), SLICE("auth"), SLICE("jwt"),
	};
	struct slice all = list, e;

	while (slice_next_element(&list, &e))
		if (e.n > PROTOCOL_MAX)
			return true;
	return mentions_one(all, words, ARRAY_LEN(words));
}

struct slice
redact_header(enum field_id id, struct slice name, struct slice value,
	      char out[REDACT_MAX])
{
	static const struct slice words[] = {
		SLICE("token"), SLICE("secret"), SLICE("api-key"),
		SLICE("apikey"), SLICE("authorization"), SLICE("passw"),
		SLICE("cookie"),
	};
	bool secret;

	switch (id) {
	case F_COOKIE:
	case F_SET_COOKIE:
	case F_AUTHORIZATION:
	case F_PROXY_AUTHORIZATION:
		secret = true;
		break;
	case F_SEC_WEBSOCKET_PROTOCOL:
		secret = is_bearer_protocol(value);
		break;
	case F_OTHER:
		secret = mentions_one(name, words, ARRAY_LEN(words));
		break;
	default:
		secret = false;
	}
	return secret ? SLICE(REDACTED) : redact_target(value, out);
}
