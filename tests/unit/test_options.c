/* SPDX-License-Identifier: ISC */
/*
 * test_options.c: the command line, what it means and what is wrong with it.
 */
#include "conf_case.h"

struct mistake_row {
	int line;
	const char *args[CASE_ARGS];
	const char *said; /* to stderr, all of it */
	const char *why;
};

#define SUGGESTS_HELP \
	": unknown option; bowsprit --help lists those there are\n"
#define LATER ": this is not built yet in this version; leave it out\n"
#define RIVALS \
	"; take one of them out, or make one upgrade = \"websocket\"\n"

static const struct mistake_row mistakes[] = {
	{ __LINE__, { "--lisen", "3" },
	  "bowsprit: --lisen: unknown option; did you mean --listen?\n"
	  "bowsprit: 3: an option was expected; a command to run stands "
	  "after --\n", "a long option mistyped; both mistakes are told" },
	{ __LINE__, { "-x" }, "bowsprit: -x" SUGGESTS_HELP, "a short one" },
	{ __LINE__, { "-tx" }, "bowsprit: -x" SUGGESTS_HELP, "behind another" },
	{ __LINE__, { "-l" }, "bowsprit: -l: its value is missing\n",
	  "no value" },
	{ __LINE__, { "--" },
	  "bowsprit: --: the command to run is missing after it\n",
	  "no COMMAND" },
	{ __LINE__, { "npx", "next" },
	  "bowsprit: npx: an option was expected; a command to run stands "
	  "after --\n", "a COMMAND without --" },
	{ __LINE__, { "-l", "localhost" },
	  "bowsprit: --listen: \"localhost\" has no port; write 3000, :3000 "
	  "or host:3000\n", "no port" },
	{ __LINE__, { "-l", "unix:/run/x", "-l", "unix:/run/x" },
	  "bowsprit: --listen: unix:/run/x is listened on already by "
	  "--listen; leave one out\n", "twice the same path" },
	{ __LINE__, { "-l", "3000", "-l", "LOCALHOST:3000" },
	  "bowsprit: --listen: LOCALHOST:3000 is listened on already by "
	  "--listen; leave one out\n", "twice the same" },
	{ __LINE__, { "-l", "localhost:3000", "-l", ":3000" },
	  "bowsprit: --listen: :3000 is listened on already by --listen; "
	  "leave one out\n", "every address is localhost, too" },
	{ __LINE__, { "-b", "next" },
	  "bowsprit: --backend: \"next\" is no URL; write http://host:port\n",
	  "a name needs a file" },
	{ __LINE__, { "-b", "http://a", "-b", "http://b" },
	  "bowsprit: --backend: it is given twice; leave one out\n",
	  "two defaults" },
	{ __LINE__, { "-c", "a.cfg", "--config=b.cfg", "-x" },
	  "bowsprit: --config: it is given twice; leave one out\n"
	  "bowsprit: -x" SUGGESTS_HELP
	  "bowsprit: --config: a.cfg: No such file or directory; check the "
	  "path that was given\n", "two files" },
	{ __LINE__, { "--doctor", "http://a/ws", "-H", "Name: value" },
	  "bowsprit: --doctor" LATER, "for a later version" },
	{ __LINE__, { "--doctor=http://a/ws", "--origin", "http://a" },
	  "bowsprit: --doctor=http://a/ws" LATER, "the same with =" },
	{ __LINE__, { "-b", "http://a", "-r", "/**=http://b" },
	  "bowsprit: --route: \"/**\" matches the same as \"/**\" of "
	  "--backend" RIVALS, "two of them in other words" },
	{ __LINE__, { "-r", "/{a}=http://a", "-r", "/{b}=http://b" },
	  "bowsprit: --route: \"/{b}\" matches the same as \"/{a}\" of "
	  "--route" RIVALS, "the names of captures do not matter" },
	{ __LINE__, { "-r", "/x=10.0.0.5:4000" },
	  "bowsprit: --route: '/x=10.0.0.5:4000' has no URL; did you mean "
	  "'/x=http://10.0.0.5:4000'?\n", "no scheme" },
	{ __LINE__, { "-w", "/x=127.0.0.1:80 change_origin" },
	  "bowsprit: --ws: '/x=127.0.0.1:80 change_origin' has no URL; did you "
	  "mean '/x=http://127.0.0.1:80'?\n", "no scheme, but a setting" },
	{ __LINE__, { "-w", "/x" },
	  "bowsprit: --ws: '/x' has no URL; write '/path=http://host:port'\n",
	  "nothing that could be meant" },
	{ __LINE__, { "-w", "/x=a:b:c" },
	  "bowsprit: --ws: '/x=a:b:c' has no URL; write "
	  "'/path=http://host:port'\n", "no URL with a scheme either" },
	{ __LINE__, { "-w", "/x=http://h drain=5s" },
	  "bowsprit: --ws: '/x': unknown setting \"drain\"; it belongs in "
	  "the file, under timeouts\n", "no setting of a route" },
	{ __LINE__, { "-w", "/x=http://h set_headers=\"X-A: b c" },
	  "bowsprit: --ws: '/x': the value of set_headers has no closing "
	  "quote\n", "the shell took the other one" },
	{ __LINE__, { "-w", "/{h}=http://{h}:80" },
	  "bowsprit: --ws: http://{h}:80: captures choose a host or port only "
	  "among allowed_targets; write them, such as ( "
	  "\"10.0.0.0/24:5900-5999\" )\n", "any server at all?" },
	{ __LINE__, { "-w", "/x=http://h allowed_targets=10.0.0.5" },
	  "bowsprit: --ws: allowed_targets is for a URL with a capture as "
	  "host or port, which http://h:80 has not\n", "nothing to choose" },
	{ __LINE__, { "-w", "/{h}=http://{h}:{prt} allowed_targets=10.0.0.5" },
	  "bowsprit: --ws: the URL has {prt}, but \"/{h}\" captures {h}\n",
	  "a capture that there is not" },
	{ __LINE__, { "-w", "/{h}=http://{h} allowed_targets=10.0.0.256,h:x" },
	  "bowsprit: --ws: '/{h}': \"10.0.0.256\" is no target; write "
	  "\"10.0.0.0/24:5900-5999\" or \"vm1.example.com:80\"\n"
	  "bowsprit: --ws: http://{h}:80: captures choose a host or port only "
	  "among allowed_targets; write them, such as ( "
	  "\"10.0.0.0/24:5900-5999\" )\n", "no address" },
	{ __LINE__, { "-w", "/x=http://h tls_verify=1" },
	  "bowsprit: --ws: tls_verify is for backends with TLS; write "
	  "https://, or leave it out\n", "nothing to verify" },
	{ __LINE__, { "-w", "/x=http://h changeOrigin" },
	  "bowsprit: --ws: '/x': unknown setting \"changeOrigin\"; here: "
	  "change_origin\n", "http-proxy's word" },
	{ __LINE__, { "-w", "/x=http://h name" },
	  "bowsprit: --ws: '/x': name has no value; write name=…\n",
	  "only a boolean needs none" },
	{ __LINE__, { "-w", "/x=http://h change_origin=maybe" },
	  "bowsprit: --ws: '/x': change_origin must be true or false, not "
	  "\"maybe\"\n", "no boolean" },
	{ __LINE__, { "-w", "/x=http://h path=/y" },
	  "bowsprit: --ws: '/x': the path stands before the URL\n",
	  "the path twice" },
	{ __LINE__, { "-w", "/x=http://h backend=y" },
	  "bowsprit: --ws: '/x': the backend is the URL\n",
	  "the backend twice" },
	{ __LINE__, { "-r", "/{id}=http://h/{nr}" },
	  "bowsprit: --route: the URL has {nr}, but \"/{id}\" captures {id}\n",
	  "a capture that there is not" },
	{ __LINE__, { "-r", "/{id}/**=http://h/{nr}" },
	  "bowsprit: --route: the URL has {nr}, but \"/{id}/**\" captures "
	  "{id}, {**}\n", "those there are" },
	{ __LINE__, { "-r", "/x=http://h/{nr}" },
	  "bowsprit: --route: the URL has {nr}, but \"/x\" captures nothing; "
	  "write {nr} there for a whole segment\n", "none at all" },
	{ __LINE__, { "-b", "http://127.0.0.1:3000" },
	  "bowsprit: --backend: backend http://127.0.0.1:3000 is our own "
	  "listener localhost:3000: requests would go round in circles; give "
	  "one of them another port\n", "a circle, with the default" },
	{ __LINE__, { "-l", ":80", "-b", "http://[::1]" },
	  "bowsprit: --backend: backend http://[::1]:80 is our own listener "
	  ":80: requests would go round in circles; give one of them another "
	  "port\n", "a circle, with every address" },
	{ __LINE__, { "-l", "10.0.0.1:80", "-b", "http://10.0.0.1" },
	  "bowsprit: --backend: backend http://10.0.0.1:80 is our own "
	  "listener 10.0.0.1:80: requests would go round in circles; give one "
	  "of them another port\n", "a circle, with one address" },
	{ __LINE__, { "--log-format", "xml" },
	  "bowsprit: --log-format: format must be one of \"text\", \"json\", "
	  "not \"xml\"\n", "no such format" },
	{ __LINE__, { "--demo", "--", "x" },
	  "bowsprit: --demo: the demonstration is a backend of its own; leave "
	  "out the command\n", "one application too many" },
	{ __LINE__, { "-c", "none.cfg" },
	  "bowsprit: --config: none.cfg: No such file or directory; check "
	  "the path that was given\n",
	  "a file that is named must be there" },
	{ __LINE__, { "-c", "." },
	  "bowsprit: --config: . is no file but a folder; name the file "
	  "itself\n", "a folder, at which libconfig ends the process" },
};

