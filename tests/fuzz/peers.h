/* SPDX-License-Identifier: ISC */
/*
 * peers.h: both sides of a proxied connection, as the other reader sees them.
 *
 * What a client and the servers have said and heard is kept whole, and looked
 * at after each step: peers_check ends the process when an invariant of
 * bowsprit's is broken.
 */
#ifndef TESTS_FUZZ_PEERS_H
#define TESTS_FUZZ_PEERS_H

#include "fuzz.h"
#include "strict.h"

#define PEER_BYTES 65536
#define CLIENTS 4
#define SERVERS 24
#define REQUESTS 64

struct flow {
	char bytes[PEER_BYTES];
	size_t n;
};

/* A request that a client has sent, as the other reader reads it. */
struct request {
	struct client_peer *client;
	struct strict_head head;
	struct slice id;          /* X-Request-Id, when it was passed on */
	size_t body_at, body_len; /* in its client's `said` */
	bool upgrade;
	bool whole;               /* its end was said, too */
	struct server_peer *carrier; /* who heard it last, or NULL */
	bool answered;            /* by the carrier, with a sane final head */
	struct strict_head answer;
	size_t answer_at;         /* of its body, in the carrier's `said` */
};

struct client_peer {
	int fd; /* -1: closed */
	bool trusted, deaf;
	struct flow said, heard;
	struct request requests[REQUESTS];
	unsigned nrequests;
	unsigned passed;   /* requests that came to a server, or could not */
	size_t read_to;    /* of `said`: where the next request begins */
	bool lost;         /* what follows is no request */
	size_t heard_to;   /* of `heard`: where the next answer begins */
	unsigned answered, interim;
	bool over;         /* the last answer closed the connection */
};

struct server_peer {
	int fd;
	bool deaf;
	struct client_peer *client; /* whose request it hears */
	struct flow said, heard;
	size_t heard_to;       /* where the present request begins */
	struct request *now;   /* the one that it hears; NULL between two */
	struct request *asked; /* the one that it has to answer */
	unsigned nheard;       /* requests */
	size_t said_to;        /* where its next answer begins */
	bool spoilt;           /* must not be asked again */
	bool switched;         /* has said a 101 that belongs to its request */
	size_t body_at;        /* of `heard`: what follows the head */
};

extern struct client_peer peers_clients[CLIENTS];
extern unsigned peers_nclients;
extern struct client_peer *peers_client; /* the present one, the last */
extern struct server_peer peers_servers[SERVERS];
extern unsigned peers_nservers;

/* Memory runs out on purpose: an answer that gets lost is asked for again. */
extern bool peers_starved;

/* Forgets everybody. */
void peers_reset(void);
/* NULL when there are too many. */
struct client_peer *peers_new_client(int fd, bool trusted);
/* The caller sees that there are not too many. */
struct server_peer *peers_new_server(int fd);

/* Sends to the proxy, as much as goes. */
void peers_client_says(struct slice bytes);
void peers_server_says(struct server_peer *s, struct slice bytes);
/* Reads what has come for those who are not deaf.  True if it was anything. */
bool peers_listen(void);
/* The tunnels whose sides are pinged are below that path. */
#define PEERS_PINGED "/ping/"
/* The address that untrusted clients have. */
#define PEERS_ADDRESS "203.0.113.7"

/* Does all that was said and heard so far obey the invariants? */
void peers_check(void);
/* The server has said more, or has ended: what does it mean? */
void peers_read_answers(struct server_peer *s);

#endif
