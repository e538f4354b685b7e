/* SPDX-License-Identifier: ISC */
/*
 * log.c: one event, one line, in text for people or in JSON for machines.
 *
 * A line is built in memory and then handed to log_sink.c as a whole, so that
 * lines of several threads do not mix.
 */
#include "base/log.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/decimal.h"
#include "base/log_impl.h"
#include "base/utf8.h"

#define VALUE_MAX 1024        /* bytes of one value that are shown */
#define SENTENCE_MAX 4096     /* of a message */
#define HEADERS_MAX (8 * 1024) /* no header that begins behind it is shown */
#define LINE_USUAL 1024       /* bytes */

/* Set by main before there are threads; later only the level changes. */
static struct {
	enum log_format format;
	_Atomic enum log_level level; /* of lines that are kept */
	_Atomic enum log_level least; /* of lines that somebody wants */
	log_watch *watch;             /* NULL, most often */
	void *watch_arg;
	char host[256];
} out = { .format = LOG_TEXT, .level = LOG_INFO, .least = LOG_INFO };

bool
log_open(const char *path, enum log_format format, enum log_level level)
{
	if (!sink_open(path))
		return false;
	out.format = format;
	log_set_level(level);
	if (gethostname(out.host, sizeof(out.host) - 1) < 0)
		out.host[0] = '\0';
	return true;
}

void
log_set_level(enum log_level level)
{
	out.level = level;
	out.least = out.watch ? LOG_DEBUG : level;
}

void
log_set_watch(log_watch *watch, void *arg)
{
	out.watch = watch;
	out.watch_arg = arg;
	log_set_level(out.level);
}

bool
log_wants(enum log_level level)
{
	return level >= out.least;
}

bool
log_keeps(enum log_level level)
{
	return level >= out.level;
}

enum log_format
log_format(void)
{
	return out.format;
}

/* ---- building a line ---- */

/* Makes room for n more, and for the newline; false if memory is out. */
static bool
grow(struct log_line *l, size_t n)
{
	size_t room = l->len + n < LINE_USUAL ? LINE_USUAL
					      : (l->len + n + 1) * 2;
	char *text;

	if (l->failed)
		return false;
	text = realloc(l->text, room);
	l->failed = !text;
	if (l->failed)
		return false;
	l->text = text;
	l->room = room;
	return true;
}

/*
 * A line is made of a hundred pieces, most of a few bytes that the compiler
 * knows: inline they cost no call.
 */
static inline void
put(struct log_line *l, const char *p, size_t n)
{
	if (l->len + n + 1 > l->room && !grow(l, n))
		return;
	memcpy(l->text + l->len, p, n);
	l->len += n;
}

static inline void
put_str(struct log_line *l, const char *s)
{
	put(l, s, strlen(s));
}

static void PRINTF(2, 3)
putf(struct log_line *l, const char *fmt, ...)
{
	char text[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put_str(l, text);
}

static void
put_uint(struct log_line *l, uint64_t n)
{
	char room[DECIMAL_MAX];
	struct slice digits = decimal(room, n);

	put(l, digits.p, digits.n);
}

static void
put_bytes_escaped(struct log_line *l, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		putf(l, out.format == LOG_JSON ? "\\u%04x" : "\\x%02x",
		     (unsigned)p[i]);
}

/* Bytes that are nothing but themselves in any line: nearly all are. */
static const bool plain[256] = {
	[' '] = true, ['!'] = true, ['#' ... '&'] = true,
	['(' ... '['] = true, [']' ... '~'] = true,
};

static bool
four_are_plain(const unsigned char *p)
{
	return plain[p[0]] & plain[p[1]] & plain[p[2]] & plain[p[3]];
}

/* How many of the first n bytes are so. */
static size_t
plain_bytes(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t i = 0;

	while (n - i >= 4 && four_are_plain(p + i))
		i += 4;
	while (i < n && plain[p[i]])
		i++;
	return i;
}

/* One character, or what is none: how many bytes of s it is. */
static size_t
put_character(struct log_line *l, struct slice s, char quote)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n = utf8_len(p, s.n);
	unsigned c = utf8_code_point(p, n ? n : 1);

	if (n == 0)
		put_bytes_escaped(l, p, n = 1);
	else if (utf8_is_harmful(c) && out.format == LOG_JSON)
		putf(l, "\\u%04x", c);
	else if (utf8_is_harmful(c))
		put_bytes_escaped(l, p, n);
	else if (quote && (*p == (unsigned char)quote || *p == '\\'))
		putf(l, "\\%c", *p);
	else
		put(l, s.p, n);
	return n;
}

