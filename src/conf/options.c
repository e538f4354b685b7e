/* SPDX-License-Identifier: ISC */
/*
 * options.c: the command line.
 */
#include "config.h" /* PACKAGE_VERSION */

#include "conf/options.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "conf/setting.h"
#include "conf/suggest.h"
#include "conf/url.h"

/* Letters of options that have none. */
enum { OPT_LOG_FORMAT = 256, OPT_DEMO, OPT_SELF_SIGNED };

#define BLANKS " \t\n"

static const struct option longs[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "listen", required_argument, NULL, 'l' },
	{ "backend", required_argument, NULL, 'b' },
	{ "route", required_argument, NULL, 'r' },
	{ "ws", required_argument, NULL, 'w' },
	{ "test", no_argument, NULL, 't' },
	{ "demo", no_argument, NULL, OPT_DEMO },
	{ "self-signed", no_argument, NULL, OPT_SELF_SIGNED },
	{ "verbose", no_argument, NULL, 'v' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "log-format", required_argument, NULL, OPT_LOG_FORMAT },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* "+": options end at COMMAND.  ":": we say ourselves what is missing. */
static const char letters[] = "+:c:l:b:r:w:tvqVh";

static const char help[] =
"Usage: bowsprit [option]... [-- COMMAND...]\n"
"\n"
"Stands in front of a web application: requests go to it, WebSocket upgrades,\n"
"headers intact, to the backend that their path names.\n"
"\n"
"  -c, --config FILE      read this file; options beside it win\n"
"  -l, --listen ADDR      3000 (localhost), :3000 (every address), host:3000,\n"
"                         [::1]:3000, unix:/path; may be repeated\n"
"  -b, --backend 'URL [setting[=value]]...'\n"
"                         what no route takes goes there\n"
"  -r, --route 'PATTERN=URL [setting[=value]]...'\n"
"                         requests and upgrades on that path; may be repeated\n"
"  -w, --ws 'PATTERN=URL [setting[=value]]...'\n"
"                         upgrades only; may be repeated\n"
"  -t, --test             check the configuration and print what it means\n"
"      --self-signed      https, with a certificate of our own making\n"
"      --demo             show a handshake's bytes on both sides, in a page\n"
"  -v, --verbose          log at level debug\n"
"  -q, --quiet            log warnings and errors only\n"
"      --log-format F     text or json\n"
"  -V, --version          print the version\n"
"  -h, --help             print this\n"
"  -- COMMAND...          run the application behind us, on a port of ours\n"
"\n"
"Without any: ./bowsprit.cfg if there is one, else localhost:3000 in front of\n"
"http://127.0.0.1:3001.  With npx next start:\n"
"\n"
"  bowsprit -w '/api/{id}/websock=http://10.0.0.5:4000 change_origin' \\\n"
"           -- npx next start\n"
"\n"
"The manual is bowsprit(8), the file's bowsprit.cfg(5).\n";

void
options_print_help(void)
{
	fputs(help, stdout);
}

void
options_print_version(void)
{
	puts("bowsprit " PACKAGE_VERSION);
}

/* "--route" for 'r': what mistakes in it are called by. */
static struct conf_where
where_of(int letter)
{
	static const char *const names[] = {
		['c'] = "--config", ['l'] = "--listen", ['b'] = "--backend",
		['r'] = "--route", ['w'] = "--ws", ['v'] = "--verbose",
		['q'] = "--quiet", [OPT_LOG_FORMAT] = "--log-format",
		[OPT_DEMO] = "--demo", [OPT_SELF_SIGNED] = "--self-signed",
	};

	return (struct conf_where){ names[letter], 0 };
}

static void
tell_unknown(const char *typed, struct mistakes *m)
{
	struct conf_where where = { typed, 0 };
	struct suggestion s = { .best = NULL };

	if (strncmp(typed, "--", 2) == 0) {
		s.typed = typed + 2;
		for (const struct option *o = longs; o->name; o++)
			suggest_try(&s, o->name);
	}
	if (suggest_later(typed))
		mistake(m, where, "this is not built yet in this version; "
			"leave it out");
	else if (s.best)
		mistake(m, where, "unknown option; did you mean --%s?",
			s.best);
	else
		mistake(m, where, "unknown option; bowsprit --help lists "
			"those there are");
}

