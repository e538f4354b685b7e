/* SPDX-License-Identifier: ISC */
/*
 * header.c: headers that the operator sets or removes.
 */
#include "conf/header.h"

#include <stdlib.h>

#include "base/mem.h"
#include "proto/chars.h"
#include "proto/field.h"

static const char framing[] =
	"says where a body ends, and must stay as it came";
static const char hop[] =
	"is the business of each connection, and bowsprit's own";

/* What nobody may set or remove, and why. */
static const struct {
	const char *name, *why;
} refused[] = {
	{ "Connection", hop },
	{ "Content-Length", framing },
	{ "Host", "has a setting of its own: change_origin" },
	{ "HTTP2-Settings", hop },
	{ "Keep-Alive", hop },
	{ "Proxy-Connection", hop },
	{ "TE", hop },
	{ "Trailer", framing },
	{ "Transfer-Encoding", framing },
	{ "Upgrade", hop },
};

bool
conf_headers_have(const struct conf_headers *h, struct slice name)
{
	for (size_t i = 0; i < h->n; i++)
		if (field_same_name(name, slice_str(h->list[i].name)))
			return true;
	return false;
}

static char *
refuse_name(struct slice name)
{
	if (name.n == 0 || !chars_all(name, CHAR_TOKEN))
		return xasprintf("\"%.*s\" is no header's name; one has "
				 "letters, digits and \"-\"",
				 SLICE_ARG(name));
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (field_same_name(name, slice_str(refused[i].name)))
			return xasprintf("%.*s cannot be set or removed: it "
					 "%s", SLICE_ARG(name),
					 refused[i].why);
	if (name.n > 14 && field_same_name(slice_of(name.p, 14),
					SLICE("Sec-WebSocket-")))
		return xasprintf("%.*s cannot be set or removed: it belongs "
				 "to the handshake of browser and server",
				 SLICE_ARG(name));
	return NULL;
}

static char *
refuse_value(struct slice name, struct slice value)
{
	if (value.n == 0)
		return xasprintf("%.*s has no value; to take it out, name it "
				 "among those to be removed",
				 SLICE_ARG(name));
	if (!chars_all(value, CHAR_VALUE))
		return xasprintf("the value of %.*s has a line break or "
				 "another control character; leave it out",
				 SLICE_ARG(name));
	return NULL;
}

static void
add(struct conf_headers *to, struct slice name, char *line)
{
	*xgrow(to->list, to->n) = (struct conf_header){
		xstrndup(name.p, name.n), line,
	};
}

char *
header_add_set(struct conf_headers *to, const char *text)
{
	const char *colon = strchr(text, ':');
	struct slice name, value;
	char *error;

	/* What follows the name may be a secret. */
	if (!colon)
		return xasprintf("\"%.*s…\" is no header; write "
				 "\"Name: value\"", (int)strcspn(text, " "),
				 text);
	name = slice_of(text, (size_t)(colon - text));
	value = slice_trim(slice_str(colon + 1));
	if ((error = refuse_name(name)) ||
	    (error = refuse_value(name, value)))
		return error;
	add(to, name, xasprintf("%.*s: %.*s\r\n", SLICE_ARG(name),
				SLICE_ARG(value)));
	return NULL;
}

char *
header_add_removal(struct conf_headers *to, const char *text)
{
	struct slice name = slice_str(text);
	char *error = refuse_name(name);

	if (!error)
		add(to, name, NULL);
	return error;
}

void
header_add_others(struct conf_headers *to, const struct conf_headers *from)
{
	struct conf_headers own = *to;

	for (size_t i = 0; i < from->n; i++) {
		const struct conf_header *h = &from->list[i];
		struct slice name = slice_str(h->name);

		if (!conf_headers_have(&own, name))
			add(to, name, h->line ? xstrdup(h->line) : NULL);
		own.list = to->list; /* it may have moved */
	}
}

void
header_fini(struct conf_headers *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->list[i].name);
		free(h->list[i].line);
	}
	free(h->list);
}
