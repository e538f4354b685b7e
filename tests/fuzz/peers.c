/* SPDX-License-Identifier: ISC */
/*
 * peers.c: both sides of a proxied connection: what they say and hear.
 */
#include "peers.h"

#include <sys/socket.h>
#include <unistd.h>

struct client_peer peers_clients[CLIENTS];
unsigned peers_nclients;
struct client_peer *peers_client;
struct server_peer peers_servers[SERVERS];
unsigned peers_nservers;
bool peers_starved;

/* The flows are large, and only their lengths count. */
static void
clear_client(struct client_peer *c)
{
	c->said.n = c->heard.n = 0;
	c->nrequests = c->passed = c->answered = c->interim = 0;
	c->read_to = c->heard_to = 0;
	c->lost = c->over = c->deaf = false;
}

static void
clear_server(struct server_peer *s)
{
	s->client = NULL;
	s->now = s->asked = NULL;
	s->said.n = s->heard.n = 0;
	s->heard_to = s->said_to = s->body_at = 0;
	s->nheard = 0;
	s->spoilt = s->switched = s->deaf = false;
}

void
peers_reset(void)
{
	peers_client = NULL;
	peers_nclients = peers_nservers = 0;
}

struct client_peer *
peers_new_client(int fd, bool trusted)
{
	struct client_peer *c = &peers_clients[peers_nclients];

	if (peers_nclients == CLIENTS)
		return NULL;
	peers_nclients++;
	clear_client(c);
	c->fd = fd;
	c->trusted = trusted;
	peers_client = c;
	return c;
}

struct server_peer *
peers_new_server(int fd)
{
	struct server_peer *s = &peers_servers[peers_nservers++];

	clear_server(s);
	s->fd = fd;
	return s;
}

/* Sends what fits, into the socket and into the flow. */
static void
say(int fd, struct flow *f, struct slice bytes)
{
	size_t room = sizeof(f->bytes) - f->n;
	ssize_t took;

	if (fd < 0 || bytes.n == 0)
		return;
	took = send(fd, bytes.p, bytes.n < room ? bytes.n : room,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
	if (took <= 0)
		return;
	memcpy(f->bytes + f->n, bytes.p, (size_t)took);
	f->n += (size_t)took;
}

void
peers_client_says(struct slice bytes)
{
	if (peers_client)
		say(peers_client->fd, &peers_client->said, bytes);
}

void
peers_server_says(struct server_peer *s, struct slice bytes)
{
	/* One that does not listen would not know what it answers. */
	if (!s || s->deaf)
		return;
	say(s->fd, &s->said, bytes);
	peers_read_answers(s);
}

static bool
hear(int fd, struct flow *f)
{
	size_t room = sizeof(f->bytes) - f->n;
	ssize_t got;

	if (fd < 0 || room == 0)
		return false;
	got = recv(fd, f->bytes + f->n, room, MSG_DONTWAIT);
	if (got <= 0)
		return false;
	f->n += (size_t)got;
	return true;
}

bool
peers_listen(void)
{
	struct client_peer *c = peers_client;
	bool any = c && !c->deaf && hear(c->fd, &c->heard);

	for (unsigned i = 0; i < peers_nservers; i++)
		if (!peers_servers[i].deaf)
			any |= hear(peers_servers[i].fd,
				    &peers_servers[i].heard);
	return any;
}
