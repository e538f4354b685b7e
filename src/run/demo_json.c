/* SPDX-License-Identifier: ISC */
/*
 * demo_json.c: what the demonstration's page is told, as JSON in one line.
 */
#include "run/demo_json.h"

#include <inttypes.h>

#include "proto/diff.h"
#include "proto/field.h"
#include "proxy/redact.h"

/* Up to `highest` as they are; any other byte by its number. */
static bool
put_string(struct buf **out, struct slice s, unsigned char highest)
{
	bool ok = buf_add(out, "\"", 1);

	for (size_t i = 0; ok && i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c > highest || c == '"' || c == '\\')
			ok = buf_printf(out, "\\u%04x", (unsigned)c);
		else
			ok = buf_add(out, &s.p[i], 1);
	}
	return ok && buf_add(out, "\"", 1);
}

static bool
put_line(struct buf **out, const char *key, struct slice line)
{
	return line.n == 0 || (buf_printf(out, ",\"%s\":", key) &&
			       put_string(out, line, 0x7e));
}

/* Would the log hide its value? */
static bool
is_secret(struct slice line)
{
	const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
	char room[REDACT_MAX];
	struct slice name, value, shown;

	if (!colon)
		return false;
	name = slice_of(line.p, (size_t)(colon - line.p));
	value = slice_of(colon + 1, line.n - name.n - 1);
	shown = redact_header(field_id_of(name), name, value, room);
	return !slice_eq(shown, value);
}

static bool
put_diff_line(struct buf **out, const struct diff_line *l)
{
	static const char *const signs[] = {
		[DIFF_SAME] = "=",
		[DIFF_CHANGED] = "~",
		[DIFF_ADDED] = "+",
		[DIFF_REMOVED] = "-",
	};
	bool once = l->kind == DIFF_SAME;

	return buf_printf(out, "{\"sign\":\"%s\"", signs[l->kind]) &&
	       put_line(out, "before", l->before) &&
	       put_line(out, "after", once ? SLICE_NONE : l->after) &&
	       (l->kind != DIFF_CHANGED ||
		buf_printf(out, ",\"head\":%zu,\"tail\":%zu", l->head,
			   l->tail)) &&
	       (!(is_secret(l->before) || is_secret(l->after)) ||
		buf_printf(out, ",\"secret\":true")) &&
	       buf_printf(out, "}");
}

bool
demo_json_heads(struct buf **out, uint64_t id, struct slice before,
		struct slice after)
{
	struct diff d;
	bool ok = diff_heads(&d, before, after) &&
		  buf_printf(out, "{\"id\":%" PRIu64 ",\"lines\":[", id);

	for (size_t i = 0; ok && i < d.n; i++)
		ok = (i == 0 || buf_add(out, ",", 1)) &&
		     put_diff_line(out, &d.lines[i]);
	diff_fini(&d);
	return ok && buf_printf(out, "]}");
}

bool
demo_json_line(struct buf **out, unsigned level, struct slice text)
{
	return buf_printf(out, "{\"level\":%u,\"text\":", level) &&
	       put_string(out, text, 0xff) && buf_printf(out, "}");
}