static void
mistakes_are_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
		const struct mistake_row *r = &mistakes[i];
		enum conf_action action;
		struct conf *c = case_read(r->args, &action);

		ROW_CHECK(r, !c, "%s", r->args[0]);
		ROW_CHECK(r, strcmp(case_said, r->said) == 0, "%s",
			  case_said);
		conf_unref(c);
	}
	rows_end();
}

/* Reads what must be good. */
static struct conf *
good(const char *const *args)
{
	enum conf_action action;
	struct conf *c = case_read(args, &action);

	if (!c || *case_said)
		fail_msg("%s: %s", args[0] ? args[0] : "", case_said);
	assert_int_equal(action, CONF_RUN);
	return c;
}

#define GOOD(...) good((const char *const[]){ __VA_ARGS__, NULL })

static void
nothing_said_is_next_on_3000(void **state)
{
	struct conf *c = GOOD(NULL);

	(void)state;
	assert_null(c->source);
	assert_int_equal(c->nlisteners, 1);
	assert_string_equal(c->listeners[0].host, "localhost");
	assert_int_equal(c->listeners[0].port, 3000);
	assert_int_equal(c->nroutes, 1);
	assert_string_equal(pattern_text(c->routes[0].pattern), "/**");
	assert_int_equal(c->routes[0].takes, TAKES_NEXT);
	assert_string_equal(c->routes[0].backend->server.host, "127.0.0.1");
	assert_int_equal(c->routes[0].backend->server.port, 3001);
	assert_string_equal(c->routes[0].backend->name, "127.0.0.1:3001");
	assert_false(c->routes[0].backend->is_app);
	assert_null(c->command);
	assert_null(c->log_file);
	conf_unref(c);
}

