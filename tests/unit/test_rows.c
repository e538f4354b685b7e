/* SPDX-License-Identifier: ISC */
/*
 * test_rows.c: the rows of head_rows.h, body_rows.h and upgrade_rows.h.
 *
 *	test_rows		tries them
 *	test_rows --print	prints them for tests/func/test_raw.py, each a
 *				line of JSON with its bytes in hexadecimal
 *	test_rows --failing	prints the ids of those that fail, for
 *				tests/mutants/run.py
 */
#include "row.h"

#include <stdio.h>

#include "body_rows.h"
#include "head_rows.h"
#include "proto/body.h"
#include "proto/head.h"
#include "upgrade_rows.h"

#define MAX 65536

/* ---- heads ---- */

static const struct head_fault never_ends = {
	0, "never-ends", "the head has not ended",
};

/* The verdict on a head that comes in pieces of that size. */
static const struct head_fault *
judge(enum head_kind kind, struct slice bytes, size_t piece)
{
	char *p = exact_copy(bytes);
	size_t scanned = 0, len = 0;
	const struct head_fault *fault = NULL;
	struct head h;

	for (size_t n = 0; n < bytes.n && !fault && len == 0;) {
		n = bytes.n - n < piece ? bytes.n : n + piece;
		fault = head_look(kind, p, n, MAX, &scanned, &len);
	}
	if (!fault && len != bytes.n)
		fault = &never_ends;
	if (!fault) {
		fault = head_parse(&h, kind, p, len);
		head_fini(&h);
	}
	free(p);
	return fault;
}

/* However it comes in pieces, the verdict is the same. */
static bool
head_holds(enum head_kind kind, const struct head_row *r)
{
	for (size_t piece = 1; piece <= r->head.n; piece++) {
		const struct head_fault *f = judge(kind, r->head, piece);
		const char *word = f ? f->word : "pass";

		if (strcmp(word, r->word ? r->word : "pass") != 0 ||
		    (f && f->status != r->status)) {
			print_error("%u %s, in pieces of %zu: ",
				    f ? f->status : 0, word, piece);
			return false;
		}
	}
	return true;
}

static bool
request_holds(size_t i)
{
	return head_holds(HEAD_REQUEST, &requests[i]);
}

static bool
response_holds(size_t i)
{
	return head_holds(HEAD_RESPONSE, &responses[i]);
}

/* ---- bodies ---- */

/*
 * Feeds the bytes in pieces, the first of `first` bytes, the others of `piece`,
 * until the body is done or bad.  Returns how many belonged to it; what is to
 * be forwarded is added to `out`.
 */
static size_t
feed(struct body *b, struct slice in, size_t first, size_t piece, char *out,
     size_t *out_len)
{
	char *p = exact_copy(in);
	size_t at = 0, n = first, taken, pass;

	*out_len = 0;
	while (at < in.n && !b->done && !b->bad) {
		if (n > in.n - at)
			n = in.n - at;
		taken = body_feed(b, p + at, n, &pass);
		if (taken > n || pass > taken ||
		    (taken < n && !b->done && !b->bad))
			break;
		memcpy(out + *out_len, p + at, pass);
		*out_len += pass;
		at += taken;
		n = piece;
	}
	free(p);
	return at;
}

static bool
body_fits(const struct body_row *r, size_t first, size_t piece, bool strip)
{
	struct head req = { .framing = BODY_CHUNKED };
	struct body b;
	char out[256];
	size_t len, taken;

	body_of_request(&b, &req);
	b.strip = strip;
	taken = feed(&b, r->in, first, piece, out, &len);
	if (r->end == BODY_BAD)
		return b.bad && !b.done && !body_eof(&b);
	if (b.bad || taken != r->taken || b.done != (r->end == BODY_WHOLE))
		return false;
	if (r->end == BODY_OPEN)
		return !body_eof(&b);
	return b.total == r->payload.n &&
	       slice_eq(slice_of(out, len),
			strip ? r->payload : slice_of(r->in.p, taken));
}

/* At every split in two, and in pieces of every size; kept and stripped. */
static bool
body_holds(size_t i)
{
	const struct body_row *r = &bodies[i];

	for (size_t n = 1; n <= r->in.n; n++)
		if (!body_fits(r, n, 256, false) ||
		    !body_fits(r, n, 256, true) ||
		    !body_fits(r, n, n, false) ||
		    !body_fits(r, n, n, true)) {
			print_error("in pieces of %zu: ", n);
			return false;
		}
	return true;
}

/* ---- upgrades ---- */

static bool
upgrade_holds(size_t i)
{
	const struct upgrade_row *r = &upgrades[i];
	struct head h;
	bool fits = !head_parse(&h, HEAD_REQUEST, r->head, strlen(r->head)) &&
		    upgrade_of_request(&h) == r->upgrade;

	head_fini(&h);
	return fits;
}

/* Is it NULL like `expected`, or a sentence with that word? */
static bool
says(const char *sentence, const char *expected)
{
	if (!sentence || !expected)
		return !sentence && !expected;
	return strstr(sentence, expected) != NULL;
}

