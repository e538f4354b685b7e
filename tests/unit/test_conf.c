/* SPDX-License-Identifier: ISC */
/*
 * test_conf.c: the file, what it means and what is wrong with it.
 */
#include "conf_case.h"

#include <sys/stat.h>

#define ENDS " (reading ends here: what follows was not checked)\n"
#define LATER " is not built yet in this version; leave it out\n"

struct mistake_row {
	int line;
	const char *text;
	const char *said; /* to stderr, all of it */
	const char *why;
};

static const struct mistake_row mistakes[] = {
	/* grammar, which libconfig reads */
	{ __LINE__, "workers = 1;\nroutes = (\n  { path = \"/\"; },\n);\n",
	  "t.cfg:4: syntax error; a comma stands between elements only; take "
	  "out the one before \")\"" ENDS, "the comma that JavaScript allows" },
	{ __LINE__, "log = { file = \"x;\n};\nworkers = 1;\n",
	  "t.cfg:4: syntax error; the string that begins in line 1 has no "
	  "closing quote" ENDS, "it is libconfig that says line 4" },
	{ __LINE__, "\xef\xbb\xbfworkers = 1;\n",
	  "t.cfg:1: syntax error; the file begins with a byte order mark; "
	  "save it without" ENDS, "nobody sees it in an editor" },
	{ __LINE__, "listen 3000;\n",
	  "t.cfg:1: syntax error; is a quote, a bracket, = or ; missing, here "
	  "or in the line before?" ENDS, "nginx's grammar" },
	{ __LINE__, "{ \"workers\": 1 }\n",
	  "t.cfg:1: syntax error; this is no JSON: settings are written name "
	  "= value; without { } around them" ENDS, "JSON" },
	{ __LINE__, "error_detail = 'all';\n",
	  "t.cfg:1: syntax error; strings stand in double quotes" ENDS,
	  "JavaScript's quotes" },
	{ __LINE__, "workers = ${N:-1};\n",
	  "t.cfg:1: syntax error; a variable stands in a string: "
	  "\"${NAME}\"" ENDS, "a variable as it is" },
	{ __LINE__, "timeouts.handshake = \"5s\";\n",
	  "t.cfg:1: syntax error; a setting stands within its group: group = "
	  "{ setting = value; };" ENDS, "as the manual names it" },
	{ __LINE__, "@include more.cfg\n",
	  "t.cfg:1: syntax error; @include stands in a line of its own, with "
	  "the path in quotes" ENDS, "no quotes" },
	{ __LINE__, "\nworkers = 1; /* for now\npool_size = 5;\n",
	  "t.cfg:2: the comment that begins here is never closed; end it with "
	  "*/\n", "libconfig takes the rest for a comment" },
	{ __LINE__, "workers = 1; /*/ pool_size = 5; /",
	  "t.cfg:1: the comment that begins here is never closed; end it with "
	  "*/\n", "one slash does not end what it began" },
	{ __LINE__, "workers = 1; /*/",
	  "t.cfg:1: the comment that begins here is never closed; end it with "
	  "*/\n", "nor at the end" },
	{ __LINE__, "workers = 1;\nworkers = 2;\n",
	  "t.cfg:2: duplicate setting name; each can stand only once in its "
	  "group" ENDS, "twice the same" },
	{ __LINE__, "trusted_proxies = [ \"::1\", 2 ];\n",
	  "t.cfg:1: mismatched element type in array; elements of several "
	  "types stand in ( ), not in [ ]" ENDS, "an array of several types" },
	{ __LINE__, "workers = 1; @include \"x\"\n",
	  "t.cfg:1: ./x: No such file or directory; @include looks in the "
	  "folder of the main file\n", "include, anywhere" },
	{ __LINE__, "@include \".\"\n",
	  "t.cfg:1: ./. is no file but a folder; name the file itself\n",
	  "at which libconfig would end the process" },
	{ __LINE__, "\n@include \"/etc/passwd\"\n",
	  "t.cfg:2: @include takes a path relative to the folder of the main "
	  "file, .\n", "libconfig would look for it below the folder" },
	{ __LINE__, "@include \"t.cfg\"\n",
	  "./t.cfg:1: ./t.cfg is included more than 10 deep; does it include "
	  "itself?\n", "without end" },
	{ __LINE__, "# @include \".\"\n/* 9999999999 */ // 9999999999\n"
		    "log = { file = \"9999999999\"; };\nx = 1;\n",
	  "t.cfg:4: unknown setting \"x\"; bowsprit.cfg(5) lists those there "
	  "are\n", "comments and strings are no numbers" },
	{ __LINE__, "pool_size = 4294967297;\n",
	  "t.cfg:1: 4294967297 is too large; whole numbers go up to "
	  "2147483647\n", "libconfig would read it as 1" },
	{ __LINE__, "pool_size = 0x100000001;\n",
	  "t.cfg:1: 0x100000001 is too large; whole numbers go up to "
	  "2147483647\n", "in hex too" },
	{ __LINE__, "pool_size = -4294967295;\n",
	  "t.cfg:1: -4294967295 is too large; whole numbers go up to "
	  "2147483647\n", "as 1 again" },
	{ __LINE__, "pool_size = 4294967297L;\n",
	  "t.cfg:1: pool_size must be a number from 0 to 65536, not "
	  "4294967297\n", "a long one does not wrap, but is too large" },

	/* names */
	{ __LINE__, "worker = 1;\n",
	  "t.cfg:1: unknown setting \"worker\"; did you mean \"workers\"?\n",
	  "mistyped" },
	{ __LINE__, "timeouts = { handshke = \"3s\"; };\n",
	  "t.cfg:1: unknown setting \"handshke\"; did you mean "
	  "\"handshake\"?\n", "mistyped in a group" },
	{ __LINE__, "handshake = \"3s\";\n",
	  "t.cfg:1: unknown setting \"handshake\"; it belongs in the file, "
	  "under timeouts\n", "not in its group" },
	{ __LINE__, "log = { workers = 1; };\n",
	  "t.cfg:1: unknown setting \"workers\"; it stands by itself, in no "
	  "group\n", "in a group, but has none" },
	{ __LINE__, "proxy_read_timeout = \"3600s\";\n",
	  "t.cfg:1: unknown setting \"proxy_read_timeout\"; here: tunnel_idle "
	  "(tunnels) or response (HTTP), both in timeouts\n", "nginx's word" },
	{ __LINE__, "proxy_read_timout = \"3600s\";\nChangeorigin = true;\n",
	  "t.cfg:1: unknown setting \"proxy_read_timout\"; did you mean "
	  "\"proxy_read_timeout\"? here: tunnel_idle (tunnels) or response "
	  "(HTTP), both in timeouts\n"
	  "t.cfg:2: unknown setting \"Changeorigin\"; did you mean "
	  "\"changeOrigin\"? here: change_origin\n", "mistyped" },
	{ __LINE__, "backends = { n = { target = \"http://n:1\"; servers = "
		    "( \"http://n:1\" ); }; };\n",
	  "t.cfg:1: unknown setting \"target\"; here: a route's backend, or "
	  "servers in backends\n", "http-proxy's word" },

	{ __LINE__, "tls = { };\nlimits = 1;\nallowed_origins = ( );\n",
	  "t.cfg:1: unknown setting \"tls\"; here: certificate and key, in "
	  "listeners\n"
	  "t.cfg:2: limits" LATER
	  "t.cfg:3: allowed_origins" LATER,
	  "for a later version" },
	{ __LINE__, "routes = ( { path = \"/x\"; backend = \"http://a\";\n"
		    "proxy_protocol = true; } );\n",
	  "t.cfg:2: unknown setting \"proxy_protocol\"; it belongs in the "
	  "file, under listeners\n", "a listener's in a route" },
	{ __LINE__, "routes = ( { path = \"/x\"; backend = \"http://a\";\n"
		    "limits = 5;\nallowed_origins = 1; } );\n",
	  "t.cfg:2: limits" LATER "t.cfg:3: allowed_origins" LATER,
	  "the same in a route" },

	/* values */
	{ __LINE__, "timeouts = { header = 10; };\n",
	  "t.cfg:1: header = 10 has no unit; write \"10s\" or \"10ms\"\n",
	  "seconds or milliseconds?" },
	{ __LINE__, "timeouts = { header = \"10\"; };\n",
	  "t.cfg:1: header = 10 has no unit; write \"10s\" or \"10ms\"\n",
	  "the same in a string" },
	{ __LINE__, "timeouts = { header = -1; };\n",
	  "t.cfg:1: header must be a time such as \"30s\", \"500ms\", \"5m\" "
	  "or \"1h\", or 0 for never, not -1\n", "nginx's never" },
	{ __LINE__, "timeouts = { header = true; stall = \"1x\"; };\n",
	  "t.cfg:1: header must be a time such as \"30s\", \"500ms\", \"5m\" "
	  "or \"1h\", or 0 for never, not true\n"
	  "t.cfg:1: stall must be a time such as \"30s\", \"500ms\", \"5m\" "
	  "or \"1h\", or 0 for never, not \"1x\"\n", "both of a line" },
	{ __LINE__, "workers = 1.5;\n",
	  "t.cfg:1: workers must be a number from 0 to 1024, not a group, "
	  "list or fraction\n", "a fraction" },
	{ __LINE__, "workers = -1;\n",
	  "t.cfg:1: workers must be a number from 0 to 1024, not -1\n",
	  "below" },
	{ __LINE__, "max_head = \"1\";\n",
	  "t.cfg:1: max_head must be a size such as \"64K\", from 1024 to "
	  "16777216, not \"1\"\n", "no head is that short" },
	{ __LINE__, "log = { level = \"inf\"; };\n",
	  "t.cfg:1: level must be one of \"debug\", \"info\", \"warn\", "
	  "\"error\", not \"inf\"; did you mean \"info\"?\n", "mistyped" },
	{ __LINE__, "log = { level = 3; file = 1; };\n",
	  "t.cfg:1: level must be one of \"debug\", \"info\", \"warn\", "
	  "\"error\", not 3\n"
	  "t.cfg:1: file must be a string, not 1\n", "numbers" },
	{ __LINE__, "log = 5;\n",
	  "t.cfg:1: here a group is wanted: name = { setting = value; };\n",
	  "no group" },
	{ __LINE__, "workers = \"${BS_UNSET}\";\n",
	  "t.cfg:1: ${BS_UNSET} is not set in the environment; set it, or "
	  "write ${BS_UNSET:-default}\n", "a variable that is not set" },
	{ __LINE__, "websocket = { ping_interval = 20; ping = \"server\"; };\n",
	  "t.cfg:1: ping_interval = 20 has no unit; write \"20s\" or "
	  "\"20ms\"\n"
	  "t.cfg:1: ping must be one of \"client\", \"backend\", \"both\", "
	  "not \"server\"\n", "pings" },
	{ __LINE__, "admin = { listen = \"127.0.0.1:3080\"; };\n",
	  "t.cfg:1: listen is not built yet in this version; leave it out, or "
	  "write \"\"\n", "for a later version" },
	{ __LINE__, "admin = { socket = \"run/x.sock\"; };\n",
	  "t.cfg:1: socket must be \"auto\", \"none\" or a path such as "
	  "\"/run/bowsprit/admin.sock\", of at most 107 bytes, not "
	  "\"run/x.sock\"\n", "no path from the root" },
	{ __LINE__, "trusted_proxies = ( \"10.0.0.0/33\", 5 );\n",
	  "t.cfg:1: \"10.0.0.0/33\" is no address or network; write "
	  "\"10.0.0.5\" or \"10.0.0.0/8\"\n"
	  "t.cfg:1: an address or network is a string: \"10.0.0.0/8\"\n",
	  "no network" },
	{ __LINE__, "trusted_proxies = \"10.0.0.0/8\";\n",
	  "t.cfg:1: trusted_proxies is a list: trusted_proxies = ( "
	  "\"10.0.0.0/8\" )\n", "no list" },

	/* headers */
	{ __LINE__, "set_headers = ( \"X-A secret\", 5, \"X A: secret\",\n"
		    "\"X-A: \", \"X-A: secret\\nc\" );\n",
	  "t.cfg:1: \"X-A…\" is no header; write \"Name: value\"\n"
	  "t.cfg:1: set_headers must be a list of strings, not 5\n"
	  "t.cfg:1: \"X A\" is no header's name; one has letters, digits and "
	  "\"-\"\n"
	  "t.cfg:2: X-A has no value; to take it out, name it among those to "
	  "be removed\n"
	  "t.cfg:2: the value of X-A has a line break or another control "
	  "character; leave it out\n", "what is no header" },
	{ __LINE__, "set_headers = \"host: a\";\n"
		    "remove_headers = ( \"Content_Length\" );\n"
		    "set_response_headers = [ \"Connection: close\" ];\n"
		    "routes = ( { path = \"/x\"; backend = \"http://a\";\n"
		    "remove_response_headers = ( \"Upgrade\", "
		    "\"Sec-WebSocket-Protocol\" ); } );\n",
	  "t.cfg:1: host cannot be set or removed: it has a setting of its "
	  "own: change_origin\n"
	  "t.cfg:2: Content_Length cannot be set or removed: it says where a "
	  "body ends, and must stay as it came\n"
	  "t.cfg:3: Connection cannot be set or removed: it is the business "
	  "of each connection, and bowsprit's own\n"
	  "t.cfg:5: Upgrade cannot be set or removed: it is the business of "
	  "each connection, and bowsprit's own\n"
	  "t.cfg:5: Sec-WebSocket-Protocol cannot be set or removed: it "
	  "belongs to the handshake of browser and server\n",
	  "by which messages are framed and handshakes made" },

	/* listeners */
	{ __LINE__, "listeners = ( );\n",
	  "bowsprit: t.cfg: listeners is empty: nobody could connect; add { "
	  "port = 3000; }\n", "none" },
	{ __LINE__, "listeners = ( { port = 0; }, 5, { prot = 1; } );\n",
	  "t.cfg:1: port must be a number from 1 to 65535, not 0\n"
	  "t.cfg:1: here a group is wanted: { address = \"localhost\"; port = "
	  "3000; }\n"
	  "t.cfg:1: unknown setting \"prot\"; did you mean \"port\"?\n",
	  "each is told once" },
	{ __LINE__, "listeners = ( { port = 1; },\n \"localhost:1\" );\n",
	  "t.cfg:2: localhost:1 is listened on already by t.cfg:1; leave one "
	  "out\n", "twice the same" },
	{ __LINE__, "listeners = ( { address = \"*\"; port = 1; },\n"
		    "\"10.0.0.1:1\" );\n",
	  "t.cfg:2: 10.0.0.1:1 is listened on already by t.cfg:1; leave one "
	  "out\n", "every address is that one, too" },

	{ __LINE__, "listeners = ( { address = \"unix:/x\"; mode = 689; },\n"
		    "{ port = 1; mode = \"0660\"; },\n"
		    "{ address = \"unix:/y\"; port = 1; },\n"
		    "{ address = \"unix:/z\"; mode = \"rw\"; } );\n",
	  "t.cfg:4: mode must be a number from 1 to 777, not \"rw\"\n"
	  "t.cfg:1: mode must be octal digits such as \"0660\", not 689\n"
	  "t.cfg:2: mode is for unix sockets; leave it out\n"
	  "t.cfg:3: a unix socket has no port; leave it out\n",
	  "what belongs to a file, and what does not" },
	{ __LINE__, "listeners = ( \"unix:/x\", { address = \"unix:/x\"; "
		    "mode = 600; } );\n",
	  "t.cfg:1: unix:/x is listened on already by t.cfg:1; leave one "
	  "out\n", "twice the same path" },

	{ __LINE__, "listeners = ( { port = 1; owner = \"root\"; },\n"
		    "{ port = 2; group = \"root\"; },\n"
		    "{ address = \"unix:/x\"; owner = \"no body\"; },\n"
		    "{ address = \"unix:/y\"; group = \"4294967295\"; } );\n",
	  "t.cfg:1: owner is for unix sockets; leave it out\n"
	  "t.cfg:2: group is for unix sockets; leave it out\n"
	  "t.cfg:3: there is no user \"no body\"; write one of /etc/passwd, "
	  "or a number\n"
	  "t.cfg:4: there is no group \"4294967295\"; write one of "
	  "/etc/group, or a number\n", "whose a file is" },
	{ __LINE__, "listeners = ( \"unix:/x\" );\n"
		    "routes = ( { path = \"/\"; backend = \"unix:/x:/y\"; } "
		    ");\n",
	  "t.cfg:2: backend unix:/x is our own listener unix:/x: requests "
	  "would go round in circles; give one of them another path\n",
	  "a path that is ours" },

	/* TLS to backends */
	{ __LINE__, "backends = { a = { servers = ( \"https://a\" );\n"
		    "key = \"/k\"; };\n"
		    "b = { servers = ( \"http://b\" ); ca = \"/c\"; };\n"
		    "c = { servers = ( \"https://c\" ); ca = \"/c\";"
		    " tls_verify = false; };\n"
		    "d = { servers = ( \"unix:/d\" ); tls_verify = false; };\n"
		    "};\n",
	  "t.cfg:1: key is that of certificate; write both, or leave it out\n"
	  "t.cfg:3: ca is for backends with TLS; write https://, or leave it "
	  "out\n"
	  "t.cfg:4: ca says whom to trust, and tls_verify = false that anybody "
	  "is; leave one of them out\n"
	  "t.cfg:5: tls_verify is for backends with TLS; write https://, or "
	  "leave it out\n", "what belongs to TLS, and to what else" },
	{ __LINE__, "backends = { a = { servers = ( \"https://a\" ); }; };\n"
		    "routes = ( { path = \"/a\"; backend = \"a\";\n"
		    " ca = \"/c\"; } );\n",
	  "t.cfg:2: tls_verify, ca, certificate and key of \"a\" are for all "
	  "its routes; write them in backends\n", "a route of a named one" },

	/* backends and routes */
	{ __LINE__, "backends = { n = { }; m = 5; };\n",
	  "t.cfg:1: here a group is wanted: next = { servers = ( "
	  "\"http://127.0.0.1:3001\" ); };\n"
	  "t.cfg:1: backend \"n\" has no server; write servers = ( "
	  "\"http://127.0.0.1:3001\" );\n", "no server" },
	{ __LINE__, "backends = { n = { servers = ( \"http://a\", \"http://b\""
		    " ); }; };\n",
	  "t.cfg:1: backend \"n\": several servers come with a later version; "
	  "write one\n", "for a later version" },
	{ __LINE__, "backends = { n = { servers = ( \"http://a/x\" ); }; };\n",
	  "t.cfg:1: \"http://a/x\": a server has no path; write the whole URL "
	  "as the route's backend\n", "a path" },
	{ __LINE__, "backends = { n = { servers = ( 5 ); }; };\n"
		    "routes = ( { path = \"/x\"; backend = \"n\"; } );\n",
	  "t.cfg:1: a server is a string: \"http://127.0.0.1:3001\"\n",
	  "that it is unknown then would be wrong" },
	{ __LINE__, "backends = { n = { servers = \"http://a\"; }; };\n",
	  "t.cfg:1: servers is a list: servers = ( \"http://127.0.0.1:3001\" )"
	  "\n", "no list" },
	{ __LINE__, "backends = { next = { servers = ( \"http://n:1\" ); }; };"
		    "\nroutes = ( { path = \"/x\"; backend = \"nxet\"; } );\n",
	  "t.cfg:2: unknown backend \"nxet\"; did you mean \"next\"?\n",
	  "mistyped" },
	{ __LINE__, "routes = ( { path = \"/x\"; backend = \"n:1\"; } );\n",
	  "t.cfg:1: unknown backend \"n:1\"; add it to backends, or write a "
	  "URL such as \"http://127.0.0.1:4000\"\n", "no scheme" },
	{ __LINE__, "routes = ( { backend = \"http://n\"; },\n"
		    "{ path = \"/x\"; } );\n",
	  "t.cfg:1: a route needs a path; write path = \"/**\" for everything"
	  "\nt.cfg:2: route \"/x\" has no backend; write backend = \"name\" "
	  "or a URL\n", "halves" },
	{ __LINE__, "routes = ( { path = \"/x\"; backend = \"${BS_UNSET}\"; } "
		    ");\n",
	  "t.cfg:1: ${BS_UNSET} is not set in the environment; set it, or "
	  "write ${BS_UNSET:-default}\n", "not that it is missing as well" },
	{ __LINE__, "routes = ( { path = \"/x\"; backend = \"http://a\"; },\n"
		    "{ path = \"/x\"; backend = \"http://b\"; } );\n",
	  "t.cfg:2: \"/x\" matches the same as \"/x\" of t.cfg:1; take one of "
	  "them out, or make one upgrade = \"websocket\"\n", "two equal" },
	{ __LINE__, "listeners = ( { port = 3000; } );\n"
		    "backends = { n = { servers = ( \"http://localhost:3000\" "
		    "); }; };\nroutes = ( { path = \"/**\"; backend = \"n\"; }"
		    " );\n",
	  "t.cfg:2: backend http://localhost:3000 is our own listener "
	  "localhost:3000: requests would go round in circles; give one of "
	  "them another port\n", "a circle" },
};

