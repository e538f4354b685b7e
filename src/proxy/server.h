/* SPDX-License-Identifier: ISC */
/*
 * server.h: the backend side, up to the response head.
 */
#ifndef PROXY_SERVER_H
#define PROXY_SERVER_H

#include "proxy/conn.h"

/*
 * Finds a connection for the routed request: waits for the application to
 * boot, takes one from the pool, or makes a new one.
 */
void server_connect(struct conn *c);
/* CS_CONNECT: there is a new connection. */
void server_connected(struct conn *c);
/* CS_CONNECT: the way is open. */
void server_opened(struct conn *c);
/* CS_CONNECT: the addresses of a name have come. */
void server_on_name(struct conn *c, const char *name);
/* CS_CONNECT: time is up for something. */
void server_on_deadline(struct conn *c);
/*
 * CS_CONNECT, refused: has the application perhaps just ended?  Its sockets
 * tell us sooner than its parent, our main thread, does.  True if the news is
 * waited for, and then the next application.
 */
bool server_awaits_news(struct conn *c);
/* CS_ANSWER: the response head, or a part of it. */
void server_on_answer(struct conn *c, unsigned news);
/*
 * The connection was lost before an answer: retries if that is safe, else
 * fails the request with `why`.
 */
void server_lost(struct conn *c, const struct reason *why);

/*
 * Puts a socket that is connecting into a new server, and waits for it; `here` as
 * for stream_connect.
 */
void server_watch(struct server *s, int fd, bool here);
/* Closes c's server, if it has one, and those that are being dialled. */
void server_drop(struct conn *c);
/* Gives it to the pool for the next request. */
void server_release(struct conn *c, uint64_t keep);
/* Closes and frees a server that belongs to no conn. */
void server_free(struct server *s);

#endif
