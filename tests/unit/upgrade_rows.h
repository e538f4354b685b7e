/* SPDX-License-Identifier: ISC */
/*
 * upgrade_rows.h: what is a WebSocket upgrade, and what is the 101 to it, each
 * with its reason, like head_rows.h.
 */
#ifndef TESTS_UNIT_UPGRADE_ROWS_H
#define TESTS_UNIT_UPGRADE_ROWS_H

#include "proto/upgrade.h"

/* RFC 6455 1.3 */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

struct upgrade_row {
	int line;
	const char *head;
	enum upgrade upgrade;
	const char *mutant;
	const char *why;
};

#define REQUEST(line, fields) line "\r\nHost: a\r\n" fields "\r\n"
#define ASK(fields) REQUEST("GET / HTTP/1.1", fields)
#define UPGRADE "Connection: Upgrade\r\nUpgrade: websocket\r\n"
#define IS_ONE(head, mutant, why) \
	{ __LINE__, head, UPGRADE_WEBSOCKET, mutant, why }
#define NOT_ONE(head, mutant, why) \
	{ __LINE__, head, UPGRADE_IGNORED, mutant, why }
#define ASKS_NOT(head, mutant, why) \
	{ __LINE__, head, UPGRADE_NONE, mutant, why }

static const struct upgrade_row upgrades[] = {
	IS_ONE(ASK(UPGRADE), "takes nothing for an upgrade", "RFC 6455 4.1"),
	IS_ONE(ASK("connection: keep-alive, upgrade\r\n"
		   "upgrade: WebSocket\r\n"),
	       "wants the word websocket alone",
	       "RFC 6455 4.2.1: Firefox; any case"),
	IS_ONE(ASK("Upgrade: websocket\r\nConnection: keep-alive\r\n"
		   "Connection: Upgrade\r\n"),
	       "reads the first Connection", "RFC 9110 5.3: in another line"),
	IS_ONE(ASK("Upgrade: h2c, websocket\r\nConnection: upgrade\r\n"),
	       "wants the word websocket alone", "RFC 9110 7.8: among others"),
	IS_ONE(ASK(UPGRADE "Content-Length: 0\r\n"),
	       "takes no bytes for a body",
	       "RFC 6455 4.1: a body of no bytes is none"),
	ASKS_NOT(ASK(""), "takes every request for an upgrade",
		 "RFC 9110 7.8: no Upgrade"),
	ASKS_NOT(ASK("Connection: Upgrade\r\n"),
		 "takes every request for an upgrade", "RFC 9110 7.8: none"),
	NOT_ONE(ASK("Upgrade: websocket\r\n"), "does not ask Connection",
		"RFC 9110 7.8: Connection does not list it"),
	NOT_ONE(ASK("Upgrade: websocket\r\nConnection: upgrades\r\n"),
		"does not ask Connection", "RFC 9110 7.8: nearly"),
	NOT_ONE(ASK("Upgrade: websocket\r\nConnection: close\r\n"
		    "X: upgrade\r\n"),
		"does not ask Connection", "RFC 9110 7.8: in another field"),
	NOT_ONE(ASK("Upgrade: websocket\r\nProxy-Connection: Upgrade\r\n"),
		"does not ask Connection",
		"RFC 9110 7.8: http-parser takes this for one"),
	NOT_ONE(ASK("Upgrade: websockets\r\nConnection: Upgrade\r\n"),
		"does not ask for websocket", "RFC 9110 7.8: another protocol"),
	NOT_ONE(ASK("Upgrade:\r\nConnection: Upgrade\r\n"),
		"does not ask for websocket", "RFC 9110 7.8: none"),
	NOT_ONE(ASK("Upgrade: h2c\r\nHTTP2-Settings: A\r\n"
		    "Connection: Upgrade, HTTP2-Settings\r\n"),
		"does not ask for websocket", "RFC 9113 3.1: h2c"),
	NOT_ONE(ASK("Upgrade: TLS/1.0\r\nConnection: Upgrade\r\n"),
		"does not ask for websocket", "RFC 2817"),
	NOT_ONE(REQUEST("POST / HTTP/1.1", UPGRADE), "upgrades every method",
		"RFC 6455 4.1: POST"),
	NOT_ONE(REQUEST("get / HTTP/1.1", UPGRADE), "upgrades every method",
		"RFC 9110 9.1: methods are case-sensitive"),
	NOT_ONE(REQUEST("GET / HTTP/1.0", UPGRADE), "upgrades HTTP/1.0",
		"RFC 9110 7.8: HTTP/1.0"),
	NOT_ONE(ASK(UPGRADE "Content-Length: 1\r\n"),
		"upgrades what has a body", "RFC 6455 4.1: a body"),
	NOT_ONE(ASK(UPGRADE "Transfer-Encoding: chunked\r\n"),
		"upgrades what has a body", "RFC 6455 4.1: a body"),
};