static void
mistakes_are_told(void **state)
{
	(void)state;
	unsetenv("BS_UNSET");
	for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
		const struct mistake_row *r = &mistakes[i];
		struct conf *c = case_read_text(r->text);

		ROW_CHECK(r, !c, "taken");
		ROW_CHECK(r, strcmp(case_said, r->said) == 0, "%s",
			  case_said);
		conf_unref(c);
	}
	rows_end();
}

/* Reads a text that must be good. */
static struct conf *
good(const char *text)
{
	struct conf *c = case_read_text(text);

	if (!c || *case_said)
		fail_msg("%s", case_said);
	return c;
}

static void
a_whole_file(void **state)
{
	struct conf *c;

	(void)state;
	setenv("BS_PORT", "4040", 1);
	c = good("listeners = ( { address = \"::1\"; port = \"${BS_PORT}\"; },"
		 "  { address = \"*\"; }, \"10.0.0.1:80\" );\n"
		 "backends = {\n"
		 "  next = { servers = ( \"http://127.0.0.1:3001\" ); };\n"
		 "  novnc = { servers = ( \"http://10.0.0.5:4000\" );"
		 "            change_origin = \"yes\"; };\n"
		 "};\n"
		 "routes = (\n"
		 "  { path = \"/**\"; backend = \"next\"; },\n"
		 "  { name = \"novnc\"; path = \"/vm/{id}/websock\";"
		 "    upgrade = \"websocket\"; backend = \"novnc\"; },\n"
		 "  { path = \"/x\"; backend = \"novnc\";"
		 "    change_origin = false; verify_accept = false; }\n"
		 ");\n"
		 "timeouts = { header = \"1s\"; tunnel_idle = \"2h\";"
		 "  stall = 0; boot = \"500ms\"; resolve = \"1m\"; };\n"
		 "log = { format = \"json\"; level = \"warn\";"
		 "  access = \"errors\"; file = \"/var/log/b\"; };\n"
		 "trusted_proxies = ( \"10.0.0.0/8, 192.168.0.1\" );\n"
		 "error_detail = \"none\"; max_head = \"1M\"; pool_size = 7;"
		 "workers = \"3\";\n");
	assert_int_equal(c->nlisteners, 3);
	assert_string_equal(c->listeners[0].host, "::1");
	assert_int_equal(c->listeners[0].port, 4040);
	assert_null(c->listeners[1].host);
	assert_int_equal(c->listeners[1].port, 3000);
	assert_string_equal(c->listeners[2].host, "10.0.0.1");
	assert_int_equal(c->listeners[2].where.line, 1);

	assert_int_equal(c->nroutes, 3);
	assert_string_equal(c->routes[0].name, "/x");
	assert_string_equal(c->routes[1].name, "novnc");
	assert_string_equal(c->routes[2].name, "/**");
	assert_false(c->routes[0].change_origin);
	assert_false(c->routes[0].verify_accept);
	assert_int_equal(c->routes[0].takes, TAKES_BOTH);
	assert_true(c->routes[1].change_origin);
	assert_int_equal(c->routes[1].takes, TAKES_UPGRADES);
	assert_string_equal(c->routes[1].backend->server.host_port,
			    "10.0.0.5:4000");
	assert_int_equal(c->routes[1].where.line, 8);
	assert_string_equal(c->routes[1].where.file, CASE_FILE);
	assert_int_equal(c->routes[2].takes, TAKES_NEXT);

	assert_int_equal(c->timeouts.header, 1000);
	assert_int_equal(c->timeouts.tunnel_idle, 7200000);
	assert_int_equal(c->timeouts.stall, 0);
	assert_int_equal(c->timeouts.boot, 500);
	assert_int_equal(c->timeouts.resolve, 60000);
	assert_int_equal(c->timeouts.drain, 8000);
	assert_int_equal(c->log_format, LOG_JSON);
	assert_int_equal(c->log_level, LOG_WARN);
	assert_int_equal(c->log_access, ACCESS_ERRORS);
	assert_string_equal(c->log_file, "/var/log/b");
	assert_int_equal(c->ntrusted, 2);
	assert_int_equal(c->trusted[0].prefix, 8);
	assert_int_equal(c->trusted[1].prefix, 32);
	assert_int_equal(c->error_detail, DETAIL_NONE);
	assert_int_equal(c->max_head, 1048576);
	assert_int_equal(c->pool_size, 7);
	assert_int_equal(c->workers, 3);
	conf_unref(c);
}

