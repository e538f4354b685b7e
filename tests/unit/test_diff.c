/* SPDX-License-Identifier: ISC */
/*
 * test_diff.c: a head before and after it passed somebody, line beside line.
 */
#include "row.h"

#include "base/buf.h"
#include "proto/diff.h"

/* What is shown of it: a sign, the line, and of a changed one what changed. */
struct diff_row {
	int line;
	const char *before, *after, *out;
	const char *why;
};

#define GET "GET / HTTP/1.1\r\n"
#define END "\r\n"

static const struct diff_row rows[] = {
	{ __LINE__, GET "A: 1\r\n" END, GET "A: 1\r\n" END,
	  "=GET / HTTP/1.1|=A: 1|=|", "nothing was touched" },
	{ __LINE__, GET "A: 1\r\n" END, GET "A: 1\r\nX: 2\r\nY: 3\r\n" END,
	  "=GET / HTTP/1.1|=A: 1|+X: 2|+Y: 3|=|",
	  "added before the empty line, which is not new" },
	{ __LINE__, GET "A: 1\r\nB: 2\r\nC: 3\r\n" END,
	  GET "A: 1\r\nC: 3\r\n" END, "=GET / HTTP/1.1|=A: 1|-B: 2|=C: 3|=|",
	  "removed" },
	{ __LINE__, GET "Host: localhost\r\nA: 1\r\n" END,
	  GET "Host: 10.0.0.5\r\nA: 1\r\n" END,
	  "=GET / HTTP/1.1|~Host: [localhost>10.0.0.5]|=A: 1|=|",
	  "another value is a change of the line, no two lines" },
	{ __LINE__, GET "X-F: 10.0.0.1\r\n" END,
	  GET "X-F: 10.0.0.1, ::1\r\n" END,
	  "=GET / HTTP/1.1|~X-F: 10.0.0.1[>, ::1]|=|",
	  "appended within a line" },
	{ __LINE__, GET "A: 11\r\n" END, GET "A: 1\r\n" END,
	  "=GET / HTTP/1.1|~A: 1[1>]|=|",
	  "both ends could be the same byte: it counts once" },
	{ __LINE__, GET "Accept: */*\r\n" END, GET "accept: */*\r\n" END,
	  "=GET / HTTP/1.1|~[A>a]ccept: */*|=|", "another case is a change" },
	{ __LINE__, "GET /a HTTP/1.0\r\n" END, "GET /b HTTP/1.0\r\n" END,
	  "~GET /[a>b] HTTP/1.0|=|", "start lines are each other's" },
	{ __LINE__, GET "A: 1\r\n" END, "GET: /\r\n" END,
	  "~GET[ / HTTP/1.1>: /]|-A: 1|=|", "whatever they are" },
	{ __LINE__, END GET END, GET END, "-|=GET / HTTP/1.1|=|",
	  "an empty line before the start line" },
	{ __LINE__, GET "T: a\r\nT: b\r\nT: c\r\n" END,
	  GET "T: a\r\nT: c\r\n" END,
	  "=GET / HTTP/1.1|=T: a|-T: b|=T: c|=|", "one of several of a name" },
	{ __LINE__, GET "T: a\r\nT: b\r\n" END, GET "T: a, b\r\n" END,
	  "=GET / HTTP/1.1|~T: a[>, b]|-T: b|=|", "two that were merged" },
	{ __LINE__, GET "A: 1\r\nB: 2\r\n" END, GET "B: 2\r\nA: 1\r\n" END,
	  "=GET / HTTP/1.1|-A: 1|=B: 2|+A: 1|=|",
	  "another order: one of them has left its place" },
	{ __LINE__, GET "A: 1\r\nB: 2\r\n" END, GET "N: 0\r\nB: 3\r\n" END,
	  "=GET / HTTP/1.1|-A: 1|+N: 0|~B: [2>3]|=|",
	  "what is new stands before its neighbour's change" },
	{ __LINE__, GET "A: 1\r\n" END, GET "A: 1\n" END,
	  "=GET / HTTP/1.1|~A: 1[\r>]|=|", "a line's end is of it" },
	{ __LINE__, "", GET END, "+GET / HTTP/1.1|+|", "nothing came" },
	{ __LINE__, GET END, "", "-GET / HTTP/1.1|-|", "nothing arrived" },
	{ __LINE__, "", "", "", "nothing at all" },
	{ __LINE__, GET "A: 1", GET "A: 1", "=GET / HTTP/1.1|=A: 1|",
	  "a last line without an end" },
};