struct answer_row {
	int line;
	const char *head;
	const char *refuted; /* a word of the sentence, NULL: it is the 101 */
	const char *unverified; /* the same without verify_accept */
	const char *mutant;
	const char *why;
};

#define ANSWER(status, fields) "HTTP/1.1 " status "\r\n" fields "\r\n"
#define SWITCH(fields) ANSWER("101 Switching Protocols", fields)
#define ACCEPTS "Sec-WebSocket-Accept: " ACCEPT "\r\n"

static const struct answer_row answers[] = {
	{ __LINE__, SWITCH(UPGRADE ACCEPTS), NULL, NULL, "believes no 101",
	  "RFC 6455 4.2.2" },
	{ __LINE__, SWITCH("upgrade: WebSocket\r\nconnection: UPGRADE\r\n"
			   ACCEPTS),
	  NULL, NULL, "reads a 101 by its letters' case",
	  "RFC 6455 4.1: any case" },
	{ __LINE__, SWITCH("Upgrade: websocket\r\n"
			   "Connection: keep-alive, Upgrade\r\n" ACCEPTS),
	  NULL, NULL, "wants Upgrade alone in Connection",
	  "RFC 9110 7.6.1: Connection is a list" },
	{ __LINE__, SWITCH(UPGRADE ACCEPTS "Content-Length: 0\r\n"), NULL,
	  NULL, "refuses a length of 0 in a 101",
	  "RFC 9110 8.6: some add it to all answers" },
	{ __LINE__, ANSWER("200 OK", UPGRADE ACCEPTS), "101", "101",
	  "takes any status for 101", "RFC 6455 4.1: another status" },
	{ __LINE__, "HTTP/1.0 101 X\r\n" UPGRADE ACCEPTS "\r\n", "HTTP/1.0",
	  "HTTP/1.0", "believes a 101 in HTTP/1.0",
	  "RFC 9110 15.2: it has no 1xx" },
	{ __LINE__, SWITCH("Connection: Upgrade\r\n" ACCEPTS), "Upgrade:",
	  "Upgrade:", "does not read Upgrade in a 101",
	  "RFC 6455 4.1: no Upgrade" },
	{ __LINE__, SWITCH("Upgrade: h2c\r\nConnection: Upgrade\r\n" ACCEPTS),
	  "Upgrade:", "Upgrade:", "does not read Upgrade in a 101",
	  "RFC 6455 4.1: another protocol" },
	{ __LINE__, SWITCH(UPGRADE "Upgrade: h2c\r\n" ACCEPTS), "Upgrade:",
	  "Upgrade:", "reads the first Upgrade in a 101",
	  "RFC 6455 4.1: and another one besides" },
	{ __LINE__, SWITCH("Upgrade: websocket\r\n" ACCEPTS), "Connection:",
	  "Connection:", "does not read Connection in a 101",
	  "RFC 6455 4.1: no Connection" },
	{ __LINE__, SWITCH("Upgrade: websocket\r\nConnection: close\r\n"
			   ACCEPTS),
	  "Connection:", "Connection:", "does not read Connection in a 101",
	  "RFC 6455 4.1: which does not list it" },
	{ __LINE__, SWITCH(UPGRADE), "Sec-WebSocket-Accept", NULL,
	  "reads any number of Accepts", "RFC 6455 4.1: no Accept" },
	{ __LINE__, SWITCH(UPGRADE "Sec-WebSocket-Accept: "
			   "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
	  "belong", NULL, "does not verify the Accept",
	  "RFC 4648 4: base64 is case-sensitive" },
	{ __LINE__, SWITCH(UPGRADE "Sec-WebSocket-Accept: " KEY "\r\n"),
	  "belong", NULL, "does not verify the Accept",
	  "RFC 6455 4.1: the key sent back" },
	{ __LINE__, SWITCH(UPGRADE "Sec-WebSocket-Accept:\r\n"), "belong",
	  NULL, "does not verify the Accept", "RFC 6455 4.1: empty" },
	{ __LINE__, SWITCH(UPGRADE ACCEPTS ACCEPTS), "one", NULL,
	  "reads any number of Accepts", "RFC 6455 11.3.3: twice" },
	{ __LINE__, SWITCH(UPGRADE ACCEPTS "Content-Length: 1\r\n"), "body",
	  "body", "believes a 101 with a body", "RFC 9110 8.6" },
	{ __LINE__, SWITCH(UPGRADE ACCEPTS "Transfer-Encoding: chunked\r\n"),
	  "body", "body", "believes a 101 with a body", "RFC 9112 6.1" },
};

#endif