static void
an_empty_address_is_localhost(void **state)
{
	static const struct {
		int line;
		const char *text;
		unsigned port;
		const char *why;
	} rows[] = {
		{ __LINE__, "listeners = ( { address = \"\"; } );", 3000,
		  "no port either" },
		{ __LINE__, "listeners = ( { address = \"\"; port = 80; } );",
		  80, "not :80" },
		{ __LINE__, "listeners = ( { address = \"${BS_EMPTY:-}\";"
			    " port = 80; } );", 80, "an empty default" },
		{ __LINE__, "listeners = ( { address = \"${BS_EMPTY}\";"
			    " port = 80; } );", 80, "set, but empty" },
		{ __LINE__, "listeners = ( \"${BS_EMPTY}\" );", 3000,
		  "a string" },
	};

	(void)state;
	setenv("BS_EMPTY", "", 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf *c = good(rows[i].text);
		const char *host = c->listeners[0].host;

		ROW_CHECK(&rows[i], host && strcmp(host, "localhost") == 0,
			  "%s", host ? host : "every address");
		ROW_CHECK(&rows[i], c->listeners[0].port == rows[i].port,
			  "%u", c->listeners[0].port);
		conf_unref(c);
	}
	rows_end();
}

static void
a_file_that_we_may_not_read(void **state)
{
	uid_t user = geteuid();
	struct conf *c;

	(void)state;
	case_write(CASE_FILE, "");
	assert_int_equal(chmod(CASE_FILE, 0), 0);
	if (user == 0) /* whom nothing is refused */
		assert_int_equal(seteuid(65534), 0);
	c = case_read((const char *[]){ "-c", CASE_FILE, NULL },
		      &(enum conf_action){ CONF_RUN });
	assert_int_equal(seteuid(user), 0);
	unlink(CASE_FILE);
	assert_null(c);
	assert_string_equal(case_said, "bowsprit: --config: t.cfg: Permission "
			    "denied; let this user read it, and enter its "
			    "folder\n");
}

