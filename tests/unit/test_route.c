/* SPDX-License-Identifier: ISC */
/*
 * test_route.c: which route a request takes, and what its backend is asked.
 */
#include "conf_case.h"

#include "base/buf.h"

static const char routes[] =
	"routes = (\n"
	"  { name = \"all\"; path = \"/**\"; backend = \"http://h:1\"; },\n"
	"  { name = \"api\"; path = \"/api/**\"; backend = \"http://h:2\"; },\n"
	"  { name = \"vm\"; path = \"/vm/{id}/ws\"; upgrade = \"websocket\";"
	"    backend = \"http://h:3/{id}/sock\"; },\n"
	"  { name = \"io\"; path = \"/io\"; backend = \"http://h:4\"; },\n"
	"  { name = \"io-ws\"; path = \"/io\"; upgrade = \"websocket\";"
	"    backend = \"http://h:5\"; },\n"
	"  { name = \"plain\"; path = \"/plain\"; upgrade = \"none\";"
	"    backend = \"http://h:6\"; },\n"
	"  { name = \"admin\"; path = \"admin.example.com/**\";"
	"    backend = \"http://h:7\"; }\n"
	");\n";

struct find_row {
	int line;
	const char *host, *path;
	bool is_upgrade;
	const char *name; /* NULL: nobody takes it */
	const char *why;
};

static const struct find_row finds[] = {
	{ __LINE__, "h", "/", false, "all", "what nobody else takes" },
	{ __LINE__, "h", "/api/x", false, "api", "the longer literal" },
	{ __LINE__, "h", "/api/x", true, "api", "both, by default" },
	{ __LINE__, "h", "/api", false, "all", "/api/** is below /api/" },
	{ __LINE__, "h", "/vm/7/ws", true, "vm", "upgrades only" },
	{ __LINE__, "h", "/vm/7/ws", false, "all", "a request goes on" },
	{ __LINE__, "h", "/io", true, "io-ws", "upgrades only comes first" },
	{ __LINE__, "h", "/io", false, "io", "the rest of the same path" },
	{ __LINE__, "h", "/plain", false, "plain", "no upgrades" },
	{ __LINE__, "h", "/plain", true, NULL, "and nobody behind it" },
	{ __LINE__, "h", "/_next/hmr", true, "all", "Next 16's own" },
	{ __LINE__, "h", "/_next/webpack-hmr", true, "all", "Next 15's own" },
	{ __LINE__, "h", "/_nextish", true, NULL, "not below /_next/" },
	{ __LINE__, "h", "/ws", true, NULL, "Next would leave it hanging" },
	{ __LINE__, "admin.example.com", "/ws", true, "admin",
	  "with a host /** is for all" },
	{ __LINE__, "admin.example.com", "/api/x", false, "admin",
	  "a host comes before none" },
};

static void
a_request_finds_its_route(void **state)
{
	struct conf *c = case_read_text(routes);

	(void)state;
	if (!c)
		fail_msg("%s", case_said);
	for (size_t i = 0; i < ARRAY_LEN(finds); i++) {
		const struct find_row *f = &finds[i];
		const struct conf_route *r =
			route_find(c, slice_str(f->host), slice_str(f->path),
				   f->is_upgrade, NULL);

		ROW_CHECK(f, !r == !f->name &&
			     (!r || strcmp(r->name, f->name) == 0),
			  "%s: %s", f->path, r ? r->name : "nobody");
	}
	conf_unref(c);
	rows_end();
}

struct nearest_row {
	int line;
	const char *path;
	const char *name;
	const char *why;
};

static const struct nearest_row nearests[] = {
	{ __LINE__, "/vm/7/wss", "vm", "one letter too many" },
	{ __LINE__, "/i", "io-ws", "of two, the first tried" },
	{ __LINE__, "/plain", "io-ws", "never one that takes none" },
};

