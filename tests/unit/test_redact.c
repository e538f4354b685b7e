/* SPDX-License-Identifier: ISC */
/*
 * test_redact.c: what of a request may be written into a log.
 */
#include "row.h"

#include "proxy/redact.h"

static const struct target_row {
	int line;
	const char *target, *shown, *why;
} target_rows[] = {
	{ __LINE__, "/ws", "/ws", "nothing to hide" },
	{ __LINE__, "/ws?", "/ws?", "an empty query stays" },
	{ __LINE__, "/ws?a=1&b=2", "/ws?a=1&b=2", "harmless names" },
	{ __LINE__, "/ws?token=abc", "/ws?token=[redacted]",
	  "seed 002's client" },
	{ __LINE__, "/ws?a=1&access_token=x.y.z&b",
	  "/ws?a=1&access_token=[redacted]&b", "within others" },
	{ __LINE__, "/ws?TOKEN=abc", "/ws?TOKEN=[redacted]", "in capitals" },
	{ __LINE__, "/socket.io/?EIO=4&sid=abc", "/socket.io/?EIO=4&sid="
	  "[redacted]", "a Socket.IO session" },
	{ __LINE__, "/ws?inside=1", "/ws?inside=1",
	  "sid within another word is no session" },
	{ __LINE__, "/ws?a=1;password=x", "/ws?a=1;password=[redacted]",
	  "the other separator" },
	{ __LINE__, "/ws?tok%65n=abc", "/ws?tok%65n=[redacted]",
	  "an encoded name is not trusted" },
	{ __LINE__, "/ws?=token", "/ws?=token", "a value without a name" },
	{ __LINE__, "/ws?token", "/ws?token", "a name without a value" },
	{ __LINE__, "/token=1", "/token=1", "the path is no query" },
	{ __LINE__, "/ws?token=a?token=b&x=1", "/ws?token=[redacted]&x=1",
	  "a second question mark is data" },
};

static void
targets(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(target_rows); i++) {
		const struct target_row *r = &target_rows[i];
		struct slice in = slice_str(r->target);
		char *copy = exact_copy(in), out[REDACT_MAX];
		struct slice shown =
			redact_target(slice_of(copy, in.n), out);

		ROW_CHECK(r, slice_eq(shown, slice_str(r->shown)),
			  "shows %.*s", SLICE_ARG(shown));
		free(copy);
	}
	rows_end();
}

/* Sixty thousand bytes fit into what there is room for. */
static void
a_long_target_is_cut(void **state)
{
	static char target[60000];
	char out[REDACT_MAX];
	struct slice shown;

	(void)state;
	memset(target, 'x', sizeof(target));
	target[1] = '?';
	shown = redact_target(slice_of(target, sizeof(target)), out);
	assert_int_equal(shown.n, REDACT_MAX);
}

static const struct header_row {
	int line;
	enum field_id id;
	const char *name, *value;
	bool hidden; /* the whole of it */
	const char *why;
} header_rows[] = {
	{ __LINE__, F_COOKIE, "Cookie", "a=b", true, "any cookie" },
	{ __LINE__, F_AUTHORIZATION, "Authorization", "Basic x", true, "" },
	{ __LINE__, F_HOST, "Host", "localhost", false, "needed to route" },
	{ __LINE__, F_SEC_WEBSOCKET_PROTOCOL, "Sec-WebSocket-Protocol",
	  "chat, v2.chat", false, "names of protocols" },
	{ __LINE__, F_SEC_WEBSOCKET_PROTOCOL, "Sec-WebSocket-Protocol",
	  "bearer, eyJhbGciOi", true, "a token behind its word" },
	{ __LINE__, F_SEC_WEBSOCKET_PROTOCOL, "Sec-WebSocket-Protocol",
	  "base64url.bearer.authorization.k8s.io.ZXlK", true, "Kubernetes" },
	{ __LINE__, F_SEC_WEBSOCKET_PROTOCOL, "Sec-WebSocket-Protocol",
	  "v1, 0123456789012345678901234567890123456789012345678", true,
	  "longer than any protocol's name" },
	{ __LINE__, F_SEC_WEBSOCKET_KEY, "Sec-WebSocket-Key",
	  "dGhlIHNhbXBsZSBub25jZQ==", false, "a nonce, and seed 004 logs it" },
	{ __LINE__, F_OTHER, "X-Auth-Token", "abc", true, "by its name" },
	{ __LINE__, F_OTHER, "X-Api-Key", "abc", true, "by its name" },
	{ __LINE__, F_OTHER, "Accept-Language", "en", false, "harmless" },
};

static void
headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(header_rows); i++) {
		const struct header_row *r = &header_rows[i];
		char out[REDACT_MAX];
		struct slice shown = redact_header(r->id, slice_str(r->name),
						   slice_str(r->value), out);
		bool hidden = slice_eq(shown, SLICE(REDACTED));

		ROW_CHECK(r, hidden == r->hidden, "shows %.*s",
			  SLICE_ARG(shown));
	}
	rows_end();
}

static void
a_url_in_a_header_keeps_no_secret(void **state)
{
	char out[REDACT_MAX];
	struct slice shown = redact_header(
		F_OTHER, SLICE("Referer"),
		SLICE("http://localhost/d?a=1&token=SECRET"), out);

	(void)state;
	assert_true(slice_eq(
		shown, SLICE("http://localhost/d?a=1&token=[redacted]")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets),
		cmocka_unit_test(a_long_target_is_cut),
		cmocka_unit_test(headers),
		cmocka_unit_test(a_url_in_a_header_keeps_no_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