/*
 * At most `max` bytes of s.  `quote` is escaped, and so is the backslash; with
 * 0 neither is.
 */
static void
put_escaped(struct log_line *l, struct slice s, char quote, size_t max)
{
	size_t shown = s.n < max ? s.n : max;

	for (size_t i = 0; i < shown;) {
		size_t n = plain_bytes(s.p + i, shown - i);

		put(l, s.p + i, n);
		i += n;
		if (i < shown)
			i += put_character(l, slice_of(s.p + i, s.n - i),
					   quote);
	}
	if (shown < s.n)
		put_str(l, "…");
}

static char
quote_mark(void)
{
	return out.format == LOG_JSON ? '"' : '\'';
}

/* A quoted string: 'text' as Node shows it, "text" in JSON. */
static void
put_quoted(struct log_line *l, struct slice s)
{
	char quote = quote_mark();

	put(l, &quote, 1);
	put_escaped(l, s, quote, VALUE_MAX);
	put(l, &quote, 1);
}

/* What stands between two fields, or before the first. */
static void
put_separator(struct log_line *l)
{
	if (out.format == LOG_JSON) {
		if (!l->first || l->depth == 0)
			put_str(l, ",");
	} else if (!l->first) {
		put_str(l, ", ");
	} else if (l->depth == 0) {
		put_str(l, " { ");
	}
	l->first = false;
}

/* A key of ours, which is an identifier. */
static void
put_key(struct log_line *l, const char *key)
{
	put_separator(l);
	if (out.format == LOG_JSON) {
		put_str(l, "\"");
		put_str(l, key);
		put_str(l, "\":");
	} else {
		put_str(l, key);
		put_str(l, ": ");
	}
}

/* Does a key need quotes in text? Node quotes what is no identifier. */
static bool
is_identifier(struct slice key)
{
	if (key.n == 0 || isdigit((unsigned char)key.p[0]))
		return false;
	for (size_t i = 0; i < key.n; i++)
		if (!isalnum((unsigned char)key.p[i]) && key.p[i] != '_')
			return false;
	return true;
}

/* A key that came from a peer. */
static void
put_their_key(struct log_line *l, struct slice key)
{
	put_separator(l);
	if (out.format == LOG_JSON || !is_identifier(key))
		put_quoted(l, key);
	else
		put(l, key.p, key.n);
	put_str(l, out.format == LOG_JSON ? ":" : ": ");
}

/* Has a head filled the line so far that its further fields are left out? */
static bool
is_full(struct log_line *l)
{
	if (l->depth == 0 || l->len < HEADERS_MAX)
		return false;
	l->cut = true;
	return true;
}

static void
begin(struct log_line *l, enum log_level level)
{
	*l = (struct log_line){ .level = level, .first = true };
	if (out.format != LOG_JSON)
		return;
	put_str(l, "{\"level\":");
	put_uint(l, level);
	put_str(l, ",\"time\":");
	put_uint(l, clock_wall_ms());
	put_str(l, ",\"pid\":");
	put_uint(l, (uint64_t)getpid());
	put_str(l, ",");
}

/* Up to the message, which put_message_end closes. */
static void
put_message_start(struct log_line *l)
{
	if (out.format == LOG_TEXT)
		return;
	put_str(l, "\"hostname\":");
	put_quoted(l, slice_str(out.host));
	put_str(l, ",\"msg\":\"");
}

static void
put_message_end(struct log_line *l)
{
	if (out.format == LOG_JSON)
		put_str(l, "\"");
}

