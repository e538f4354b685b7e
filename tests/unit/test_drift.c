/* SPDX-License-Identifier: ISC */
/*
 * test_drift.c: the table of settings, the manual, the example and the options
 * say the same; the table is the root.  The manual has every reason as well.
 */
#include "conf_case.h"
#include "source.h"

#include <libconfig.h>

#include "conf/options.h"
#include "conf/setting.h"

/* ---- defaults, as they take effect ---- */

/* Do two trees agree on a setting that lies in struct conf? */
static bool
same_value(const struct setting *s, const struct conf *a, const struct conf *b)
{
	const char *at = (const char *)a + s->offset;
	const char *bt = (const char *)b + s->offset;
	char *x, *y;

	if (s->type != SETTING_TEXT)
		return memcmp(at, bt, s->width) == 0;
	memcpy(&x, at, sizeof(x));
	memcpy(&y, bt, sizeof(y));
	return x == y || (x && y && strcmp(x, y) == 0);
}

static void
etc_has_the_defaults(void **state)
{
	char *text = source_file("etc/bowsprit.cfg.in");
	struct conf *etc = case_read_text(text), *bare = case_read_text("");

	(void)state;
	assert_non_null(etc);
	assert_non_null(bare);
	for (int i = SECTION_TOP; i <= SECTION_ADMIN; i++)
		for (size_t j = 0; j < sections[i].nsettings; j++)
			if (!same_value(&sections[i].settings[j], etc, bare))
				fail_msg("%s", sections[i].settings[j].name);
	assert_int_equal(etc->nlisteners, bare->nlisteners);
	assert_string_equal(etc->listeners[0].host, bare->listeners[0].host);
	assert_int_equal(etc->listeners[0].port, bare->listeners[0].port);
	assert_int_equal(etc->nbackends, bare->nbackends);
	assert_string_equal(etc->backends[0]->server.text,
			    bare->backends[0]->server.text);
	assert_int_equal(etc->nroutes, bare->nroutes);
	assert_string_equal(etc->routes[0].name, bare->routes[0].name);
	assert_int_equal(etc->routes[0].takes, bare->routes[0].takes);
	assert_int_equal(etc->routes[0].change_origin,
			 bare->routes[0].change_origin);
	assert_int_equal(etc->routes[0].verify_accept,
			 bare->routes[0].verify_accept);
	assert_int_equal(etc->ntrusted, bare->ntrusted);
	assert_memory_equal(etc->trusted, bare->trusted,
			    etc->ntrusted * sizeof(*etc->trusted));
	conf_unref(etc);
	conf_unref(bare);
	free(text);
}

/* ---- the example, as it is written ---- */

/* Where a section's settings stand in it. */
static const char *const places[NSECTIONS] = {
	[SECTION_TOP] = "",
	[SECTION_TIMEOUTS] = "timeouts.",
	[SECTION_LOG] = "log.",
	[SECTION_WEBSOCKET] = "websocket.",
	[SECTION_ADMIN] = "admin.",
	[SECTION_LISTENER] = "listeners.[0].",
	[SECTION_BACKEND] = "backends.next.",
	[SECTION_ROUTE] = "routes.[0].",
};

/* Is a value written as the table has the default? */
static bool
is_preset(config_setting_t *s, const struct setting *known)
{
	char number[32];

	switch (config_setting_type(s)) {
	case CONFIG_TYPE_STRING:
		return strcmp(config_setting_get_string(s),
			      known->preset) == 0;
	case CONFIG_TYPE_INT:
		snprintf(number, sizeof(number), "%d",
			 config_setting_get_int(s));
		return strcmp(number, known->preset) == 0;
	case CONFIG_TYPE_BOOL:
		return strcmp(config_setting_get_bool(s) ? "true" : "false",
			      known->preset) == 0;
	default:
		return false;
	}
}

/* Where a comment tells of settings; not all can have a value there. */
static const char *const comments[][2] = {
	[SECTION_LISTENER] = { "# A unix socket", "\n);" },
	[SECTION_BACKEND] = { "# Where requests go", "\nbackends = {" },
	[SECTION_ROUTE] = { "# Who goes there", "\nroutes = (" },
};

static bool
is_in_comment(const char *etc, const char *const comment[2], const char *name)
{
	const char *at = strstr(etc, comment[0]);
	const char *end = strstr(at, comment[1]);
	size_t n = strlen(name);

	while ((at = strstr(at, name)) && at < end) {
		if (at[-1] == ' ' && strchr(" ,\n", at[n]))
			return true;
		at += n;
	}
	return false;
}