static void
the_environment_says_where_to_listen(void **state)
{
	struct conf *c;
	enum conf_action action;
	const char *const none[] = { NULL };

	(void)state;
	setenv("PORT", "8080", 1);
	setenv("HOST", "::", 1);
	c = GOOD(NULL);
	assert_string_equal(c->listeners[0].host, "::");
	assert_int_equal(c->listeners[0].port, 8080);
	conf_unref(c);

	c = GOOD("-l", "4000");
	assert_int_equal(c->nlisteners, 1);
	assert_int_equal(c->listeners[0].port, 4000);
	conf_unref(c);

	setenv("HOST", "", 1);
	setenv("PORT", "http", 1);
	assert_null(case_read(none, &action));
	assert_string_equal(case_said,
		"bowsprit: $PORT: \"localhost:http\": a port is a number from "
		"1 to 65535\n"
		"bowsprit: $PORT: that is in the environment; unset it, or "
		"say with --listen where to listen\n");
	unsetenv("HOST");
	unsetenv("PORT");
}

static void
a_ws_route_with_settings(void **state)
{
	struct conf *c = GOOD("-w", "/vm/{id}/x=y=http://10.0.0.5:80/s/{id} "
			      "change_origin  name=vm verify_accept=no");
	const struct conf_route *r = &c->routes[0];

	(void)state;
	assert_int_equal(c->nroutes, 2);
	assert_string_equal(pattern_text(r->pattern), "/vm/{id}/x=y");
	assert_string_equal(r->name, "vm");
	assert_int_equal(r->takes, TAKES_UPGRADES);
	assert_string_equal(r->target, "/s/{id}");
	assert_true(r->change_origin);
	assert_false(r->verify_accept);
	assert_string_equal(r->backend->server.text, "http://10.0.0.5:80");
	/* As a browser writes it for port 80. */
	assert_string_equal(r->backend->server.host_port, "10.0.0.5");
	assert_string_equal(r->where.file, "--ws");
	conf_unref(c);
}