/* Words of our own, though names from the configuration may be among them. */
static void
put_message(struct log_line *l, struct slice message)
{
	put_message_start(l);
	if (out.format == LOG_JSON && message.n > 0 &&
	    message.p[message.n - 1] == ':')
		message.n--;
	put_escaped(l, message, out.format == LOG_JSON ? '"' : 0, SENTENCE_MAX);
	put_message_end(l);
}

bool
log_begin(struct log_line *l, enum log_level level, const char *fmt, ...)
{
	char message[512];
	va_list ap;

	if (!log_wants(level))
		return false;
	begin(l, level);
	/* Most are words alone, for which printf would be dear. */
	if (!strchr(fmt, '%')) {
		put_message(l, slice_str(fmt));
		return true;
	}
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	put_message(l, slice_str(message));
	return true;
}

bool
log_begin_peer(struct log_line *l, enum log_level level, const char *prefix,
	       struct slice a, struct slice b, unsigned number)
{
	if (!log_wants(level))
		return false;
	begin(l, level);
	put_message_start(l);
	put_str(l, prefix);
	put_escaped(l, a, quote_mark(), VALUE_MAX);
	put_str(l, " ");
	put_escaped(l, b, quote_mark(), VALUE_MAX);
	put_str(l, " ");
	put_uint(l, number);
	put_message_end(l);
	return true;
}

void
log_slice(struct log_line *l, const char *key, struct slice value)
{
	if (is_full(l))
		return;
	put_key(l, key);
	put_quoted(l, value);
}

void
log_str(struct log_line *l, const char *key, const char *value)
{
	log_slice(l, key, slice_str(value));
}

void
log_uint(struct log_line *l, const char *key, uint64_t value)
{
	put_key(l, key);
	put_uint(l, value);
}

void
log_id(struct log_line *l, uint64_t id)
{
	l->id = id;
	log_uint(l, "id", id);
}

void
log_header(struct log_line *l, struct slice key, struct slice value)
{
	char lower[128];

	if (is_full(l))
		return;
	if (key.n > sizeof(lower))
		key.n = sizeof(lower);
	for (size_t i = 0; i < key.n; i++)
		lower[i] = (char)tolower((unsigned char)key.p[i]);
	put_their_key(l, slice_of(lower, key.n));
	put_quoted(l, value);
}

void
log_object(struct log_line *l, const char *key)
{
	put_key(l, key);
	put_str(l, out.format == LOG_JSON ? "{" : "{ ");
	l->depth++;
	l->first = true;
}

void
log_object_end(struct log_line *l)
{
	if (out.format == LOG_JSON)
		put_str(l, "}");
	else
		put_str(l, l->first ? "}" : " }");
	l->depth--;
	l->first = false;
}

static void
deliver(const struct log_line *l)
{
	if (l->failed) {
		sink_lose();
		return;
	}
	if (log_keeps(l->level))
		sink_put(l->text, l->len);
	if (out.watch && l->id)
		out.watch(out.watch_arg, l->id, l->level,
			  slice_of(l->text, l->len - 1));
}

void
log_emit(struct log_line *l)
{
	if (l->cut) {
		put_key(l, "cut");
		put_str(l, "true"); /* some headers are left out */
	}
	if (out.format == LOG_JSON)
		put_str(l, "}");
	else if (!l->first)
		put_str(l, " }");
	put_str(l, "\n");
	deliver(l);
	free(l->text);
}

/* "warning: " and "error: ", for people; JSON has the level as a field. */
static const char *
sentence_prefix(enum log_level level)
{
	if (out.format == LOG_JSON || level < LOG_WARN)
		return "";
	return level < LOG_ERROR ? "warning: " : "error: ";
}

void
log_say(enum log_level level, const char *fmt, ...)
{
	struct log_line l;
	char *message;
	va_list ap;
	int n;

	if (!log_wants(level))
		return;
	va_start(ap, fmt);
	n = vasprintf(&message, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	begin(&l, level);
	if (out.format == LOG_TEXT)
		put_str(&l, sentence_prefix(level));
	put_message(&l, slice_of(message, (size_t)n));
	free(message);
	log_emit(&l);
}
