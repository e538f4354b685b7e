/* SPDX-License-Identifier: ISC */
/*
 * target.c: the captures in a route's URL.
 */
#include "conf/target.h"

#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "conf/conf.h"

/*
 * Takes the text up to the next capture off the front of *left, and the
 * capture's name without its braces; an empty name is the end, and a brace
 * that is not closed is text like any other.
 */
static struct slice
next_piece(struct slice *left, struct slice *name)
{
	const char *open = left->n ? memchr(left->p, '{', left->n) : NULL;
	size_t before = open ? (size_t)(open - left->p) : left->n;
	const char *close = open ? memchr(open, '}', left->n - before) : NULL;
	struct slice text = *left;

	*name = SLICE_NONE;
	if (!close) {
		*left = SLICE_NONE;
		return text;
	}
	text.n = before;
	*name = slice_of(open + 1, (size_t)(close - open - 1));
	left->n -= (size_t)(close + 1 - left->p);
	left->p = close + 1;
	return text;
}

/* Adds "{name}" to a list; takes the list and returns the longer one. */
static char *
add_capture(char *list, struct slice name)
{
	char *longer = xasprintf("%s%s{%.*s}", list, *list ? ", " : "",
				 SLICE_ARG(name));

	free(list);
	return longer;
}

/* "{id}, {**}": the captures of a pattern as a target may have them. */
static char *
list_captures(const struct pattern *pattern)
{
	struct slice left = slice_str(pattern_text(pattern)), name;
	char *list = xstrdup("");

	while (left.n > 0) {
		next_piece(&left, &name);
		if (name.n > 0)
			list = add_capture(list, name);
	}
	if (pattern_captures(pattern, SLICE("**")))
		list = add_capture(list, SLICE("**"));
	return list;
}

static char *
refuse_capture(struct slice name, const struct pattern *pattern)
{
	char *list = list_captures(pattern);
	char *error;

	if (*list)
		error = xasprintf("the URL has {%.*s}, but \"%s\" captures %s",
				  SLICE_ARG(name), pattern_text(pattern),
				  list);
	else
		error = xasprintf("the URL has {%.*s}, but \"%s\" captures "
				  "nothing; write {%.*s} there for a whole "
				  "segment", SLICE_ARG(name),
				  pattern_text(pattern), SLICE_ARG(name));
	free(list);
	return error;
}

char *
target_refuse(const char *target, const struct pattern *pattern)
{
	struct slice left = slice_str(target), name;

	while (left.n > 0) {
		next_piece(&left, &name);
		if (name.n > 0 && !pattern_captures(pattern, name))
			return refuse_capture(name, pattern);
	}
	return NULL;
}

char *
target_refuse_server(const struct conf_server *s, const struct pattern *pattern,
		     const struct conf_targets *allowed)
{
	char *error;

	if ((error = target_refuse(s->host, pattern)) ||
	    (error = target_refuse(s->port_text, pattern)))
		return error;
	if (conf_server_is_open(s) && allowed->n == 0)
		return xasprintf("%s: captures choose a host or port only "
				 "among allowed_targets; write them, such as "
				 "( \"10.0.0.0/24:5900-5999\" )", s->text);
	if (!conf_server_is_open(s) && allowed->n > 0)
		return xasprintf("allowed_targets is for a URL with a capture "
				 "as host or port, which %s has not",
				 s->text);
	return NULL;
}

static struct slice
captured(const struct captures *caps, struct slice name)
{
	for (unsigned i = 0; i < caps->n; i++)
		if (slice_eq(caps->name[i], name))
			return caps->value[i];
	return SLICE_NONE;
}

bool
target_fill(const char *target, const struct captures *caps, struct buf **out)
{
	struct slice left = slice_str(target), name, text, value;

	while (left.n > 0) {
		text = next_piece(&left, &name);
		value = captured(caps, name);
		if (!buf_add(out, text.p, text.n) ||
		    !buf_add(out, value.p, value.n))
			return false;
	}
	return true;
}

bool
route_target(const struct conf_route *r, const struct captures *caps,
	     struct slice query, struct buf **out)
{
	assert(r->target);
	if (!target_fill(r->target, caps, out))
		return false;
	if (strchr(r->target, '?'))
		return true;
	return buf_add(out, query.p, query.n);
}