static void
a_refusal_names_the_nearest(void **state)
{
	static const char some[] =
		"routes = (\n"
		"  { name = \"vm\"; path = \"/vm/{id}/ws\"; upgrade ="
		"    \"websocket\"; backend = \"http://h:3\"; },\n"
		"  { name = \"io\"; path = \"/io\"; backend ="
		"    \"http://h:4\"; },\n"
		"  { name = \"io-ws\"; path = \"/io\"; upgrade ="
		"    \"websocket\"; backend = \"http://h:5\"; },\n"
		"  { name = \"plain\"; path = \"/plain\"; upgrade ="
		"    \"none\"; backend = \"http://h:6\"; },\n"
		"  { path = \"/**\"; upgrade = \"next\"; backend ="
		"    \"http://h:1\"; }\n"
		");\n";
	struct conf *c = case_read_text(some);

	(void)state;
	if (!c)
		fail_msg("%s", case_said);
	for (size_t i = 0; i < ARRAY_LEN(nearests); i++) {
		const struct nearest_row *n = &nearests[i];
		const struct conf_route *r =
			route_nearest(c, slice_str(n->path), true);

		ROW_CHECK(n, r && strcmp(r->name, n->name) == 0, "%s: %s",
			  n->path, r ? r->name : "none");
	}
	conf_unref(c);
	rows_end();
}

static void
nothing_is_near_where_nothing_takes_it(void **state)
{
	struct conf *c = case_read_text("");

	(void)state;
	assert_non_null(c);
	assert_null(route_nearest(c, SLICE("/ws"), true));
	assert_non_null(route_nearest(c, SLICE("/ws"), false));
	conf_unref(c);
}

struct target_row {
	int line;
	const char *pattern, *url, *path;
	const char *query; /* NULL: none */
	const char *target;
	const char *why;
};

static const struct target_row targets[] = {
	{ __LINE__, "/vm/{id}/ws", "http://h/s", "/vm/7/ws", NULL, "/s",
	  "replaced" },
	{ __LINE__, "/vm/{id}/ws", "http://h/s/{id}/x", "/vm/7/ws", NULL,
	  "/s/7/x", "a capture" },
	{ __LINE__, "/vm/{id}/ws", "http://h/{id}/{id}", "/vm/a%2Fb/ws", NULL,
	  "/a%2Fb/a%2Fb", "undecoded, and twice" },
	{ __LINE__, "/{a}/{b}", "http://h/{b}/{a}", "/1/2", NULL, "/2/1",
	  "in another order" },
	{ __LINE__, "/api/**", "http://h/v2/{**}", "/api/x/y", NULL, "/v2/x/y",
	  "all that is below" },
	{ __LINE__, "/api/**", "http://h/v2/{**}", "/api/", NULL, "/v2/",
	  "or nothing" },
	{ __LINE__, "/api/**", "http://h/v2/{**}", "/api/x", "?q=1",
	  "/v2/x?q=1", "the request's query follows" },
	{ __LINE__, "/api/**", "http://h/v2/{**}", "/api/x", "?", "/v2/x?",
	  "be it empty" },
	{ __LINE__, "/a", "http://h/x?own=1", "/a", "?q=1", "/x?own=1",
	  "unless the URL has its own" },
	{ __LINE__, "/a", "http://h/x{", "/a", NULL, "/x{",
	  "a brace that is no capture" },
};

static void
a_target_is_filled_in(void **state)
{
	enum conf_action action;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		const struct target_row *t = &targets[i];
		char text[128];
		const char *args[] = { "-r", text, NULL };
		struct captures caps;
		struct buf *out = NULL;
		const struct conf_route *r;
		struct conf *c;

		snprintf(text, sizeof(text), "%s=%s", t->pattern, t->url);
		c = case_read(args, &action);
		if (!c)
			fail_msg("%s", case_said);
		r = route_find(c, SLICE("h"), slice_str(t->path), true, &caps);
		assert_non_null(r);
		assert_non_null(r->target);
		assert_true(route_target(r, &caps, slice_str(t->query), &out));
		ROW_CHECK(t, slice_eq(buf_slice(out), slice_str(t->target)),
			  "%.*s", SLICE_ARG(buf_slice(out)));
		buf_free(&out);
		conf_unref(c);
	}
	rows_end();
}

struct choice_row {
	int line;
	const char *url, *allowed, *path; /* of '/{h}/{p}/ws' */
	const char *text; /* of the server; NULL: refused */
	size_t naddrs;
	const char *why;
};

