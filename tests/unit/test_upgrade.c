/* SPDX-License-Identifier: ISC */
/*
 * test_upgrade.c: is this a WebSocket upgrade, and is that the 101 to it?
 */
#include "row.h"

#include "proto/upgrade.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static void
the_key_of_rfc_6455(void **state)
{
	char accept[UPGRADE_ACCEPT_LEN];
	char *p = exact_copy(SLICE(KEY));

	(void)state;
	upgrade_accept(slice_of(p, strlen(KEY)), accept);
	assert_memory_equal(accept, ACCEPT, sizeof(accept));
	free(p);
}

static void
parse(struct head *h, enum head_kind kind, const char *text)
{
	const struct head_fault *f;

	f = head_parse(h, kind, text, strlen(text));
	if (f)
		fail_msg("%s in: %s", f->word, text);
}

struct request_row {
	int line;
	const char *head;
	enum upgrade upgrade;
	const char *why;
};

#define REQUEST(line, fields) line "\r\nHost: a\r\n" fields "\r\n"
#define GET(fields) REQUEST("GET / HTTP/1.1", fields)
#define UPGRADE "Connection: Upgrade\r\nUpgrade: websocket\r\n"

static const struct request_row requests[] = {
	{ __LINE__, GET(UPGRADE), UPGRADE_WEBSOCKET, "RFC 6455 4.1" },
	{ __LINE__, GET("connection: keep-alive, upgrade\r\n"
			"upgrade: WebSocket\r\n"),
	  UPGRADE_WEBSOCKET, "Firefox; any case" },
	{ __LINE__, GET("Upgrade: websocket\r\nConnection: keep-alive\r\n"
			"Connection: Upgrade\r\n"),
	  UPGRADE_WEBSOCKET, "in another line" },
	{ __LINE__, GET("Upgrade: h2c, websocket\r\nConnection: upgrade\r\n"),
	  UPGRADE_WEBSOCKET, "among others" },
	{ __LINE__, GET(UPGRADE "Content-Length: 0\r\n"), UPGRADE_WEBSOCKET,
	  "a body of no bytes is none" },
	{ __LINE__, GET(""), UPGRADE_NONE, "no Upgrade" },
	{ __LINE__, GET("Connection: Upgrade\r\n"), UPGRADE_NONE, "none" },
	{ __LINE__, GET("Upgrade: websocket\r\n"), UPGRADE_IGNORED,
	  "Connection does not list it" },
	{ __LINE__, GET("Upgrade: websocket\r\nConnection: upgrades\r\n"),
	  UPGRADE_IGNORED, "nearly" },
	{ __LINE__, GET("Upgrade: websocket\r\nProxy-Connection: Upgrade\r\n"),
	  UPGRADE_IGNORED, "http-parser takes this for one" },
	{ __LINE__, GET("Upgrade: websockets\r\nConnection: Upgrade\r\n"),
	  UPGRADE_IGNORED, "another protocol" },
	{ __LINE__, GET("Upgrade: h2c\r\nHTTP2-Settings: A\r\n"
			"Connection: Upgrade, HTTP2-Settings\r\n"),
	  UPGRADE_IGNORED, "h2c" },
	{ __LINE__, REQUEST("POST / HTTP/1.1", UPGRADE), UPGRADE_IGNORED,
	  "POST" },
	{ __LINE__, REQUEST("get / HTTP/1.1", UPGRADE), UPGRADE_IGNORED,
	  "methods are case-sensitive" },
	{ __LINE__, REQUEST("GET / HTTP/1.0", UPGRADE), UPGRADE_IGNORED,
	  "RFC 9110 7.8: HTTP/1.0" },
	{ __LINE__, GET(UPGRADE "Content-Length: 1\r\n"), UPGRADE_IGNORED,
	  "a body" },
	{ __LINE__, GET(UPGRADE "Transfer-Encoding: chunked\r\n"),
	  UPGRADE_IGNORED, "a body" },
};

static void
requests_by_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		const struct request_row *r = &requests[i];
		struct head h;

		parse(&h, HEAD_REQUEST, r->head);
		ROW_CHECK(r, upgrade_of_request(&h) == r->upgrade, "%d",
			  (int)upgrade_of_request(&h));
		head_fini(&h);
	}
	rows_end();
}

struct answer_row {
	int line;
	const char *head;
	const char *refuted; /* a word of the sentence, NULL: it is the 101 */
	const char *unverified; /* the same without verify_accept */
	const char *why;
};

#define ANSWER(status, fields) "HTTP/1.1 " status "\r\n" fields "\r\n"
#define SWITCH(fields) ANSWER("101 Switching Protocols", fields)
#define GOOD "Sec-WebSocket-Accept: " ACCEPT "\r\n"