/* Of these one would silently lose. */
static bool
is_given_twice(const struct options *o, int letter)
{
	if (letter == 'c')
		return o->file;
	for (size_t i = 0; letter == 'b' && i < o->ngiven; i++)
		if (o->given[i].letter == 'b')
			return true;
	return false;
}

static void
note(struct options *o, int letter, struct mistakes *m)
{
	if (is_given_twice(o, letter)) {
		mistake(m, where_of(letter), "it is given twice; leave one "
			"out");
		return;
	}
	switch (letter) {
	case 'h':
		o->action = CONF_HELP;
		return;
	case 'V':
		if (o->action != CONF_HELP)
			o->action = CONF_VERSION;
		return;
	case 't':
		if (o->action == CONF_RUN)
			o->action = CONF_TEST;
		return;
	case 'c':
		o->file = optarg;
		return;
	case 'l': case 'b': case 'r': case 'w': case OPT_DEMO:
		o->routes = true;
		break;
	}
	*xgrow(o->given, o->ngiven) = (struct option_given){ letter, optarg };
}

/* What is left after the options: nothing, or COMMAND after its "--". */
static void
take_command(struct options *o, char **argv, struct mistakes *m)
{
	struct conf_where where = { argv[optind], 0 };

	if (strcmp(argv[optind - 1], "--") != 0) {
		if (where.file)
			mistake(m, where, "an option was expected; a command "
				"to run stands after --");
		return;
	}
	if (where.file)
		o->command = argv + optind;
	else
		mistake(m, (struct conf_where){ "--", 0 }, "the command to "
			"run is missing after it");
}

void
options_read(struct options *o, int argc, char **argv, struct mistakes *m)
{
	int letter;

	memset(o, 0, sizeof(*o));
	if (argc == 0)
		return;
	optind = 0; /* start over: a reload comes here again */
	opterr = 0;
	while ((letter = getopt_long(argc, argv, letters, longs, NULL)) !=
	       -1) {
		if (letter == ':') {
			struct conf_where where = { argv[optind - 1], 0 };

			mistake(m, where, "its value is missing");
		} else if (letter == '?') {
			char short_one[] = { '-', (char)optopt, '\0' };
			const char *typed = argv[optind - 1];

			if (strncmp(typed, "--", 2) != 0 && optopt)
				typed = short_one;
			tell_unknown(typed, m);
			if (suggest_later(typed))
				return; /* what follows may be its own */
		} else {
			note(o, letter, m);
		}
	}
	take_command(o, argv, m);
}

void
options_fini(struct options *o)
{
	free(o->given);
}

/* "change_origin", "name=desktop": a route's setting after its URL. */
static void
apply_setting(struct draft *d, struct draft_route *r, const char *name,
	      const char *value)
{
	const struct setting *s = setting_find(SECTION_ROUTE, name);
	struct value v = { VALUE_TEXT, value ? value : "true", 0, false };
	char *error = NULL;

	if (s && s->offset == offsetof(struct draft_route, path))
		error = xstrdup("the path stands before the URL");
	else if (s && s->offset == offsetof(struct draft_route, backend))
		error = xstrdup("the backend is the URL");
	else if (!s)
		error = setting_unknown(SECTION_ROUTE, name);
	else if (!value && s->type != SETTING_TRUTH)
		error = xasprintf("%s has no value; write %s=…", name, name);
	if (error || !setting_assign(s, r, &v, &error))
		mistake(&d->mistakes, r->where, "'%s': %s", r->path, error);
	free(error);
}

/*
 * Takes a word off the front of *text and ends it; within double quotes, which
 * are taken out, it may have blanks.  NULL if there is none; *closed tells
 * whether the last quote was.
 */
static char *
next_word(char **text, bool *closed)
{
	char *from = *text + strspn(*text, BLANKS), *to = from, *word = from;

	*closed = true;
	if (!*from)
		return NULL;
	for (; *from && (!*closed || !strchr(BLANKS, *from)); from++) {
		if (*from == '"')
			*closed = !*closed;
		else
			*to++ = *from;
	}
	*text = *from ? from + 1 : from;
	*to = '\0';
	return word;
}

/* URL [setting[=value]]… */
static void
apply_url(struct draft *d, struct draft_route *r, const char *text)
{
	size_t url_n = strcspn(text, BLANKS);
	char *settings = xstrdup(text + url_n), *rest = settings, *word, *eq;
	bool closed;

	r->backend = xstrndup(text, url_n);
	while ((word = next_word(&rest, &closed)) != NULL) {
		if ((eq = strchr(word, '=')) != NULL)
			*eq++ = '\0';
		if (closed)
			apply_setting(d, r, word, eq);
		else
			mistake(&d->mistakes, r->where, "'%s': the value of "
				"%s has no closing quote", r->path, word);
	}
	free(settings);
}

