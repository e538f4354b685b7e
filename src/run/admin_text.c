/* SPDX-License-Identifier: ISC */
/*
 * admin_text.c: what the admin interface says, as JSON and for people.
 *
 * The names in JSON are those of the log's closing line.
 */
#include "config.h" /* PACKAGE_VERSION */

#include "run/admin_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/utf8.h"
#include "conf/conf.h"

/*
 * How many bytes from there on are ASCII that stands for itself, everywhere
 * but in `odd`.  Most texts are such as a whole.
 */
static size_t
plain_len(const char *text, const char *odd)
{
	size_t n = 0;

	while (text[n] >= ' ' && text[n] <= '~' && !strchr(odd, text[n]))
		n++;
	return n;
}

/* ---- JSON ---- */

static bool
put_character(struct buf **out, const char *p, size_t n, unsigned c)
{
	if (utf8_is_harmful(c))
		return buf_printf(out, "\\u%04x", c);
	if (c == '"' || c == '\\')
		return buf_printf(out, "\\%c", (int)c);
	return buf_add(out, p, n);
}

/* A byte that is no UTF-8 becomes the character of that number. */
static bool
put_string(struct buf **out, const char *key, const char *text)
{
	size_t run = plain_len(text, "\"\\");
	bool ok = buf_printf(out, "\"%s\":\"%.*s", key, (int)run, text);

	for (text += run; ok && *text; ) {
		const unsigned char *p = (const unsigned char *)text;
		size_t n = utf8_len(p, strlen(text));

		ok = n ? put_character(out, text, n, utf8_code_point(p, n))
		       : buf_printf(out, "\\u%04x", (unsigned)*p);
		text += n ? n : 1;
	}
	return ok && buf_add(out, "\"", 1);
}

static bool
put_more_string(struct buf **out, const char *key, const char *text)
{
	return buf_add(out, ",", 1) && put_string(out, key, text);
}

static bool
put_number(struct buf **out, const char *key, uint64_t n)
{
	return buf_printf(out, ",\"%s\":%" PRIu64, key, n);
}

/* Of thousands of rows: what all have is written in one go. */
static bool
put_side(struct buf **out, const char *key, const struct survey_side *s)
{
	return buf_printf(out, ",\"%s\":{\"tls\":%s,\"bytes\":%" PRIu64
			  ",\"messages\":%" PRIu64 ",\"text\":%" PRIu32
			  ",\"binary\":%" PRIu32 ",\"largest\":%" PRIu64
			  ",\"pings\":%" PRIu32 ",\"pongs\":%" PRIu32
			  ",\"last\":%" PRIu32 ",\"unsent\":%" PRIu64, key,
			  s->tls ? "true" : "false", s->bytes,
			  (uint64_t)s->texts + s->binaries, s->texts,
			  s->binaries, s->largest, s->pings, s->pongs,
			  s->last, s->unsent) &&
	       (!s->pong || put_number(out, "pong", s->pong - 1)) &&
	       (!s->code || put_number(out, "code", s->code)) &&
	       (!s->lost || put_more_string(out, "frames", "lost")) &&
	       buf_add(out, "}", 1);
}

/* ---- words ---- */

static bool
is_tunnel(const struct survey_row *r)
{
	return r->state >= CS_TUNNEL;
}

static const char *
state_word(const struct survey_row *r)
{
	switch (r->state) {
	case CS_CONNECT:
		return "connecting";
	case CS_ANSWER:
		return "waiting";
	case CS_BODY:
		return "answering";
	case CS_TUNNEL:
		return r->ending ? "ending" : "open";
	case CS_HALF:
		return r->ending ? "ending" : "half-closed";
	case CS_CLOSING:
		return "closing";
	default:
		return "?";
	}
}

static const char *
server_text(const struct survey_row *r, char text[ADDR_TEXT])
{
	return r->has_server ? addr_text(&r->server, text) : "-";
}

#define SHORT 24

/* "8", "12K", "3.4M" */
static const char *
short_size(uint64_t n, char text[SHORT])
{
	static const char units[] = "\0KMGTPE";
	unsigned u = 0;
	double d = (double)n;

	for (; d >= 999.5 && units[u + 1]; u++)
		d /= 1024;
	if (u == 0)
		snprintf(text, SHORT, "%" PRIu64, n);
	else
		snprintf(text, SHORT, d < 9.95 ? "%.1f%c" : "%.0f%c", d,
			 units[u]);
	return text;
}

