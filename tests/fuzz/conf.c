/* SPDX-License-Identifier: ISC */
/*
 * conf.c: a command line and a file's text, through all of conf/.
 *
 * Input: a line of options, a blank between them; then the file.  The loader
 * tells libconfig a path, so there is a file: in a folder that is empty but
 * for it, which is where the process stays.
 */
#include "fuzz.h"

#include <unistd.h>

#include "base/buf.h"
#include "conf/conf.h"

#define FILE_NAME "t.cfg"
#define ARGS 12

static char folder[] = "/tmp/bowsprit-fuzz-XXXXXX";

static void
leave_folder(void)
{
	unlink(FILE_NAME);
	rmdir(folder);
}

static void
enter_folder(void)
{
	static bool inside;

	if (inside)
		return;
	MUST(mkdtemp(folder) && chdir(folder) == 0);
	unsetenv("HOST");
	unsetenv("PORT");
	setenv("FUZZ", "ws://127.0.0.1:5", 1);
	atexit(leave_folder);
	inside = true;
}

static void
write_file(struct slice text)
{
	FILE *f = fopen(FILE_NAME, "wb");

	MUST(f);
	MUST(fwrite(text.p, 1, text.n, f) == text.n);
	MUST(fclose(f) == 0);
}

/* What a file names is read as well; not the whole machine, please. */
static bool
reaches_out(struct slice text)
{
	return memmem(text.p, text.n, "@include", 8) &&
	       memchr(text.p, '/', text.n);
}

/* What captures choose is a server, or refused. */
static void
choose(const struct conf *c, const struct conf_route *r,
       const struct captures *caps)
{
	struct conf_server *chosen = NULL;

	if (!conf_server_is_open(&r->backend->server))
		return;
	if (route_server(c, r, caps, &chosen) == CHOICE_GOOD)
		MUST(chosen && chosen->port > 0);
	conf_server_free(chosen);
}

/* A tree that was let through routes whatever comes. */
static void
use(const struct conf *c)
{
	static const struct slice paths[] = {
		SLICE("/"), SLICE("/a/b"), SLICE("/_next/x"), SLICE("*"),
		SLICE("/a/b/c/d/websock"), SLICE("/10.0.0.1/5900/"), SLICE("//"), SLICE("/a%2fb/"),
	};
	const struct conf_route *r;
	struct buf *target;
	struct captures caps;

	for (size_t i = 0; i < 2 * ARRAY_LEN(paths); i++) {
		struct slice path = paths[i / 2], host = SLICE("a.example");

		(void)route_nearest(c, path, i % 2);
		r = route_find(c, host, path, i % 2, &caps);
		if (!r)
			continue;
		MUST(r->backend && r->name);
		MUST(pattern_match(r->pattern, host, path, NULL));
		choose(c, r, &caps);
		target = NULL;
		if (r->target) {
			MUST(route_target(r, &caps, SLICE("?q"), &target));
			MUST(buf_len(target) > 0 &&
			     buf_data(target)[0] == '/');
		}
		buf_free(&target);
	}
}

/* The same again is the same again, and so is a reload. */
static void
read_twice(int argc, char **argv)
{
	enum conf_action action, again;
	struct conf *first = conf_from_args(argc, argv, &action);
	struct conf *second = conf_from_args(argc, argv, &again);
	struct conf *reloaded;

	MUST(action == again && !first == !second);
	if (!first)
		return;
	MUST(first->nroutes == second->nroutes);
	use(first);
	conf_explain(first);
	reloaded = conf_again(first);
	MUST(reloaded && reloaded->nroutes == first->nroutes);
	conf_unref(reloaded);
	conf_unref(second);
	conf_unref(first);
}

/* On a mistake in the grammar libconfig's lexer forgets what it has read. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libconfig_yylex\nleak:strbuf_append\n";
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of((const char *)data, size);
	struct slice line = fuzz_until(&in, '\n');
	char *argv[ARGS + 4] = { strdup("bowsprit"), strdup("-c"),
				 strdup(FILE_NAME) };
	int argc = 3;

	while (line.n > 0 && argc < ARGS + 3)
		argv[argc++] = fuzz_string(fuzz_until(&line, ' '));
	enter_folder();
	if (!reaches_out(in)) {
		write_file(in);
		read_twice(argc, argv);
	}
	while (argc > 0)
		free(argv[--argc]);
	return 0;
}