static void
the_example_has_every_setting(void **state)
{
	char *etc = source_file("etc/bowsprit.cfg.in"), path[64];
	config_t cfg;

	(void)state;
	config_init(&cfg);
	assert_true(config_read_string(&cfg, etc));
	for (int i = 0; i < NSECTIONS; i++) {
		for (size_t j = 0; j < sections[i].nsettings; j++) {
			const struct setting *known =
				&sections[i].settings[j];
			config_setting_t *s;

			snprintf(path, sizeof(path), "%s%s", places[i],
				 known->name);
			s = config_lookup(&cfg, path);
			if (!s && i < SECTION_LISTENER)
				fail_msg("%s is not in the example", path);
			if ((!s || i == SECTION_ROUTE) &&
			    !is_in_comment(etc, comments[i], known->name))
				fail_msg("%s is not in the comment", path);
			if (s && known->preset && !is_preset(s, known))
				fail_msg("%s is not %s there", path,
					 known->preset);
			if (s && setting_is_list(known))
				assert_int_equal(config_setting_length(s), 0);
		}
	}
	config_destroy(&cfg);
	free(etc);
}

/* ---- the manual ---- */

/* The parts in which a section's settings are. */
static const char *const parts[NSECTIONS][2] = {
	[SECTION_TOP] = { "Headers", "The rest" },
	[SECTION_TIMEOUTS] = { "Times" },
	[SECTION_LOG] = { "Log" },
	[SECTION_WEBSOCKET] = { "WebSocket" },
	[SECTION_ADMIN] = { "Administration" },
	[SECTION_LISTENER] = { "Listeners" },
	[SECTION_BACKEND] = { "Backends" },
	[SECTION_ROUTE] = { "Routes" },
};

/* A copy of a part, from its title to the next one. */
static char *
part_of(const char *manual, const char *title)
{
	char line[64];
	const char *begin, *end, *last;

	snprintf(line, sizeof(line), "\n.Ss %s\n", title);
	begin = strstr(manual, line);
	if (!begin) {
		fail_msg("the manual has no part \"%s\"", title);
		return NULL;
	}
	end = strstr(begin + 1, "\n.Ss ");
	last = strstr(begin, "\n.Sh ");
	end = end && end < last ? end : last;
	return strndup(begin, (size_t)(end + 1 - begin));
}

/* Is it one of the names in an item's line, "a , b , c"? */
static bool
is_listed(const char *item, const char *name)
{
	char *line = strndup(item, strcspn(item, "\n")), *save;
	bool listed = false;

	for (char *word = strtok_r(line, " ,", &save); word;
	     word = strtok_r(NULL, " ,", &save))
		listed |= strcmp(word, name) == 0;
	free(line);
	return listed;
}

/* A copy of the item on a setting, or NULL. */
static char *
item_on(const char *part, const char *name)
{
	const char *item = part, *next, *end;

	while ((item = strstr(item, "\n.It Ic "))) {
		item++;
		if (!is_listed(item, name))
			continue;
		next = strstr(item, "\n.It ");
		end = strstr(item, "\n.El");
		end = next && next < end ? next : end;
		return strndup(item, (size_t)(end + 1 - item));
	}
	return NULL;
}

static void
check_default(const char *item, const struct setting *s)
{
	bool bare = s->type == SETTING_NUMBER || s->type == SETTING_TRUTH;
	const char *quote = bare ? "" : "\\(dq";
	char text[64];

	snprintf(text, sizeof(text), "Default\n.Li %s%s%s .\n", quote,
		 s->preset, quote);
	if (!strstr(item, text))
		fail_msg("%s: the manual does not say: %s", s->name, text);
}

static void
check_words(const char *item, const struct setting *s)
{
	char text[64];

	for (const struct setting_word *w = s->words; w->word; w++) {
		snprintf(text, sizeof(text), "\\(dq%s\\(dq", w->word);
		if (!strstr(item, text))
			fail_msg("%s: the manual has no %s", s->name, text);
	}
}

static void
check_setting(const char *manual, enum section_id section,
	      const struct setting *s)
{
	char group[64], *item = NULL;

	for (size_t k = 0; !item && k < 2 && parts[section][k]; k++) {
		char *part = part_of(manual, parts[section][k]);

		item = item_on(part, s->name);
		free(part);
	}
	if (!item && section == SECTION_TOP && s->type == SETTING_PARTS) {
		snprintf(group, sizeof(group), "\n.Ic %s", s->name);
		if (!strstr(manual, group))
			fail_msg("the manual has no group %s", s->name);
		return;
	}
	if (!item)
		fail_msg("%s %s is not in the manual", sections[section].name,
			 s->name);
	if (s->preset)
		check_default(item, s);
	else if (section != SECTION_LISTENER && strstr(item, "Default\n.Li"))
		assert_int_equal(s->type, SETTING_PARTS);
	if (s->type == SETTING_WORD)
		check_words(item, s);
	free(item);
}

