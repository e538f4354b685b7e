/* SPDX-License-Identifier: ISC */
/*
 * scan.c: what libconfig does not tell about a file.
 */
#include "conf/scan.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/slice.h"

#define DEEPEST 10               /* as libconfig has it */
#define LARGEST (16 * 1024 * 1024)

enum token {
	TOKEN_END,
	TOKEN_WORD,
	TOKEN_NUMBER,
	TOKEN_STRING,  /* its text is without the quotes */
	TOKEN_OPEN,    /* a string that is never closed */
	TOKEN_INCLUDE, /* @include; the string follows */
	TOKEN_SIGN,
};

struct scanner {
	struct slice left;
	unsigned line;
	unsigned open_comment; /* the line in which one begins; 0: none does */
};

static void
take(struct scanner *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s->line += s->left.p[i] == '\n';
	s->left.p += n;
	s->left.n -= n;
}

/* How far it is to `end`, including it; all there is without one. */
static size_t
up_to(const struct scanner *s, size_t from, const char *end)
{
	size_t n = strlen(end);
	const char *at = memmem(s->left.p + from, s->left.n - from, end, n);

	return at ? (size_t)(at - s->left.p) + n : s->left.n;
}

/* libconfig takes one that is never closed, and with it all that follows. */
static void
skip_comment(struct scanner *s)
{
	size_t n = up_to(s, 2, "*/");

	if (n < 4 || memcmp(s->left.p + n - 2, "*/", 2) != 0)
		s->open_comment = s->line;
	take(s, n);
}

static void
skip_blanks(struct scanner *s)
{
	while (s->left.n > 0) {
		if (isspace((unsigned char)s->left.p[0]))
			take(s, 1);
		else if (s->left.p[0] == '#' ||
			 slice_starts(s->left, SLICE("//")))
			take(s, up_to(s, 0, "\n"));
		else if (slice_starts(s->left, SLICE("/*")))
			skip_comment(s);
		else
			return;
	}
}

static enum token
next_string(struct scanner *s, struct slice *text)
{
	size_t n = 1;

	while (n < s->left.n && s->left.p[n] != '"')
		n += s->left.p[n] == '\\' ? 2 : 1;
	if (n >= s->left.n) {
		take(s, s->left.n);
		return TOKEN_OPEN;
	}
	*text = slice_of(s->left.p + 1, n - 1);
	take(s, n + 1);
	return TOKEN_STRING;
}

/* How many bytes of a name or of a number, with its sign, there are. */
static size_t
word_length(struct slice s, bool *number)
{
	size_t n = s.n > 1 && memchr("+-", s.p[0], 2) &&
		   isdigit((unsigned char)s.p[1]);

	*number = isdigit((unsigned char)s.p[n]);
	while (n < s.n && s.p[n] != '\0' &&
	       (isalnum((unsigned char)s.p[n]) ||
		strchr(*number ? "." : "_-*", s.p[n])))
		n++;
	return n;
}

/* A token, and the line that it begins in. */
static enum token
next_token(struct scanner *s, struct slice *text, unsigned *line)
{
	bool number;
	size_t n;

	skip_blanks(s);
	*line = s->line;
	*text = SLICE_NONE;
	if (s->left.n == 0)
		return TOKEN_END;
	if (s->left.p[0] == '"')
		return next_string(s, text);
	if (slice_starts(s->left, SLICE("@include"))) {
		take(s, strlen("@include"));
		return TOKEN_INCLUDE;
	}
	n = word_length(s->left, &number);
	*text = slice_of(s->left.p, n ? n : 1);
	take(s, text->n);
	if (n == 0)
		return TOKEN_SIGN;
	return number ? TOKEN_NUMBER : TOKEN_WORD;
}

/* Would libconfig let it wrap? */
static bool
wraps(struct slice number)
{
	char digits[32];
	char *end;
	bool hex;

	if (memchr("+-", number.p[0], 2))
		number = slice_of(number.p + 1, number.n - 1);
	hex = number.n > 1 && (number.p[1] | 0x20) == 'x';
	for (size_t i = 0; i < number.n; i++)
		if (number.p[i] == '.' ||
		    (!hex && (number.p[i] | 0x20) == 'e'))
			return false;
	if (number.n >= sizeof(digits))
		return true;
	memcpy(digits, number.p, number.n);
	digits[number.n] = '\0';
	errno = 0;
	if (strtoull(digits, &end, hex ? 16 : 10) > INT32_MAX && *end != 'L')
		return true;
	return errno == ERANGE;
}

/* A sentence about a file of which the system said no. */
static char *
refuse_file(const char *path, int number, bool included)
{
	const char *remedy = included
			     ? "@include looks in the folder of the main file"
			     : "check the path that was given";

	if (number == EACCES)
		remedy = "let this user read it, and enter its folder";
	return xasprintf("%s: %s; %s", path, strerror(number), remedy);
}