#define NET "10.0.0.0/24:5900-5999"

static const struct choice_row choices[] = {
	{ __LINE__, "http://{h}:{p}", NET, "/10.0.0.7/5901/ws",
	  "http://10.0.0.7:5901", 1, "in the network" },
	{ __LINE__, "http://{h}:{p}", NET, "/10.0.1.7/5901/ws", NULL, 0,
	  "beside it" },
	{ __LINE__, "http://{h}:{p}", NET, "/10.0.0.7/5899/ws", NULL, 0,
	  "a port too low" },
	{ __LINE__, "http://{h}:{p}", NET, "/10.0.0.7/6000/ws", NULL, 0,
	  "too high" },
	{ __LINE__, "http://{h}:{p}", NET, "/10.0.0.7/71437/ws", NULL, 0,
	  "too high for any, and 5901 in 16 bits" },
	{ __LINE__, "http://{h}:{p}", NET, "/10.0.0.7/5901%20/ws", NULL, 0,
	  "no number" },
	{ __LINE__, "http://{h}:{p}", "10.0.0.0/8", "/10.0.0.7/0/ws", NULL, 0,
	  "no port" },
	{ __LINE__, "http://{h}:80", "10.0.0.0/8", "/10.0.0.7:99/x/ws", NULL,
	  0, "a port that came with the host" },
	{ __LINE__, "http://{h}:80", "10.0.0.0/8", "/a@10.0.0.7/x/ws", NULL, 0,
	  "a user" },
	{ __LINE__, "http://{h}:80", "0.0.0.0/0", "/167772167/x/ws", NULL, 0,
	  "10.0.0.7 as a number" },
	{ __LINE__, "http://{h}:80", "0.0.0.0/0", "/0x7f.1/x/ws", NULL, 0,
	  "loopback as C has it" },
	{ __LINE__, "http://{h}:80", "127.0.0.0/8", "/127.1/x/ws", NULL, 0,
	  "loopback in short" },
	{ __LINE__, "http://{h}:80", "0.0.0.0/0", "/127%2e0.0.1/x/ws", NULL, 0,
	  "nothing is decoded" },
	{ __LINE__, "http://{h}:80", "10.0.0.0/8", "/::ffff:10.0.0.7/x/ws",
	  "http://[::ffff:10.0.0.7]:80", 1, "IPv4 in IPv6 is that address" },
	{ __LINE__, "http://{h}:80", "fd00::/8", "/::ffff:10.0.0.7/x/ws", NULL,
	  0, "and no other" },
	{ __LINE__, "http://{h}:80", "[fd00::]/8:80", "/fd00::1/x/ws",
	  "http://[fd00::1]:80", 1, "IPv6" },
	{ __LINE__, "http://{h}:80", "fd00::/8", "/[fd00::1]/x/ws",
	  "http://[fd00::1]:80", 1, "in brackets" },
	{ __LINE__, "http://{h}:81", "[fd00::]/8:80", "/fd00::1/x/ws", NULL, 0,
	  "at another port" },
	{ __LINE__, "http://10.0.0.{h}:80", "10.0.0.0/28", "/7/x/ws",
	  "http://10.0.0.7:80", 1, "a part of the host" },
	{ __LINE__, "http://10.0.0.{h}:80", "10.0.0.0/28", "/77/x/ws", NULL, 0,
	  "outside" },
	{ __LINE__, "http://{h}:80", "VM1.x:80, vm2.x:81", "/vm1.x/x/ws",
	  "http://vm1.x:80", 0, "a name, which nobody has resolved here" },
	{ __LINE__, "http://{h}:80", "vm1.x:80, vm2.x:81", "/vm2.x/x/ws", NULL,
	  0, "its own port" },
	{ __LINE__, "http://{h}:80", "0.0.0.0/0, vm1.x", "/evil.x/x/ws", NULL,
	  0, "another name, wherever it may lead" },
	{ __LINE__, "http://{h}:3000", "127.0.0.0/8", "/127.0.0.1/x/ws", NULL,
	  0, "ourselves" },
	{ __LINE__, "http://{h}:3000", "0.0.0.0/0", "/0.0.0.0/x/ws", NULL, 0,
	  "ourselves in other words" },
	{ __LINE__, "http://{h}:3002", "127.0.0.0/8", "/127.0.0.1/x/ws",
	  "http://127.0.0.1:3002", 1, "a neighbour" },
};