static void
a_route_with_times_and_headers_of_its_own(void **state)
{
	struct conf *c;
	const struct conf_route *r;

	(void)state;
	case_write(CASE_FILE,
		"timeouts = { handshake = \"20s\"; stall = \"1s\"; };\n"
		"set_headers = ( \"X-A: all\", \"X-B: all\" );\n"
		"remove_response_headers = \"Server\";\n");
	c = GOOD("-c", CASE_FILE, "-w", "/x=http://h:1/ handshake=10s "
		 "tunnel_idle=0\tset_headers=\"x_b:  own  one \" "
		 "remove_headers=Cookie set_response_headers=X-C:\"d\"");
	r = &c->routes[0];
	assert_int_equal(r->timeouts.handshake, 10000);
	assert_int_equal(r->timeouts.stall, 1000);
	assert_int_equal(r->timeouts.tunnel_idle, 0);
	assert_int_equal(r->request.n, 3);
	assert_string_equal(r->request.list[0].line, "x_b: own  one\r\n");
	assert_string_equal(r->request.list[1].name, "Cookie");
	assert_null(r->request.list[1].line);
	assert_string_equal(r->request.list[2].line, "X-A: all\r\n");
	assert_int_equal(r->response.n, 2);
	assert_string_equal(r->response.list[0].line, "X-C: d\r\n");
	assert_string_equal(r->response.list[1].name, "Server");
	r = &c->routes[1];
	assert_int_equal(r->timeouts.handshake, 20000);
	assert_int_equal(r->request.n, 2);
	conf_unref(c);
}

static void
a_route_takes_both_unless_told(void **state)
{
	struct conf *c = GOOD("-r", "/**=http://a:1", "-r",
			      "/x=http://b:1 upgrade=none");

	(void)state;
	assert_int_equal(c->nroutes, 2);
	assert_int_equal(c->routes[0].takes, TAKES_REQUESTS);
	assert_int_equal(c->routes[1].takes, TAKES_BOTH);
	assert_true(c->routes[1].verify_accept);
	assert_false(c->routes[1].change_origin);
	assert_null(c->routes[1].target);
	assert_string_equal(c->routes[0].name, "/x");
	conf_unref(c);
}

static void
the_default_backend_has_settings_too(void **state)
{
	struct conf *c = GOOD("-b", "http://h:1 change_origin upgrade=both");

	(void)state;
	assert_int_equal(c->nroutes, 1);
	assert_int_equal(c->routes[0].takes, TAKES_BOTH);
	assert_true(c->routes[0].change_origin);
	conf_unref(c);
}