static bool
show_text(struct buf **out, struct slice s)
{
	if (s.n > 1 && memcmp(s.p + s.n - 2, "\r\n", 2) == 0)
		s.n -= 2;
	else if (s.n > 0 && s.p[s.n - 1] == '\n')
		s.n--;
	return s.n == 0 || buf_add(out, s.p, s.n);
}

static bool
show_change(struct buf **out, const struct diff_line *l)
{
	struct slice a = slice_of(l->before.p + l->head,
				  l->before.n - l->head - l->tail);
	struct slice b = slice_of(l->after.p + l->head,
				  l->after.n - l->head - l->tail);

	return buf_printf(out, "%.*s[%.*s>%.*s]", (int)l->head, l->before.p,
			  SLICE_ARG(a), SLICE_ARG(b)) &&
	       show_text(out, slice_of(l->before.p + l->before.n - l->tail,
				       l->tail));
}

static bool
show(struct buf **out, const struct diff *d)
{
	bool ok = true;

	for (size_t i = 0; ok && i < d->n; i++) {
		const struct diff_line *l = &d->lines[i];

		ok = buf_add(out, &"=~+-"[l->kind], 1) &&
		     (l->kind == DIFF_CHANGED ? show_change(out, l)
		      : l->kind == DIFF_ADDED ? show_text(out, l->after)
					      : show_text(out, l->before)) &&
		     buf_add(out, "|", 1);
	}
	return ok;
}

/* Its lines, one after the other, are the two heads again. */
static bool
is_complete(const struct diff *d, struct slice before, struct slice after)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct diff_line *l = &d->lines[i];

		if (!slice_starts(before, l->before) ||
		    !slice_starts(after, l->after))
			return false;
		before = slice_of(before.p + l->before.n,
				  before.n - l->before.n);
		after = slice_of(after.p + l->after.n, after.n - l->after.n);
	}
	return before.n == 0 && after.n == 0;
}

static void
differences(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct diff_row *r = &rows[i];
		struct slice before = slice_str(r->before);
		struct slice after = slice_str(r->after);
		char *b = exact_copy(before), *a = exact_copy(after);
		struct buf *out = NULL;
		struct diff d;

		before.p = b;
		after.p = a;
		assert_true(diff_heads(&d, before, after));
		assert_true(show(&out, &d));
		ROW_CHECK(r, slice_eq(buf_slice(out), slice_str(r->out)),
			  "got \"%.*s\"", SLICE_ARG(buf_slice(out)));
		ROW_CHECK(r, is_complete(&d, before, after), "bytes lack");
		diff_fini(&d);
		buf_free(&out);
		free(b);
		free(a);
	}
	rows_end();
}

static struct buf *
lines(const char *name, size_t n)
{
	struct buf *b = NULL;

	for (size_t i = 0; i < n; i++)
		assert_true(buf_printf(&b, "%s: %zu\r\n", name, i));
	return b;
}

/* Two of the longest without a line in common are the most there is to do. */
static void
long_heads(void **state)
{
	struct buf *most = lines("N", DIFF_LINES_MAX);
	struct buf *other = lines("M", DIFF_LINES_MAX);
	struct buf *more = lines("N", DIFF_LINES_MAX + 1);
	struct diff d;

	(void)state;
	assert_true(diff_heads(&d, buf_slice(most), buf_slice(most)));
	assert_int_equal(d.n, DIFF_LINES_MAX);
	diff_fini(&d);
	assert_true(diff_heads(&d, buf_slice(most), buf_slice(other)));
	assert_int_equal(d.n, 2 * DIFF_LINES_MAX - 1);
	diff_fini(&d);
	assert_false(diff_heads(&d, buf_slice(more), buf_slice(most)));
	diff_fini(&d);
	assert_false(diff_heads(&d, buf_slice(most), buf_slice(more)));
	diff_fini(&d);
	buf_free(&most);
	buf_free(&other);
	buf_free(&more);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(differences),
		cmocka_unit_test(long_heads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