/* Does each name of the part's items stand in the table? */
static void
check_part(const char *manual, enum section_id section, const char *title)
{
	char *part = part_of(manual, title), *name, *save;

	for (char *at = part; (at = strstr(at, "\n.It Ic "));) {
		char *line;

		at += strlen("\n.It Ic ");
		line = strndup(at, strcspn(at, "\n"));
		for (name = strtok_r(line, " ,", &save); name;
		     name = strtok_r(NULL, " ,", &save))
			if (!setting_find(section, name))
				fail_msg("there is no setting %s, though the "
					 "manual has it", name);
		free(line);
	}
	free(part);
}

static void
the_manual_has_every_setting(void **state)
{
	char *manual = source_file("doc/bowsprit.cfg.5");

	(void)state;
	for (int i = 0; i < NSECTIONS; i++) {
		for (size_t j = 0; j < sections[i].nsettings; j++)
			check_setting(manual, (enum section_id)i,
				      &sections[i].settings[j]);
		for (size_t k = 0; k < 2 && parts[i][k]; k++)
			check_part(manual, (enum section_id)i, parts[i][k]);
	}
	free(manual);
}

/* ---- the options ---- */

static unsigned
count(const char *text, const char *part)
{
	unsigned n = 0;

	while ((text = strstr(text, part))) {
		text += strlen(part);
		n++;
	}
	return n;
}

static void
every_option_is_told_of(void **state)
{
	char *source = source_file("src/conf/options.c");
	char *manual = source_file("doc/bowsprit.8");
	char name[32], letter[16], here[64], there[64];
	struct catch caught = case_catch(stdout);
	unsigned n = 0;

	(void)state;
	options_print_help();
	case_caught(&caught);
	for (char *at = strstr(source, " longs[]");
	     sscanf(at = strchr(at, '\n') + 1,
		    " { \"%31[a-z-]\", %*[a-z_], NULL, %15[^ }]", name,
		    letter) == 2; n++) {
		if (letter[0] == '\'') {
			snprintf(here, sizeof(here), "\n  -%c, --%s ",
				 letter[1], name);
			snprintf(there, sizeof(there), "\n.It Fl %c , Fl -%s",
				 letter[1], name);
		} else {
			snprintf(here, sizeof(here), "\n      --%s ", name);
			snprintf(there, sizeof(there), "\n.It Fl -%s", name);
		}
		if (!strstr(case_said, here))
			fail_msg("--help has no \"%s\"", here);
		if (!strstr(manual, there))
			fail_msg("the manual has no \"%s\"", there);
	}
	assert_in_range(n, 12, 99);
	/* And none besides but the COMMAND. */
	assert_int_equal(count(case_said, "\n  -") +
			 count(case_said, "\n      --"), n + 1);
	assert_int_equal(count(manual, "\n.It Fl "), n + 1);
	free(source);
	free(manual);
}

/* ---- the reasons ---- */

static unsigned
count_in_line(const char *line, const char *part)
{
	char *copy = strndup(line, strcspn(line, "\n"));
	unsigned n = count(copy, part);

	free(copy);
	return n;
}

/* Is there an item on the word, which gives the status if we answer so? */
static bool
is_told(const char *list, const char *word, unsigned status)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", status);
	for (const char *at = list; (at = strstr(at, "\n.It Li ")); at++) {
		const char *body = strchr(at + 1, '\n');

		if (is_listed(at + 1, word))
			return !status || count_in_line(body + 1, text);
	}
	return false;
}

static void
every_reason_is_told_of(void **state)
{
	char *source = source_file("src/proxy/reason.c");
	char *manual = source_file("doc/bowsprit.8");
	char *list = strstr(manual, "\n.Sh DIAGNOSTICS"), word[32], *at;
	unsigned n = 0, status, listed = 0;

	(void)state;
	*strstr(list, "\n.Sh SEE ALSO") = '\0';
	for (at = source; (at = strstr(at, "\treason_")); n++) {
		at = strchr(at, '"');
		assert_int_equal(sscanf(at, "\"%31[a-z-]\", %u", word,
					&status), 2);
		if (!is_told(list, word, status))
			fail_msg("the manual has no %s, %u", word, status);
	}
	for (at = list; (at = strstr(at, "\n.It Li ")); at++)
		listed += 1 + count_in_line(at + 1, " , ");
	assert_in_range(n, 30, 99);
	assert_int_equal(listed, n);
	free(source);
	free(manual);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(etc_has_the_defaults),
		cmocka_unit_test(the_example_has_every_setting),
		cmocka_unit_test(the_manual_has_every_setting),
		cmocka_unit_test(every_option_is_told_of),
		cmocka_unit_test(every_reason_is_told_of),
	};

	return cmocka_run_group_tests(tests, case_setup, case_teardown);
}
