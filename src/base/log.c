/* SPDX-License-Identifier: ISC */
/*
 * log.c: one event, one line, in text for people or in JSON for machines.
 *
 * A line is built in memory and written with one write(2), so that lines of
 * several threads do not mix.
 */
#include "base/log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

#define VALUE_MAX 1024 /* bytes of one value that are shown */

/* Set by main before there are threads; later only the level changes. */
static struct {
	int fd;
	char *path;
	enum log_format format;
	_Atomic enum log_level level;
	bool terminal;
	char host[256];
} out = { .fd = STDERR_FILENO, .format = LOG_TEXT, .level = LOG_INFO };

static int
open_sink(const char *path)
{
	if (!path || strcmp(path, "stdout") == 0)
		return STDOUT_FILENO;
	if (strcmp(path, "stderr") == 0)
		return STDERR_FILENO;
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

bool
log_open(const char *path, enum log_format format, enum log_level level)
{
	int fd = open_sink(path);
	char *copy = path ? strdup(path) : NULL;

	if (fd < 0 || (path && !copy)) {
		free(copy);
		return false;
	}
	if (out.fd > STDERR_FILENO)
		close(out.fd);
	free(out.path);
	out.fd = fd;
	out.path = copy;
	out.format = format;
	out.level = level;
	out.terminal = isatty(fd);
	if (gethostname(out.host, sizeof(out.host) - 1) < 0)
		out.host[0] = '\0';
	return true;
}

bool
log_reopen(void)
{
	int fd;

	if (out.fd <= STDERR_FILENO)
		return true;
	if ((fd = open_sink(out.path)) < 0)
		return false;
	/* In one step, so that a worker never writes to a closed descriptor. */
	if (dup2(fd, out.fd) < 0 || fcntl(out.fd, F_SETFD, FD_CLOEXEC) < 0) {
		close(fd);
		return false;
	}
	close(fd);
	return true;
}

void
log_set_level(enum log_level level)
{
	out.level = level;
}

bool
log_wants(enum log_level level)
{
	return level >= out.level;
}

enum log_format
log_format(void)
{
	return out.format;
}

int
log_file(void)
{
	return out.fd > STDERR_FILENO ? out.fd : -1;
}

bool
log_is_terminal(void)
{
	return out.terminal;
}

/* ---- building a line ---- */

static void
put(struct log_line *l, const char *p, size_t n)
{
	if (l->failed)
		return;
	if (l->len + n + 1 > l->room) {
		size_t room = (l->len + n + 1) * 2;
		char *text = realloc(l->text, room);

		if (!text) {
			l->failed = true;
			return;
		}
		l->text = text;
		l->room = room;
	}
	memcpy(l->text + l->len, p, n);
	l->len += n;
}

static void
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

/*
 * The length of the UTF-8 sequence at p that may be shown as it is; 0 for a
 * control character (C1 included) and for what is no UTF-8 (RFC 3629 4).
 */
static size_t
printable(const unsigned char *p, size_t n)
{
	size_t len;

	if (p[0] < 0x80)
		return p[0] >= 0x20 && p[0] != 0x7f ? 1 : 0;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n < len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xe0 && p[1] < 0xa0) ||
	    (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

/* What stands between quotes. */
static void
put_escaped(struct log_line *l, struct slice s)
{
	bool json = out.format == LOG_JSON;
	char quote = json ? '"' : '\'';
	size_t shown = s.n < VALUE_MAX ? s.n : VALUE_MAX;

	for (size_t i = 0; i < shown;) {
		unsigned char c = (unsigned char)s.p[i];
		size_t n = printable((const unsigned char *)s.p + i, s.n - i);

		if (n == 0)
			putf(l, json ? "\\u%04x" : "\\x%02x", (unsigned)c);
		else if (c == (unsigned char)quote || c == '\\')
			putf(l, "\\%c", c);
		else
			put(l, s.p + i, n);
		i += n ? n : 1;
	}
	if (shown < s.n)
		put_str(l, "…");
}

/* A quoted string: 'text' as Node shows it, "text" in JSON. */
static void
put_quoted(struct log_line *l, struct slice s)
{
	const char *quote = out.format == LOG_JSON ? "\"" : "'";

	put_str(l, quote);
	put_escaped(l, s);
	put_str(l, quote);
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

static void
put_key(struct log_line *l, struct slice key)
{
	bool json = out.format == LOG_JSON;

	if (!json && l->depth == 0 && l->first)
		put_str(l, " { ");
	else if (!l->first || (json && l->depth == 0))
		put_str(l, json ? "," : ", ");
	l->first = false;
	if (json || !is_identifier(key))
		put_quoted(l, key);
	else
		put(l, key.p, key.n);
	put_str(l, json ? ":" : ": ");
}

static void
begin(struct log_line *l, enum log_level level)
{
	*l = (struct log_line){ .level = level, .first = true };
	if (out.format == LOG_JSON)
		putf(l, "{\"level\":%d,\"time\":%" PRIu64 ",\"pid\":%ld,",
		     level, clock_wall_ms(), (long)getpid());
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

/* Words of our own: in text they stand as they are. */
static void
put_message(struct log_line *l, struct slice message)
{
	put_message_start(l);
	if (out.format == LOG_JSON && message.n > 0 &&
	    message.p[message.n - 1] == ':')
		message.n--;
	if (out.format == LOG_JSON)
		put_escaped(l, message);
	else
		put(l, message.p, message.n);
	put_message_end(l);
}

bool
log_begin(struct log_line *l, enum log_level level, const char *fmt, ...)
{
	char message[512];
	va_list ap;

	if (!log_wants(level))
		return false;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	begin(l, level);
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
	put_escaped(l, a);
	put_str(l, " ");
	put_escaped(l, b);
	putf(l, " %u", number);
	put_message_end(l);
	return true;
}

void
log_slice(struct log_line *l, const char *key, struct slice value)
{
	put_key(l, slice_str(key));
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
	put_key(l, slice_str(key));
	putf(l, "%" PRIu64, value);
}

void
log_header(struct log_line *l, struct slice key, struct slice value)
{
	char lower[128];

	if (key.n > sizeof(lower))
		key.n = sizeof(lower);
	for (size_t i = 0; i < key.n; i++)
		lower[i] = (char)tolower((unsigned char)key.p[i]);
	put_key(l, slice_of(lower, key.n));
	put_quoted(l, value);
}

void
log_object(struct log_line *l, const char *key)
{
	put_key(l, slice_str(key));
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

void
log_emit(struct log_line *l)
{
	const char *p;

	if (out.format == LOG_JSON)
		put_str(l, "}");
	else if (!l->first)
		put_str(l, " }");
	put_str(l, "\n");
	p = l->text;
	while (!l->failed && l->len > 0) {
		ssize_t n = write(out.fd, p, l->len);

		if (n < 0 && errno != EINTR)
			break;
		if (n > 0) {
			p += n;
			l->len -= (size_t)n;
		}
	}
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
