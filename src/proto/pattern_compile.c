/* SPDX-License-Identifier: ISC */
/*
 * pattern_compile.c: path patterns, read; and a sentence for every mistake.
 */
#include "proto/pattern_impl.h"

#include <stdlib.h>

#include "base/mem.h"
#include "proto/chars.h"
#include "proto/host.h"

/* All of these return the sentence, to be freed, or NULL. */

static char *
bad_start(const char *text)
{
	if (text[0] == '\0')
		return xasprintf("a pattern is empty; \"/**\" takes every "
				 "path");
	if (strchr(text, '.') || strchr(text, ':'))
		return xasprintf("pattern \"%s\" has a host but no path; did "
				 "you mean \"%s/**\"?", text, text);
	return xasprintf("pattern \"%s\" does not begin with \"/\" or a host; "
			 "did you mean \"/%s\"?", text, text);
}

static char *
check_characters(const char *text)
{
	for (const char *p = text; *p; p++) {
		if (*p == '?' || *p == '#')
			return xasprintf(
				"pattern \"%s\" has a '%c': the query is "
				"never looked at; end the pattern before it",
				text, *p);
		if (!char_is(*p, CHAR_TARGET))
			return xasprintf(
				"pattern \"%s\" has a blank or a control "
				"character, which no path has; write it as "
				"%%%02X", text, (unsigned)(uint8_t)*p);
	}
	return NULL;
}

static char *
check_host(struct pattern *p)
{
	struct slice host = p->host;

	if (slice_starts(p->path, SLICE("//")) && host.p[host.n - 1] == ':')
		return xasprintf("pattern \"%s\" has a scheme; begin with the "
				 "host: \"%s\"", p->text, p->path.p + 2);
	if (slice_starts(host, SLICE("*."))) {
		p->any_label = true;
		p->host = slice_of(host.p + 1, host.n - 1);
		host = slice_of(host.p + 2, host.n - 2);
	}
	if (memchr(host.p, '*', host.n) || memchr(host.p, '{', host.n))
		return xasprintf("pattern \"%s\" has a wildcard in its host; "
				 "only \"*.\" at its beginning is one",
				 p->text);
	if (!host_is_valid(host))
		return xasprintf("pattern \"%s\" begins with \"%.*s\", which "
				 "is neither \"/\" nor a valid host",
				 p->text, SLICE_ARG(p->host));
	if (host_without_port(host).n != host.n)
		return xasprintf("pattern \"%s\" has a port or a final dot in "
				 "its host, which is compared without; write "
				 "\"%.*s%s\"", p->text,
				 SLICE_ARG(host_without_port(host)), p->path.p);
	return NULL;
}

static char *
read_deep(struct pattern *p, struct segment *seg)
{
	if (!slice_eq(seg->text, SLICE("**")))
		return xasprintf("pattern \"%s\": \"**\" stands for whole "
				 "segments, so it must stand alone between "
				 "slashes; within \"%.*s\" use a single \"*\"",
				 p->text, SLICE_ARG(seg->text));
	seg->kind = SEG_DEEP;
	return NULL;
}

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       char_is(c, CHAR_DIGIT) || c == '_' || c == '-';
}

static char *
check_name(const struct pattern *p, struct slice name)
{
	if (name.n == 0)
		return xasprintf("pattern \"%s\" has a capture without a "
				 "name; write \"{id}\", or \"*\" if it needs "
				 "none", p->text);
	for (size_t i = 0; i < name.n; i++)
		if (!is_name_char(name.p[i]))
			return xasprintf("pattern \"%s\": a capture's name is "
					 "of letters, digits, '_' and '-', "
					 "unlike \"{%.*s}\"",
					 p->text, SLICE_ARG(name));
	if (pattern_captures(p, name))
		return xasprintf("pattern \"%s\" has the capture \"{%.*s}\" "
				 "twice; give them different names",
				 p->text, SLICE_ARG(name));
	return NULL;
}