/* "5s", "3m12s", "7h05m", "12d03h": the two units that matter. */
static const char *
short_time(uint64_t s, char text[SHORT])
{
	if (s < 60)
		snprintf(text, SHORT, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(text, SHORT, "%" PRIu64 "m%02" PRIu64 "s", s / 60,
			 s % 60);
	else if (s < 86400)
		snprintf(text, SHORT, "%" PRIu64 "h%02" PRIu64 "m", s / 3600,
			 s % 3600 / 60);
	else
		snprintf(text, SHORT, "%" PRIu64 "d%02" PRIu64 "h", s / 86400,
			 s % 86400 / 3600);
	return text;
}

/*
 * For a terminal.  What came from a peer was linted and redacted; what could
 * be a control sequence all the same, or another column, is shown as '?'.
 */
static bool
put_plain(struct buf **out, const char *text, bool column)
{
	size_t run = plain_len(text, column ? " " : "");
	bool ok = buf_add(out, text, run);

	for (text += run; ok && *text; ) {
		const unsigned char *p = (const unsigned char *)text;
		size_t n = utf8_len(p, strlen(text));
		bool bad = n == 0 ||
			   utf8_is_harmful(utf8_code_point(p, n)) ||
			   (column && *p == ' ');

		ok = bad ? buf_add(out, "?", 1) : buf_add(out, text, n);
		text += n ? n : 1;
	}
	return ok;
}

/* ---- a list ---- */

enum { ID, STATE, AGE, IDLE, ROUTE, CLIENT, SERVER, BYTES_C, MSGS_C, BYTES_S,
       MSGS_S, REQUEST, COLUMNS };

_Static_assert(COLUMNS == ADMIN_COLUMNS, "a width for each");

static const struct {
	const char *title;
	bool right; /* aligned */
} columns[COLUMNS] = {
	[ID] = { "ID", true },
	[STATE] = { "STATE", false },
	[AGE] = { "AGE", true },
	[IDLE] = { "IDLE", true },
	[ROUTE] = { "ROUTE", false },
	[CLIENT] = { "CLIENT", false },
	[SERVER] = { "SERVER", false },
	[BYTES_C] = { "FROM-CLIENT", true },
	[MSGS_C] = { "MSGS", true },
	[BYTES_S] = { "FROM-SERVER", true },
	[MSGS_S] = { "MSGS", true },
	[REQUEST] = { "REQUEST", false },
};

struct cells {
	const char *text[COLUMNS];
	char room[COLUMNS][ADDR_TEXT];
};

static const char *
number(char room[ADDR_TEXT], uint64_t n)
{
	snprintf(room, ADDR_TEXT, "%" PRIu64, n);
	return room;
}

static void
fill_side(struct cells *c, unsigned bytes, unsigned messages,
	  const struct survey_side *s)
{
	c->text[bytes] = short_size(s->bytes, c->room[bytes]);
	c->text[messages] = number(c->room[messages],
				   (uint64_t)s->texts + s->binaries);
}

static void
fill(struct cells *c, const struct survey_row *r)
{
	uint32_t a = r->from_client.last, b = r->from_server.last;

	for (unsigned i = 0; i < COLUMNS; i++)
		c->text[i] = "-";
	c->text[ID] = number(c->room[ID], r->id);
	c->text[STATE] = state_word(r);
	c->text[AGE] = short_time(r->age / 1000, c->room[AGE]);
	if (*r->route)
		c->text[ROUTE] = r->route;
	c->text[CLIENT] = addr_host_text(&r->client, c->room[CLIENT]);
	c->text[SERVER] = server_text(r, c->room[SERVER]);
	c->text[REQUEST] = r->target;
	if (!is_tunnel(r))
		return;
	c->text[IDLE] = short_time(a < b ? a : b, c->room[IDLE]);
	fill_side(c, BYTES_C, MSGS_C, &r->from_client);
	fill_side(c, BYTES_S, MSGS_S, &r->from_server);
}

void
admin_table_init(struct admin_table *t)
{
	t->requests = false;
	for (unsigned i = 0; i < COLUMNS; i++)
		t->wide[i] = (int)strlen(columns[i].title);
}

void
admin_table_fit(struct admin_table *t, const struct survey_row *rows, size_t n)
{
	struct cells c;

	for (size_t i = 0; i < n; i++) {
		fill(&c, &rows[i]);
		for (unsigned j = 0; j < COLUMNS; j++)
			if ((int)strlen(c.text[j]) > t->wide[j])
				t->wide[j] = (int)strlen(c.text[j]);
		if (!is_tunnel(&rows[i]))
			t->requests = true;
	}
}

static bool
put_blanks(struct buf **out, int n)
{
	static const char blanks[] = "                ";
	const int most = sizeof(blanks) - 1;
	bool ok = true;

	for (; ok && n > 0; n -= most)
		ok = buf_add(out, blanks, (size_t)(n < most ? n : most));
	return ok;
}

/* The last one of a line has no blanks behind it. */
static bool
put_cell(struct buf **out, const char *text, unsigned column, int wide,
	 bool last)
{
	int pad = wide - (int)strlen(text);

	return (!columns[column].right || put_blanks(out, pad)) &&
	       put_plain(out, text, column < REQUEST) &&
	       (columns[column].right || last || put_blanks(out, pad)) &&
	       buf_add(out, last ? "\n" : "  ", last ? 1 : 2);
}

static bool
put_cells(struct buf **out, const struct admin_table *t,
	  const struct cells *c)
{
	unsigned used = t->requests ? COLUMNS : COLUMNS - 1;
	bool ok = true;

	for (unsigned i = 0; ok && i < used; i++)
		ok = put_cell(out, c->text[i], i, t->wide[i], i + 1 == used);
	return ok;
}

bool
admin_put_titles(struct buf **out, const struct admin_table *t)
{
	struct cells c;

	for (unsigned i = 0; i < COLUMNS; i++)
		c.text[i] = columns[i].title;
	return put_cells(out, t, &c);
}

bool
admin_put_line(struct buf **out, const struct admin_table *t,
	       const struct survey_row *r)
{
	struct cells c;

	fill(&c, r);
	return put_cells(out, t, &c);
}

bool
admin_put_object(struct buf **out, const struct survey_row *r)
{
	char text[ADDR_TEXT];

	return buf_printf(out, "{\"id\":%" PRIu64, r->id) &&
	       put_more_string(out, "state", state_word(r)) &&
	       put_more_string(out, "route", r->route) &&
	       put_more_string(out, "client",
			       addr_host_text(&r->client, text)) &&
	       (!r->has_server ||
		put_more_string(out, "server", server_text(r, text))) &&
	       put_number(out, "age", r->age / 1000) &&
	       (is_tunnel(r)
		? put_side(out, "from_client", &r->from_client) &&
		  put_side(out, "from_server", &r->from_server)
		: put_more_string(out, "request", r->target)) &&
	       buf_add(out, "}", 1);
}

/* ---- one of them ---- */

static bool
put_line(struct buf **out, const char *title, const char *text)
{
	return buf_printf(out, "%-12s ", title) &&
	       put_plain(out, text, false) && buf_add(out, "\n", 1);
}

static bool
put_side_lines(struct buf **out, const char *title,
	       const struct survey_side *s)
{
	char a[SHORT], b[SHORT], c[SHORT];

	return buf_printf(out, "%-12s %" PRIu64 " messages (%" PRIu32
			  " text, %" PRIu32 " binary, the largest %s), "
			  "%s bytes%s\n", title,
			  (uint64_t)s->texts + s->binaries, s->texts,
			  s->binaries, short_size(s->largest, a),
			  short_size(s->bytes, b), s->tls ? ", TLS" : "") &&
	       buf_printf(out, "%-12s last byte %s ago, %" PRIu32 " pings, %"
			  PRIu32 " pongs", "", short_time(s->last, c),
			  s->pings, s->pongs) &&
	       (!s->pong || buf_printf(out, ", the last %s ago",
				       short_time(s->pong - 1, c))) &&
	       (!s->unsent || buf_printf(out, "; %s bytes wait for the other "
					 "side to read", short_size(s->unsent,
								    a))) &&
	       (!s->code || buf_printf(out, "; Close %u", s->code)) &&
	       (!s->lost || buf_printf(out, "; broke RFC 6455, not counted "
				       "since")) &&
	       buf_add(out, "\n", 1);
}

bool
admin_put_row(struct buf **out, bool json, const struct survey_row *r)
{
	char text[ADDR_TEXT];

	if (json)
		return admin_put_object(out, r) && buf_add(out, "\n", 1);
	return put_line(out, "id", number(text, r->id)) &&
	       put_line(out, "state", state_word(r)) &&
	       put_line(out, "age", short_time(r->age / 1000, text)) &&
	       put_line(out, "route", *r->route ? r->route : "-") &&
	       put_line(out, "client", addr_host_text(&r->client, text)) &&
	       put_line(out, "server", server_text(r, text)) &&
	       (is_tunnel(r)
		? put_side_lines(out, "from client", &r->from_client) &&
		  put_side_lines(out, "from server", &r->from_server)
		: put_line(out, "request", r->target));
}

/* ---- the process ---- */

static uint64_t
sum(const unsigned *list, unsigned n)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < n; i++)
		all += list[i];
	return all;
}