/* Most often what is missing is the scheme. */
static void
tell_no_url(struct draft *d, struct conf_where where, const char *text)
{
	const char *eq = strchr(text, '=');
	char *guess = eq ? xasprintf("http://%.*s", (int)strcspn(eq + 1,
				     BLANKS), eq + 1) : NULL;
	char *error = NULL;
	struct url url = { .port = 0 };

	if (guess && url_parse(guess, &url, &error))
		mistake(&d->mistakes, where, "'%s' has no URL; did you mean "
			"'%.*s=%s'?", text, (int)(eq - text), text, guess);
	else
		mistake(&d->mistakes, where, "'%s' has no URL; write "
			"'/path=http://host:port'", text);
	url_fini(&url);
	free(error);
	free(guess);
}

/* 'PATTERN=URL [setting[=value]]…' */
static void
apply_route(struct draft *d, struct conf_where where, const char *text,
	    enum conf_upgrade upgrade)
{
	const char *eq = url_after_pattern(text);
	struct draft_route *r;

	if (!eq) {
		tell_no_url(d, where, text);
		return;
	}
	r = draft_add_route(d, where);
	r->by_option = true;
	r->upgrade = upgrade;
	r->path = xstrndup(text, (size_t)(eq - text));
	apply_url(d, r, eq + 1);
}

/* What no other route takes. */
static struct draft_route *
apply_default(struct draft *d, struct conf_where where, enum draft_to to,
	      enum conf_upgrade upgrade)
{
	struct draft_route *r = draft_add_route(d, where);

	r->path = xstrdup("/**");
	r->to = to;
	r->upgrade = upgrade;
	r->by_option = true;
	return r;
}

static void
apply_log(struct draft *d, struct conf_where where, const char *name,
	  const char *text)
{
	struct value v = { VALUE_TEXT, text, 0, false };
	char *error;

	if (setting_assign(setting_find(SECTION_LOG, name), &d->tree->conf,
			   &v, &error))
		return;
	mistake(&d->mistakes, where, "%s", error);
	free(error);
}

static void
apply_listener(struct draft *d, struct conf_where where, const char *text)
{
	struct draft_listener *l = xgrow(d->listeners, d->nlisteners);

	l->address = xstrdup(text);
	l->by_option = true;
	l->where = where;
	d->listeners_said = true;
}

static void
apply_one(struct draft *d, const struct option_given *given)
{
	struct conf_where where = where_of(given->letter);
	struct draft_route *r;

	switch (given->letter) {
	case 'l':
		apply_listener(d, where, given->text);
		break;
	case 'b':
		r = apply_default(d, where, TO_BACKEND, TAKES_NEXT);
		apply_url(d, r, given->text);
		break;
	case 'r':
		apply_route(d, where, given->text, TAKES_BOTH);
		break;
	case 'w':
		apply_route(d, where, given->text, TAKES_UPGRADES);
		break;
	case 'v':
		apply_log(d, where, "level", "debug");
		break;
	case 'q':
		apply_log(d, where, "level", "warn");
		break;
	case OPT_LOG_FORMAT:
		apply_log(d, where, "format", given->text);
		break;
	case OPT_SELF_SIGNED:
		d->tree->conf.self_signed = true;
		break;
	case OPT_DEMO:
		d->tree->conf.demo = true;
		apply_default(d, where, TO_DEMO, TAKES_BOTH);
		break;
	}
}

static char **
copy_command(char *const *command)
{
	char **copy = NULL;
	size_t n = 0;

	for (; *command; command++)
		*xgrow(copy, n) = xstrdup(*command);
	*xgrow(copy, n) = NULL;
	return copy;
}

void
options_apply(const struct options *o, struct draft *d)
{
	for (size_t i = 0; i < o->ngiven; i++)
		apply_one(d, &o->given[i]);
	if (!o->command)
		return;
	d->tree->conf.command = copy_command(o->command);
	if (d->tree->conf.demo)
		mistake(&d->mistakes, where_of(OPT_DEMO), "the demonstration "
			"is a backend of its own; leave out the command");
}