static void
a_url_takes_only_the_place_of_a_backend(void **state)
{
	struct conf *c = good(
		"backends = { n = { servers = ( \"http://n:1\" );"
		"                   change_origin = true; }; };\n"
		"routes = ( { path = \"/a\"; backend = \"n\"; },\n"
		"  { path = \"/b\"; backend = \"http://n:1\"; } );\n");

	(void)state;
	assert_ptr_equal(c->routes[0].backend, c->routes[1].backend);
	assert_true(c->routes[0].change_origin);
	assert_false(c->routes[1].change_origin);
	conf_unref(c);
}

static void
an_included_file(void **state)
{
	struct conf *c;

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	case_write("d/t.cfg", "workers = 2;\n  @include \"more.cfg\"\n");
	case_write("d/more.cfg", "\npool_size = 5;\nx = 1;\n");
	c = case_read((const char *[]){ "-c", "d/t.cfg", NULL },
		      &(enum conf_action){ CONF_RUN });
	assert_null(c);
	assert_string_equal(case_said, "more.cfg:3: unknown setting \"x\"; "
			    "bowsprit.cfg(5) lists those there are\n");
	case_write("d/more.cfg", "\npool_size = 5;\n");
	c = case_read((const char *[]){ "-c", "d/t.cfg", NULL },
		      &(enum conf_action){ CONF_RUN });
	assert_non_null(c);
	assert_int_equal(c->pool_size, 5);
	assert_int_equal(c->workers, 2);
	conf_unref(c);
	unlink("d/more.cfg");
	unlink("d/t.cfg");
	rmdir("d");
}