static uint64_t
count_tunnels(const struct admin_status *s)
{
	uint64_t all = 0;

	for (size_t i = 0; i < s->nroutes; i++)
		all += s->routes[i].tunnels;
	return all;
}

static const char *
source_of(const struct conf *c)
{
	return c->source ? c->source : "options and defaults, no file";
}

static bool
put_status_object(struct buf **out, const struct admin_status *s)
{
	bool ok = buf_printf(out, "{\"pid\":%d", (int)getpid()) &&
		  put_more_string(out, "version", PACKAGE_VERSION) &&
		  put_number(out, "uptime", s->uptime) &&
		  put_more_string(out, "state",
				  s->draining ? "draining" : "serving") &&
		  put_more_string(out, "configuration", source_of(s->conf)) &&
		  buf_printf(out, ",\"listeners\":[");

	for (size_t i = 0; ok && i < s->conf->nlisteners; i++)
		ok = buf_add(out, i ? ",{" : "{", i ? 2 : 1) &&
		     put_string(out, "address", s->conf->listeners[i].text) &&
		     buf_add(out, "}", 1);
	ok = ok && buf_printf(out, "],\"workers\":[");
	for (unsigned i = 0; ok && i < s->nworkers; i++)
		ok = buf_printf(out, "%s{\"connections\":%u}", i ? "," : "",
				s->connections[i]);
	ok = ok && buf_printf(out, "],\"tunnels\":%" PRIu64 ",\"routes\":[",
			      count_tunnels(s));
	for (size_t i = 0; ok && i < s->nroutes; i++)
		ok = buf_add(out, i ? ",{" : "{", i ? 2 : 1) &&
		     put_string(out, "name", s->routes[i].name) &&
		     put_number(out, "tunnels", s->routes[i].tunnels) &&
		     buf_add(out, "}", 1);
	return ok && buf_printf(out, "]}\n");
}

