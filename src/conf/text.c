/* SPDX-License-Identifier: ISC */
/*
 * text.c: what stands in a setting's string: variables, numbers, times, sizes.
 */
#include "conf/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit times[] = {
	{ "ms", 1 },
	{ "s", 1000 },
	{ "m", 60 * 1000 },
	{ "h", 60 * 60 * 1000 },
	{ "d", 24 * 60 * 60 * 1000 },
};

static const struct unit sizes[] = {
	{ "", 1 },
	{ "K", 1024 },
	{ "M", 1024 * 1024 },
	{ "G", 1024 * 1024 * 1024 },
};

struct growing {
	char *p; /* NUL-terminated */
	size_t n;
};

static void
append(struct growing *out, const char *p, size_t n)
{
	out->p = xrealloc(out->p, out->n + n + 1);
	memcpy(out->p + out->n, p, n);
	out->n += n;
	out->p[out->n] = '\0';
}

/* Is it what a shell takes as the name of a variable? */
static bool
is_name(struct slice s)
{
	if (s.n == 0 || isdigit((unsigned char)s.p[0]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '_')
			return false;
	return true;
}

/* Appends what NAME or NAME:-default stands for. */
static char *
expand_one(struct slice inner, struct growing *out)
{
	const char *sep = memmem(inner.p, inner.n, ":-", 2);
	size_t name_n = sep ? (size_t)(sep - inner.p) : inner.n;
	char *name, *error = NULL;
	const char *value;

	if (!is_name(slice_of(inner.p, name_n)))
		return xasprintf("\"${%.*s}\" names no variable; write ${NAME} "
				 "or ${NAME:-default}", SLICE_ARG(inner));
	name = xstrndup(inner.p, name_n);
	value = getenv(name);
	if (sep && (!value || !*value))
		append(out, sep + 2, inner.n - name_n - 2);
	else if (value)
		append(out, value, strlen(value));
	else
		error = xasprintf("${%s} is not set in the environment; set "
				  "it, or write ${%s:-default}", name, name);
	free(name);
	return error;
}

char *
text_expand(const char *text, char **error)
{
	const char *from = text, *dollar, *brace;
	struct growing out = { NULL, 0 };

	*error = NULL;
	while ((dollar = strstr(from, "${")) != NULL) {
		append(&out, from, (size_t)(dollar - from));
		brace = strchr(dollar, '}');
		if (!brace) {
			*error = xasprintf("\"%s\" is not closed; write "
					   "${NAME} or ${NAME:-default}",
					   dollar);
			break;
		}
		*error = expand_one(slice_of(dollar + 2, (size_t)
					     (brace - dollar - 2)), &out);
		if (*error)
			break;
		from = brace + 1;
	}
	if (*error) {
		free(out.p);
		return NULL;
	}
	append(&out, from, strlen(from));
	return out.p;
}

/* Takes the digits off the front of *text; false if none or too many. */
static bool
take_digits(struct slice *text, uint64_t *n)
{
	size_t i = 0;

	*n = 0;
	while (i < text->n && isdigit((unsigned char)text->p[i])) {
		unsigned digit = (unsigned)(text->p[i++] - '0');

		if (*n > (UINT64_MAX - digit) / 10)
			return false;
		*n = *n * 10 + digit;
	}
	if (i == 0)
		return false; /* and p may be NULL */
	text->p += i;
	text->n -= i;
	return true;
}

static bool
times_unit(struct slice text, const struct unit *units, size_t nunits,
	   uint64_t *n)
{
	for (size_t i = 0; i < nunits; i++) {
		if (!slice_eq(text, slice_str(units[i].name)))
			continue;
		if (*n > INT64_MAX / units[i].factor)
			return false;
		*n *= units[i].factor;
		return true;
	}
	return false;
}

bool
text_number(struct slice text, uint64_t *n)
{
	return take_digits(&text, n) && text.n == 0;
}

bool
text_time(struct slice text, uint64_t *ms)
{
	if (!take_digits(&text, ms))
		return false;
	if (text.n == 0)
		return *ms == 0;
	return times_unit(text, times, ARRAY_LEN(times), ms);
}

bool
text_size(struct slice text, uint64_t *bytes)
{
	return take_digits(&text, bytes) &&
	       times_unit(text, sizes, ARRAY_LEN(sizes), bytes);
}

char *
text_of_time(uint64_t ms, char text[TEXT_TIME])
{
	/* "1500ms" is easier to read than "1s500ms". */
	size_t i = ms % 1000 ? 1 : ARRAY_LEN(times), n = 0;

	if (ms == 0)
		snprintf(text, TEXT_TIME, "never");
	while (ms > 0 && i-- > 0) {
		uint64_t count = ms / times[i].factor;

		ms %= times[i].factor;
		if (count > 0)
			n += (size_t)snprintf(text + n, TEXT_TIME - n,
					      "%llu%s", (unsigned long long)
					      count, times[i].name);
	}
	return text;
}