/* The whole file; NULL, and *error a sentence, if it cannot be had. */
static char *
read_whole(const char *path, bool included, size_t *n, char **error)
{
	struct stat st;
	char *text;
	FILE *f;

	*error = NULL;
	if (stat(path, &st) != 0)
		*error = refuse_file(path, errno, included);
	else if (!S_ISREG(st.st_mode))
		*error = xasprintf("%s is no file but %s; name the file "
				   "itself", path, S_ISDIR(st.st_mode) ?
				   "a folder" : "something else");
	else if (st.st_size > LARGEST)
		*error = xasprintf("%s has more than 16 MiB; is it a "
				   "configuration?", path);
	if (*error)
		return NULL;
	f = fopen(path, "r");
	if (!f) {
		*error = refuse_file(path, errno, included);
		return NULL;
	}
	text = xmalloc((size_t)st.st_size);
	*n = fread(text, 1, (size_t)st.st_size, f);
	fclose(f);
	return text;
}

static bool scan_one(const char *path, const char *folder, unsigned depth,
		     struct conf_where by, struct mistakes *m);

static bool
scan_include(struct slice name, const char *folder, unsigned depth,
	     struct conf_where where, struct mistakes *m)
{
	char *path;
	bool good;

	if (name.n == 0 || name.p[0] == '/') {
		mistake(m, where, "@include takes a path relative to the "
			"folder of the main file, %s", folder);
		return false;
	}
	path = xasprintf("%s/%.*s", folder, SLICE_ARG(name));
	good = scan_one(path, folder, depth + 1, where, m);
	free(path);
	return good;
}

static bool
scan_one(const char *path, const char *folder, unsigned depth,
	 struct conf_where by, struct mistakes *m)
{
	struct conf_where where = { path, 0 };
	struct scanner s = { .line = 1 };
	struct slice text;
	enum token token;
	bool good = true;
	char *error, *whole;

	if (depth > DEEPEST) {
		mistake(m, by, "%s is included more than %d deep; does it "
			"include itself?", path, DEEPEST);
		return false;
	}
	whole = read_whole(path, depth > 0, &s.left.n, &error);
	if (!whole) {
		mistake(m, by, "%s", error);
		free(error);
		return false;
	}
	s.left.p = whole;
	while (good && (token = next_token(&s, &text, &where.line)) !=
	       TOKEN_END) {
		if (token == TOKEN_NUMBER && wraps(text))
			mistake(m, where, "%.*s is too large; whole numbers "
				"go up to 2147483647", SLICE_ARG(text));
		if (token != TOKEN_INCLUDE)
			continue;
		if (next_token(&s, &text, &where.line) == TOKEN_STRING)
			good = scan_include(text, folder, depth, where, m);
	}
	if (s.open_comment) {
		where.line = s.open_comment;
		mistake(m, where, "the comment that begins here is never "
			"closed; end it with */");
	}
	free(whole);
	return good;
}

bool
scan_file(const char *path, const char *folder, struct conf_where by,
	  struct mistakes *m)
{
	return scan_one(path, folder, 0, by, m);
}

/* What a token in the line of a syntax error betrays; NULL: nothing. */
static const char *
betrayed(enum token token, struct slice text, struct slice before,
	 bool is_first)
{
	if (token == TOKEN_INCLUDE)
		return "@include stands in a line of its own, with the path "
		       "in quotes";
	if (token != TOKEN_SIGN)
		return NULL;
	if (*text.p == '{' && is_first)
		return "this is no JSON: settings are written name = value; "
		       "without { } around them";
	if (*text.p == '\'')
		return "strings stand in double quotes";
	if (*text.p == '$')
		return "a variable stands in a string: \"${NAME}\"";
	if (*text.p == '.' && before.n > 0)
		return "a setting stands within its group: "
		       "group = { setting = value; };";
	return NULL;
}

char *
scan_remedy(const char *path, unsigned line)
{
	struct scanner s = { .line = 1 };
	struct slice text, before = SLICE_NONE;
	enum token token;
	unsigned at;
	const char *hint = NULL;
	bool first = true;
	char *error, *remedy;
	char *whole = read_whole(path, false, &s.left.n, &error);

	if (!whole)
		return error;
	remedy = xstrdup("is a quote, a bracket, = or ; missing, here or in "
			 "the line before?");
	s.left.p = whole;
	if (slice_starts(s.left, SLICE("\xef\xbb\xbf"))) {
		free(whole);
		free(remedy);
		return xstrdup("the file begins with a byte order mark; save "
			       "it without");
	}
	while ((token = next_token(&s, &text, &at)) != TOKEN_END) {
		char *better = NULL;

		if (token == TOKEN_OPEN)
			better = xasprintf("the string that begins in line %u "
					   "has no closing quote", at);
		else if (at == line && slice_eq(before, SLICE(",")) &&
			 token == TOKEN_SIGN && strchr(")]}", *text.p))
			better = xasprintf("a comma stands between elements "
					   "only; take out the one before "
					   "\"%c\"", *text.p);
		else if (at == line && !hint &&
			 (hint = betrayed(token, text, before, first)))
			better = xstrdup(hint);
		first = false;
		before = text;
		if (better) {
			free(remedy);
			remedy = better;
		}
	}
	free(whole);
	return remedy;
}