static char *
read_name(struct pattern *p, struct segment *seg)
{
	struct slice s = seg->text;
	const char *open = memchr(s.p, '{', s.n);
	const char *close = memchr(s.p, '}', s.n);
	char *error;

	if (!open)
		return xasprintf("pattern \"%s\" has a \"}\" without \"{\" "
				 "before it", p->text);
	if (!close || close < open)
		return xasprintf("pattern \"%s\" has a \"{\" without \"}\" in "
				 "the same segment", p->text);
	if (open != s.p || close != s.p + s.n - 1 ||
	    memchr(open + 1, '{', s.n - 1))
		return xasprintf("pattern \"%s\": a capture is a whole "
				 "segment, unlike \"%.*s\"; use \"*\" within "
				 "one", p->text, SLICE_ARG(s));
	seg->text = slice_of(s.p + 1, s.n - 2);
	if ((error = check_name(p, seg->text)))
		return error;
	seg->kind = SEG_NAME;
	return NULL;
}

static char *
read_segment(struct pattern *p, struct segment *seg)
{
	struct slice s = seg->text;

	if (memmem(s.p, s.n, "**", 2))
		return read_deep(p, seg);
	if (memchr(s.p, '{', s.n) || memchr(s.p, '}', s.n))
		return read_name(p, seg);
	if (memchr(s.p, '*', s.n))
		seg->kind = SEG_GLOB;
	return NULL;
}

static char *
add_segment(struct pattern *p, struct slice text)
{
	struct segment *grown = p->segments;
	struct segment seg = { SEG_LITERAL, text, p->ncaptures };
	char *error = read_segment(p, &seg);

	if (error)
		return error;
	if (seg.kind == SEG_NAME || seg.kind == SEG_DEEP) {
		if (p->ncaptures == PATTERN_CAPTURES)
			return xasprintf("pattern \"%s\" has more than %d "
					 "captures; replace some of them by "
					 "\"*\"", p->text, PATTERN_CAPTURES);
		p->ncaptures++;
	}
	*xgrow(grown, p->nsegments) = seg;
	p->segments = grown;
	return NULL;
}

static char *
read_path(struct pattern *p)
{
	const char *at = p->path.p + 1, *end = p->path.p + p->path.n, *slash;
	char *error;

	if (path_has_dot_segments(p->path))
		return xasprintf("pattern \"%s\" has a dot segment; requests "
				 "with one are refused", p->text);
	do {
		slash = memchr(at, '/', (size_t)(end - at));
		error = add_segment(p, slice_of(at, (size_t)((slash ? slash
							       : end) - at)));
		if (error)
			return error;
		at = slash ? slash + 1 : NULL;
	} while (at);
	return NULL;
}

static size_t
literal_bytes(const struct segment *seg)
{
	size_t n = 1; /* the slash before it */

	if (seg->kind == SEG_LITERAL || seg->kind == SEG_GLOB)
		for (size_t i = 0; i < seg->text.n; i++)
			n += seg->text.p[i] != '*';
	return n;
}

/* What pattern_compare goes by. */
static void
weigh(struct pattern *p)
{
	p->prefix = strcspn(p->path.p, "*{");
	for (size_t i = 0; i < p->nsegments; i++) {
		const struct segment *seg = &p->segments[i];

		p->literal += literal_bytes(seg);
		if (seg->kind == SEG_DEEP)
			p->class = CLASS_DEEP;
		else if (seg->kind != SEG_LITERAL && p->class == CLASS_EXACT)
			p->class = CLASS_SEGMENT;
	}
}

static char *
compile(struct pattern *p)
{
	const char *slash = strchr(p->text, '/');
	char *error;

	if (!slash)
		return bad_start(p->text);
	p->host = slice_of(p->text, (size_t)(slash - p->text));
	p->path = slice_str(slash);
	if ((error = check_characters(p->text)))
		return error;
	if (p->host.n > 0 && (error = check_host(p)))
		return error;
	if ((error = read_path(p)))
		return error;
	weigh(p);
	return NULL;
}

struct pattern *
pattern_compile(const char *text, char **error)
{
	struct pattern *p = xcalloc(1, sizeof(*p));

	p->text = xstrdup(text);
	*error = compile(p);
	if (!*error)
		return p;
	pattern_free(p);
	return NULL;
}