static void
a_test_explains(void **state)
{
	struct conf *c = good(
		"listeners = ( { address = \"*\"; },"
		"  { address = \"unix:/run/x\"; mode = 600;"
		"    owner = \"root\"; group = \"7\";"
		"    proxy_protocol = true; } );\n"
		"backends = { spare = { servers = ( \"http://s:1\" ); }; };\n"
		"routes = ( { path = \"/api/\"; backend = \"http://a:1\"; },\n"
		"  { path = \"/v/**\"; backend = \"https://v/x\";"
		"    tls_verify = false; certificate = \"/c\"; },\n"
		"  { name = \"vm\"; path = \"/w/{id}\";"
		"    upgrade = \"websocket\";"
		"    backend = \"http://w/{id}\"; change_origin = true;"
		"    stall = \"5s\"; ping = \"client\"; max_tunnels = \"7\";"
		"    ping_timeout = \"9s\"; set_headers = \"X-A: b\";"
		"    remove_response_headers = ( \"Server\" ); },\n"
		"  { path = \"/p/{n}\"; backend = \"http://10.0.0.1:{n}\";"
		"    allowed_targets = ( \"10.0.0.1:80\", \"10.0.0.1:90-99\""
		"    ); },\n"
		"  { path = \"/:id\"; backend = \"unix:/a:/b\";"
		"    change_origin = true; send_proxy = \"v2\"; } );\n"
		"websocket = { ping_interval = \"30s\"; };\n"
		"timeouts = { handshake = \"90s\"; connect = \"2m\";"
		"  response = \"0\"; drain = \"30s\"; };\n");
	struct catch caught = case_catch(stdout);

	(void)state;
	conf_explain(c);
	case_caught(&caught);
	conf_unref(c);
	assert_string_equal(case_said,
"configuration: t.cfg\n"
"\n"
"listeners\n"
"  http://*:3000  (t.cfg:1)\n"
"  unix:/run/x, mode 0600, owner 0, group 7, after a PROXY header  "
"(t.cfg:1)\n"
"\n"
"routes, in the order tried\n"
"  /api/    requests and upgrades             http://a:1  (t.cfg:3)\n"
"  /:id     requests and upgrades             unix:/a:/b, "
"Host: localhost, PROXY header v2  (t.cfg:7)\n"
"  /w/{id}  upgrades                          http://w:80/{id}, Host: w, "
"stall 5s, ping_timeout 9s, ping client, max_tunnels 7, sets X-A, response removes Server, name: vm  (t.cfg:5)\n"
"  /p/{n}   requests and upgrades             http://10.0.0.1:{n}, only "
"10.0.0.1:80 or 10.0.0.1:90-99  (t.cfg:6)\n"
"  /v/**    requests and upgrades             https://v:443/x, certificate "
"not verified, certificate of ours /c  (t.cfg:4)\n"
"  /**      requests, upgrades below /_next/  http://127.0.0.1:3001  "
"(default)\n"
"\n"
"times, at most\n"
"  a client that sends nothing is closed        1m25s "
"(client_keepalive 1m15s + header 10s)\n"
"  an upgrade is answered                       1m30s "
"(handshake, connecting included)\n"
"  a request's answer begins                    never "
"(connect 2m + response never)\n"
"  a peer takes nothing of what waits for it    1m (stall)\n"
"  a tunnel is silent                           never (tunnel_idle)\n"
"  a side of it that is gone is noticed         50s "
"(ping_interval 30s + ping_timeout 20s)\n"
"  a tunnel lives                               never (tunnel_lifetime)\n"
"  after one side of a tunnel has ended         5m (half_close)\n"
"  after SIGTERM we are gone                    30s (drain)\n"
"\n"
"remarks\n"
"  t.cfg:3: '/api/' matches only itself; did you mean '/api/**'?\n"
"  t.cfg:7: '/:id' matches ':id' or '[id]' as it is; did you mean "
"'{id}'?\n"
"  t.cfg:4: all of '/v/**' goes to the one path '/x'; did you mean "
"'/x/{**}'?\n"
"  t.cfg:4: https://v:443 is asked with the client's own Host; if it knows "
"itself as v only, add change_origin\n"
"  t.cfg:4: nobody makes sure that https://v:443 is who it says: with "
"tls_verify = false whoever is in between can read and change all\n"
"  t.cfg:2: no route uses backend \"spare\"\n"
"  t.cfg: connect is longer than handshake, which covers it for upgrades\n"
"  t.cfg: drain is 10s or more: docker stop kills after 10s unless told "
"otherwise\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_told),
		cmocka_unit_test(a_whole_file),
		cmocka_unit_test(an_empty_address_is_localhost),
		cmocka_unit_test(a_file_that_we_may_not_read),
		cmocka_unit_test(a_url_takes_only_the_place_of_a_backend),
		cmocka_unit_test(an_included_file),
		cmocka_unit_test(a_test_explains),
	};

	return cmocka_run_group_tests(tests, case_setup, case_teardown);
}
