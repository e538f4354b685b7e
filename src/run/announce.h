/* SPDX-License-Identifier: ISC */
/*
 * announce.h: the lines that a start prints.
 */
#ifndef RUN_ANNOUNCE_H
#define RUN_ANNOUNCE_H

#include "conf/conf.h"
#include "run/sockets.h"
#include "run/sockets.h"

/* Which configuration this is. */
void announce_source(const struct conf *conf);
/* A warning where nobody can reach the addresses that we listen on. */
void announce_reach(const struct conf *conf, const struct sockets *s);
/* Which WebSockets go where. */
void announce_routes(const struct conf *conf);
/* Warns of backends whose certificates are not verified. */
void announce_doubts(const struct conf *conf);
/* "> Ready on …": it can be opened in a browser now. */
void announce_ready(const struct conf *conf, const struct sockets *s);

/* The backend that is the supervised application, or NULL. */
struct conf_backend *announce_app(const struct conf *conf);

#endif