static const char *
refute(const struct answer_row *r, bool verify)
{
	static const char asked[] =
		ASK(UPGRADE "Sec-WebSocket-Key: " KEY "\r\n");
	struct head req, res;
	const char *wrong = "the lint does";

	if (!head_parse(&req, HEAD_REQUEST, asked, strlen(asked)) &&
	    !head_parse(&res, HEAD_RESPONSE, r->head, strlen(r->head)))
		wrong = upgrade_refute(&req, &res, verify);
	head_fini(&req);
	head_fini(&res);
	return wrong;
}

static bool
answer_holds(size_t i)
{
	const struct answer_row *r = &answers[i];

	return says(refute(r, true), r->refuted) &&
	       says(refute(r, false), r->unverified);
}

/* ---- printing ---- */

static void
print_text(const char *key, const char *text)
{
	printf(", \"%s\": \"", key);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

static void
print_bytes(const char *key, struct slice s)
{
	printf(", \"%s\": \"", key);
	for (size_t i = 0; i < s.n; i++)
		printf("%02x", (unsigned)(uint8_t)s.p[i]);
	putchar('"');
}

static void
print_head(enum head_kind kind, const struct head_row *r)
{
	const struct head_fault *f = judge(kind, r->head, r->head.n);

	print_bytes("bytes", r->head);
	print_text("word", r->word ? r->word : "");
	print_text("says", f ? f->why : "");
	printf(", \"status\": %u", r->status);
}

static void
print_request(size_t i)
{
	print_head(HEAD_REQUEST, &requests[i]);
}

static void
print_response(size_t i)
{
	print_head(HEAD_RESPONSE, &responses[i]);
}

static void
print_body(size_t i)
{
	static const char *const ends[] = { "whole", "bad", "open" };
	const struct body_row *r = &bodies[i];
	struct head req = { .framing = BODY_CHUNKED };
	struct body b;
	char out[256];
	size_t len;

	body_of_request(&b, &req);
	feed(&b, r->in, r->in.n, 1, out, &len);
	print_text("says", b.bad ? b.bad : "");
	print_text("end", ends[r->end]);
	print_bytes("bytes", r->in);
	print_bytes("payload", r->payload);
	printf(", \"taken\": %zu", r->taken);
}

static void
print_upgrade(size_t i)
{
	static const char *const kinds[] = { "none", "ignored", "websocket" };

	print_text("upgrade", kinds[upgrades[i].upgrade]);
	print_bytes("bytes", slice_str(upgrades[i].head));
}

static void
print_answer(size_t i)
{
	const char *wrong = refute(&answers[i], true);

	print_bytes("bytes", slice_str(answers[i].head));
	print_text("says", wrong ? wrong : "");
}

/* ---- the tables ---- */

/* What all rows have; `row` is the number of one. */
struct named {
	int line;
	const char *mutant, *section, *why;
};

#define NAME_OF(table, section) \
	static struct named \
	table##_name(size_t i) \
	{ \
		return (struct named){ table[i].line, table[i].mutant, \
				       section, table[i].why }; \
	}
NAME_OF(requests, requests[i].section)
NAME_OF(responses, responses[i].section)
NAME_OF(bodies, bodies[i].section)
NAME_OF(upgrades, "")
NAME_OF(answers, "")

static const struct table {
	const char *name;
	size_t n;
	struct named (*row)(size_t i);
	bool (*holds)(size_t i);
	void (*print)(size_t i);
} tables[] = {
	{ "request", ARRAY_LEN(requests), requests_name, request_holds,
	  print_request },
	{ "response", ARRAY_LEN(responses), responses_name, response_holds,
	  print_response },
	{ "body", ARRAY_LEN(bodies), bodies_name, body_holds, print_body },
	{ "upgrade", ARRAY_LEN(upgrades), upgrades_name, upgrade_holds,
	  print_upgrade },
	{ "answer", ARRAY_LEN(answers), answers_name, answer_holds,
	  print_answer },
};

static void
print_rows(const struct table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		struct named row = t->row(i);

		printf("{\"id\": \"%s:%d\"", t->name, row.line);
		print_text("mutant", row.mutant);
		print_text("rfc", strstr(row.why, "RFC ") ? "" : row.section);
		print_text("why", row.why);
		t->print(i);
		printf("}\n");
	}
}

static void
print_failing(const struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (!t->holds(i))
			printf("%s:%d\n", t->name, t->row(i).line);
}

static void
rows_of_a_table(void **state)
{
	const struct table *t = *state;

	for (size_t i = 0; i < t->n; i++) {
		struct named row = t->row(i);

		ROW_CHECK(&row, t->holds(i), "it is a %s", t->name);
	}
	rows_end();
}

int
main(int argc, char **argv)
{
	struct CMUnitTest tests[ARRAY_LEN(tables)];
	bool failing = argc > 1 && strcmp(argv[1], "--failing") == 0;

	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		tests[i] = (struct CMUnitTest){
			.name = tables[i].name,
			.test_func = rows_of_a_table,
			.initial_state = (void *)(uintptr_t)&tables[i],
		};
	if (argc == 1)
		return cmocka_run_group_tests_name("rows", tests, NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		(failing ? print_failing : print_rows)(&tables[i]);
	return 0;
}