static const struct answer_row answers[] = {
	{ __LINE__, SWITCH(UPGRADE GOOD), NULL, NULL, "RFC 6455 4.2.2" },
	{ __LINE__, SWITCH("upgrade: WebSocket\r\nconnection: UPGRADE\r\n"
			   GOOD), NULL, NULL, "any case" },
	{ __LINE__, SWITCH("Upgrade: websocket\r\n"
			   "Connection: keep-alive, Upgrade\r\n" GOOD),
	  NULL, NULL, "Connection is a list" },
	{ __LINE__, ANSWER("200 OK", UPGRADE GOOD), "101", "101",
	  "another status" },
	{ __LINE__, SWITCH("Connection: Upgrade\r\n" GOOD), "Upgrade:",
	  "Upgrade:", "no Upgrade" },
	{ __LINE__, SWITCH("Upgrade: h2c\r\nConnection: Upgrade\r\n" GOOD),
	  "Upgrade:", "Upgrade:", "another protocol" },
	{ __LINE__, SWITCH(UPGRADE "Upgrade: h2c\r\n" GOOD), "Upgrade:",
	  "Upgrade:", "and another one besides" },
	{ __LINE__, SWITCH("Upgrade: websocket\r\n" GOOD), "Connection:",
	  "Connection:", "no Connection" },
	{ __LINE__, SWITCH("Upgrade: websocket\r\nConnection: close\r\n" GOOD),
	  "Connection:", "Connection:", "which does not list it" },
	{ __LINE__, SWITCH(UPGRADE), "Sec-WebSocket-Accept", NULL,
	  "no Accept" },
	{ __LINE__, SWITCH(UPGRADE "Sec-WebSocket-Accept: "
			   "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
	  "belong", NULL, "Accept is case-sensitive" },
	{ __LINE__, SWITCH(UPGRADE "Sec-WebSocket-Accept: " KEY "\r\n"),
	  "belong", NULL, "the key sent back" },
	{ __LINE__, SWITCH(UPGRADE "Sec-WebSocket-Accept:\r\n"), "belong",
	  NULL, "empty" },
	{ __LINE__, SWITCH(UPGRADE GOOD GOOD), "one", NULL,
	  "RFC 6455 11.3.3: twice" },
	{ __LINE__, "HTTP/1.0 101 X\r\n" UPGRADE GOOD "\r\n", "HTTP/1.0",
	  "HTTP/1.0", "RFC 9110 15.2: it has no 1xx" },
	{ __LINE__, SWITCH(UPGRADE GOOD "Content-Length: 0\r\n"), NULL, NULL,
	  "some add it to all answers" },
	{ __LINE__, SWITCH(UPGRADE GOOD "Content-Length: 1\r\n"), "body",
	  "body", "RFC 9110 8.6" },
	{ __LINE__, SWITCH(UPGRADE GOOD "Transfer-Encoding: chunked\r\n"),
	  "body", "body", "RFC 9112 6.1" },
};

/* Is it NULL like `expected`, or a sentence with that word? */
static bool
says(const char *sentence, const char *expected)
{
	if (!sentence || !expected)
		return !sentence && !expected;
	return strstr(sentence, expected) != NULL;
}

static void
answers_by_row(void **state)
{
	struct head req, res;

	(void)state;
	parse(&req, HEAD_REQUEST,
	      GET(UPGRADE "Sec-WebSocket-Key: " KEY "\r\n"));
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		const struct answer_row *r = &answers[i];
		const char *strict, *lax;

		parse(&res, HEAD_RESPONSE, r->head);
		strict = upgrade_refute(&req, &res, true);
		lax = upgrade_refute(&req, &res, false);
		ROW_CHECK(r, says(strict, r->refuted), "%s", strict);
		ROW_CHECK(r, says(lax, r->unverified), "%s", lax);
		head_fini(&res);
	}
	head_fini(&req);
	rows_end();
}

static void
without_a_key_nothing_can_be_verified(void **state)
{
	/* What the accept of an empty key would be. */
	static const char empty[] =
		SWITCH(UPGRADE "Sec-WebSocket-Accept: "
			       "Kfh9QIsMVZcl6xEPYxPHzW8SZ8w=\r\n");
	struct head req, res;

	(void)state;
	parse(&res, HEAD_RESPONSE, empty);
	parse(&req, HEAD_REQUEST, GET(UPGRADE));
	assert_non_null(upgrade_refute(&req, &res, true));
	assert_null(upgrade_refute(&req, &res, false));
	head_fini(&req);
	parse(&req, HEAD_REQUEST, GET(UPGRADE "Sec-WebSocket-Key:\r\n"));
	assert_non_null(upgrade_refute(&req, &res, true));
	head_fini(&req);
	head_fini(&res);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_key_of_rfc_6455),
		cmocka_unit_test(requests_by_row),
		cmocka_unit_test(answers_by_row),
		cmocka_unit_test(without_a_key_nothing_can_be_verified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