static void
captures_choose_a_server(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
		const struct choice_row *t = &choices[i];
		struct conf_server *s = NULL;
		enum route_choice choice;
		enum conf_action action;
		struct captures caps;
		const struct conf_route *r;
		struct conf *c;
		char text[160];

		snprintf(text, sizeof(text), "/{h}/{p}/ws=%s "
			 "allowed_targets=\"%s\"", t->url, t->allowed);
		c = case_read((const char *[]){ "-w", text, NULL }, &action);
		if (!c)
			fail_msg("%s", case_said);
		r = route_find(c, SLICE("h"), slice_str(t->path), true, &caps);
		assert_non_null(r);
		assert_true(conf_server_is_open(&r->backend->server));
		choice = route_server(c, r, &caps, &s);
		ROW_CHECK(t, choice == (t->text ? CHOICE_GOOD
						: CHOICE_REFUSED),
			  "%d: %s", choice, s->text);
		if (choice == CHOICE_GOOD && t->text) {
			ROW_CHECK(t, strcmp(s->text, t->text) == 0, "%s",
				  s->text);
			ROW_CHECK(t, s->naddrs == t->naddrs, "%zu",
				  s->naddrs);
			ROW_CHECK(t, !s->naddrs || s->addrs->port == s->port,
				  "%u", s->addrs->port);
		}
		conf_server_free(s);
		conf_unref(c);
	}
	rows_end();
}

/* As main has found them. */
static void
a_name_is_as_good_as_its_addresses(void **state)
{
	static const char text[] =
		"routes = ( { path = \"/{p}\"; backend = \"http://vm:{p}\";"
		"  allowed_targets = ( \"10.0.0.0/24:80\", \"VM:81\" ); } );";
	struct conf *c = case_read_text(text);
	const struct conf_route *r;
	struct conf_server *s;
	struct captures caps;

	(void)state;
	assert_non_null(c);
	r = route_find(c, SLICE("h"), SLICE("/80"), true, &caps);
	c->backends[0]->server.addrs = calloc(2, sizeof(struct addr));
	c->backends[0]->server.naddrs = 2;
	assert_true(addr_parse(&c->backends[0]->server.addrs[0],
			       SLICE("10.0.1.1")));
	assert_true(addr_parse(&c->backends[0]->server.addrs[1],
			       SLICE("10.0.0.1")));
	assert_int_equal(route_server(c, r, &caps, &s), CHOICE_GOOD);
	assert_int_equal(s->naddrs, 1);
	assert_int_equal(s->addrs[0].ip[2], 0);
	assert_int_equal(s->addrs[0].port, 80);
	assert_string_equal(s->host_port, "vm");
	conf_server_free(s);

	assert_ptr_equal(route_find(c, SLICE("h"), SLICE("/81"), true, &caps),
			 r);
	assert_int_equal(route_server(c, r, &caps, &s), CHOICE_GOOD);
	assert_int_equal(s->naddrs, 2);
	assert_string_equal(s->host_port, "vm:81");
	conf_server_free(s);

	c->backends[0]->server.naddrs = 1;
	assert_ptr_equal(route_find(c, SLICE("h"), SLICE("/80"), true, &caps),
			 r);
	assert_int_equal(route_server(c, r, &caps, &s), CHOICE_REFUSED);
	conf_server_free(s);
	conf_unref(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_finds_its_route),
		cmocka_unit_test(a_refusal_names_the_nearest),
		cmocka_unit_test(nothing_is_near_where_nothing_takes_it),
		cmocka_unit_test(a_target_is_filled_in),
		cmocka_unit_test(captures_choose_a_server),
		cmocka_unit_test(a_name_is_as_good_as_its_addresses),
	};

	return cmocka_run_group_tests(tests, case_setup, case_teardown);
}