static void
one_place_is_one_backend(void **state)
{
	struct conf *c = GOOD("-r", "/a=http://h:1/x", "-r", "/b=ws://H:1",
			      "-r", "/c=http://h:2", "-b", "http://h:2");

	(void)state;
	assert_int_equal(c->nroutes, 4);
	assert_int_equal(c->nbackends, 2);
	assert_ptr_equal(c->routes[0].backend, c->routes[1].backend);
	assert_ptr_equal(c->routes[2].backend, c->routes[3].backend);
	assert_int_equal(c->backends[1]->index, 1);
	conf_unref(c);
}

static void
a_command_is_the_default_backend(void **state)
{
	struct conf *c = GOOD("-l", "3000", "--", "npx", "next", "-l");
	struct conf_backend *b = c->backends[0];

	(void)state;
	assert_string_equal(c->command[0], "npx");
	assert_string_equal(c->command[2], "-l");
	assert_null(c->command[3]);
	assert_false(c->backend_given);
	assert_ptr_equal(c->routes[0].backend, b);
	assert_int_equal(c->routes[0].takes, TAKES_NEXT);
	assert_string_equal(b->name, "app");
	assert_true(b->is_app);
	assert_string_equal(b->server.host, "127.0.0.1");
	assert_int_equal(b->server.port, 0);
	conf_set_port(b, 4567);
	assert_string_equal(b->server.text, "http://127.0.0.1:4567");
	assert_string_equal(b->server.host_port, "127.0.0.1:4567");
	conf_unref(c);
}

static void
a_command_behind_a_backend_of_its_own(void **state)
{
	struct conf *c = GOOD("-b", "http://localhost:4000", "--", "x");

	(void)state;
	assert_true(c->backend_given);
	assert_int_equal(c->nbackends, 1);
	assert_true(c->backends[0]->is_app);
	assert_int_equal(c->backends[0]->server.port, 4000);
	conf_unref(c);
}

static void
the_demonstration_takes_upgrades(void **state)
{
	struct conf *c = GOOD("--demo");

	(void)state;
	assert_true(c->demo);
	assert_string_equal(c->backends[0]->name, "demo");
	assert_int_equal(c->backends[0]->server.port, 0);
	assert_false(c->backends[0]->is_app);
	assert_int_equal(c->routes[0].takes, TAKES_BOTH);
	conf_unref(c);
}

static void
options_win_over_the_file(void **state)
{
	struct conf *c;

	(void)state;
	case_write(CASE_FILE,
		"listeners = ( { port = 3000; } );\n"
		"backends = { n = { servers = ( \"http://n:1\" ); }; };\n"
		"routes = ( { path = \"/**\"; backend = \"n\"; },\n"
		"  { path = \"/x\"; backend = \"n\"; } );\n"
		"log = { level = \"error\"; format = \"json\"; };\n");
	c = GOOD("-c", CASE_FILE, "-l", "3000", "-l", ":4000", "-v", "-r",
		 "/x=http://x:1", "-w", "/x=http://w:1", "-b", "http://b:1",
		 "--log-format=text");
	assert_string_equal(c->source, CASE_FILE);
	assert_int_equal(c->nlisteners, 2);
	assert_int_equal(c->listeners[1].port, 4000);
	assert_int_equal(c->nroutes, 3);
	assert_string_equal(c->routes[0].backend->server.host, "w");
	assert_string_equal(c->routes[1].backend->server.host, "x");
	assert_string_equal(c->routes[2].backend->server.host, "b");
	assert_int_equal(c->log_level, LOG_DEBUG);
	assert_int_equal(c->log_format, LOG_TEXT);
	conf_unref(c);
}

static void
a_file_of_its_own_for_the_command(void **state)
{
	struct conf *c;

	(void)state;
	case_write(CASE_FILE,
		"routes = ( { path = \"/**\"; backend = \"http://n:1\"; } );");
	c = GOOD("-c", CASE_FILE, "--", "x");
	assert_int_equal(c->nroutes, 1);
	assert_true(c->backend_given);
	assert_true(c->backends[0]->is_app);
	conf_unref(c);
}