static bool
put_status_lines(struct buf **out, const struct admin_status *s)
{
	char text[SHORT];
	bool ok = buf_printf(out, "bowsprit " PACKAGE_VERSION ", pid %d, %s "
			     "for %s\n", (int)getpid(),
			     s->draining ? "draining, up" : "serving",
			     short_time(s->uptime, text)) &&
		  put_line(out, "file", source_of(s->conf));

	for (size_t i = 0; ok && i < s->conf->nlisteners; i++)
		ok = put_line(out, i ? "" : "listens on",
			      s->conf->listeners[i].text);
	ok = ok && buf_printf(out, "%-12s %" PRIu64 ", of workers:",
			      "connections",
			      sum(s->connections, s->nworkers));
	for (unsigned i = 0; ok && i < s->nworkers; i++)
		ok = buf_printf(out, " %u", s->connections[i]);
	ok = ok && buf_printf(out, "\n%-12s %" PRIu64 "\n", "WebSockets",
			      count_tunnels(s));
	for (size_t i = 0; ok && i < s->nroutes; i++)
		ok = buf_printf(out, "%12s %u of ", "", s->routes[i].tunnels) &&
		     put_plain(out, s->routes[i].name, false) &&
		     buf_add(out, "\n", 1);
	return ok;
}

bool
admin_put_status(struct buf **out, bool json, const struct admin_status *s)
{
	return json ? put_status_object(out, s) : put_status_lines(out, s);
}

bool
admin_put_sentence(struct buf **out, bool json, const char *key,
		   const char *sentence)
{
	if (json)
		return buf_add(out, "{", 1) &&
		       put_string(out, key, sentence) &&
		       buf_add(out, "}\n", 2);
	return put_plain(out, sentence, false) && buf_add(out, "\n", 1);
}