static void
the_file_of_this_folder(void **state)
{
	struct conf *c;

	(void)state;
	case_write("bowsprit.cfg", "listeners = ( \"4000\" );");
	c = GOOD("-v");
	assert_string_equal(c->source, "bowsprit.cfg");
	assert_int_equal(c->listeners[0].port, 4000);
	conf_unref(c);
	c = GOOD("--", "x");
	assert_string_equal(c->source, "bowsprit.cfg");
	conf_unref(c);
	c = GOOD("-b", "http://h");
	assert_null(c->source);
	conf_unref(c);
	unlink("bowsprit.cfg");
}

static void
actions(void **state)
{
	static const struct {
		const char *args[CASE_ARGS];
		enum conf_action action;
		const char *printed;
	} rows[] = {
		{ { "-h" }, CONF_HELP, "Usage: bowsprit" },
		{ { "-V" }, CONF_VERSION, "bowsprit " },
		{ { "--version", "--help" }, CONF_HELP, "Usage: bowsprit" },
		{ { "-t" }, CONF_TEST, "" },
		{ { "-x", "-h" }, CONF_RUN, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct catch caught = case_catch(stdout);
		enum conf_action action;
		struct conf *c = case_read(rows[i].args, &action);

		case_caught(&caught);
		assert_int_equal(action, rows[i].action);
		assert_true(!c == (action != CONF_TEST));
		assert_int_equal(strncmp(case_said, rows[i].printed,
					 strlen(rows[i].printed)), 0);
		if (!*rows[i].printed)
			assert_string_equal(case_said, "");
		conf_unref(c);
	}
}

static void
a_reload_reads_the_same_again(void **state)
{
	struct conf *c, *again;
	struct catch caught;

	(void)state;
	case_write(CASE_FILE, "workers = 1;");
	c = GOOD("-c", CASE_FILE, "-l", "4000", "--", "x");
	case_write(CASE_FILE, "workers = 2;");
	again = conf_again(c);
	assert_non_null(again);
	assert_int_equal(c->workers, 1);
	assert_int_equal(again->workers, 2);
	assert_int_equal(again->listeners[0].port, 4000);
	assert_string_equal(again->command[0], "x");
	conf_unref(c);

	case_write(CASE_FILE, "workers = 2, worker = 3;");
	caught = case_catch(stderr);
	c = conf_again(again);
	case_caught(&caught);
	assert_null(c);
	/* A line of the log, which goes to stderr until it is opened. */
	assert_string_equal(case_said,
			    "error: t.cfg:1: unknown setting \"worker\"; "
			    "did you mean \"workers\"?\n");
	assert_ptr_equal(conf_ref(again), again);
	conf_unref(again);
	assert_int_equal(again->workers, 2);
	conf_unref(again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_told),
		cmocka_unit_test(nothing_said_is_next_on_3000),
		cmocka_unit_test(the_environment_says_where_to_listen),
		cmocka_unit_test(a_ws_route_with_settings),
		cmocka_unit_test(a_route_with_times_and_headers_of_its_own),
		cmocka_unit_test(a_route_takes_both_unless_told),
		cmocka_unit_test(the_default_backend_has_settings_too),
		cmocka_unit_test(one_place_is_one_backend),
		cmocka_unit_test(a_command_is_the_default_backend),
		cmocka_unit_test(a_command_behind_a_backend_of_its_own),
		cmocka_unit_test(the_demonstration_takes_upgrades),
		cmocka_unit_test(options_win_over_the_file),
		cmocka_unit_test(a_file_of_its_own_for_the_command),
		cmocka_unit_test(the_file_of_this_folder),
		cmocka_unit_test(actions),
		cmocka_unit_test(a_reload_reads_the_same_again),
	};

	return cmocka_run_group_tests(tests, case_setup, case_teardown);
}
