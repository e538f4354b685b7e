/* SPDX-License-Identifier: ISC */
/*
 * sockets.c: the sockets that a configuration's listeners ask for.
 */
#include "run/sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/listen.h"
#include "net/resolve.h"
#include "run/owner.h"

/* A listener's addresses: of "localhost" and of none, on both families. */
static const char *
expand(const struct conf_listener *l, struct addr **addrs, size_t *n)
{
	bool both = !l->host || strcmp(l->host, "localhost") == 0;

	if (!both)
		return resolve(l->host, l->port, addrs, n);
	*addrs = xcalloc(2, sizeof(**addrs));
	*n = 2;
	(*addrs)[0].family = 4;
	(*addrs)[1].family = 6;
	if (l->host) {
		memcpy((*addrs)[0].ip, "\177\0\0\1", 4);
		(*addrs)[1].ip[15] = 1;
	}
	(*addrs)[0].port = (*addrs)[1].port = l->port;
	return NULL;
}

/* Does the machine lack that family, or have it turned off? */
static bool
is_family_missing(int error)
{
	return error == EAFNOSUPPORT || error == EADDRNOTAVAIL ||
	       error == EPROTONOSUPPORT;
}

static void
complain_taken(const struct conf_listener *l, const struct addr *a,
	       const char *text)
{
	struct owner o;

	if (!owner_of_port(a, &o))
		log_say(LOG_FATAL, "cannot listen on %s: another program "
			"listens on port %u already (lsof -i :%u tells which); "
			"end it, or choose another port: -l %u",
			text, l->port, l->port, l->port + 1u);
	else if (o.pid == getpid())
		log_say(LOG_FATAL, "cannot listen on %s: another listener of "
			"this configuration has port %u already; leave one out",
			text, l->port);
	else
		log_say(LOG_FATAL, "cannot listen on %s: %s (pid %d) listens "
			"on port %u already; end it (kill %d), or choose "
			"another port: -l %u", text, o.name, (int)o.pid,
			l->port, (int)o.pid, l->port + 1u);
}

static void
complain(const struct conf_listener *l, const struct addr *a)
{
	char text[ADDR_TEXT];

	addr_text(a, text);
	if (errno == EADDRINUSE)
		complain_taken(l, a, text);
	else if (errno == EACCES)
		log_say(LOG_FATAL, "cannot listen on %s: ports below 1024 are "
			"for root; choose another: -l 3000, or give the "
			"binary cap_net_bind_service", text);
	else if (errno == EADDRNOTAVAIL)
		log_say(LOG_FATAL, "cannot listen on %s: this machine does "
			"not have that address; -l :%u listens on all that it "
			"has", text, l->port);
	else
		log_say(LOG_FATAL, "cannot listen on %s: %s", text,
			strerror(errno));
}

/*
 * Our own sockets share a port, and so would another bowsprit's: half of the
 * connections would go there.  A socket that shares with nobody asks first.
 */
static bool
is_free(const struct addr *a)
{
	int fd = listen_open(a, false);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static bool
open_address(struct sockets *s, const struct addr *a, unsigned rows)
{
	int *fds;

	if (rows > 1 && !is_free(a))
		return false;
	fds = xmalloc((s->naddrs + 1) * rows * sizeof(*fds));
	for (unsigned i = 0; i < rows; i++) {
		int *row = fds + i * (s->naddrs + 1);

		if (s->naddrs)
			memcpy(row, s->fds + i * s->naddrs,
			       s->naddrs * sizeof(*fds));
		row[s->naddrs] = listen_open(a, rows > 1);
		if (row[s->naddrs] < 0) {
			int saved = errno;

			while (i-- > 0)
				close(fds[i * (s->naddrs + 1) + s->naddrs]);
			free(fds);
			errno = saved;
			return false;
		}
	}
	free(s->fds);
	s->fds = fds;
	s->addrs = xrealloc(s->addrs, (s->naddrs + 1) * sizeof(*a));
	s->addrs[s->naddrs++] = *a;
	return true;
}

static bool
open_listener(struct sockets *s, const struct conf_listener *l)
{
	struct addr *addrs;
	size_t n, opened = 0;
	const char *error = expand(l, &addrs, &n);
	bool both = n == 2 && addrs[0].family != addrs[1].family, ok = true;

	if (error)
		log_say(LOG_FATAL, "cannot listen on %s: %s", l->text, error);
	for (size_t i = 0; i < n && ok; i++) {
		if (open_address(s, &addrs[i], s->rows)) {
			opened++;
		} else if (both && is_family_missing(errno)) {
			log_say(LOG_INFO, "%s: this machine has no IPv%u",
				l->text, addrs[i].family);
		} else {
			complain(l, &addrs[i]);
			ok = false;
		}
	}
	free(addrs);
	return ok && opened > 0;
}

bool
sockets_open(struct sockets *s, const struct conf *conf, unsigned nworkers)
{
	*s = (struct sockets){ .rows = listen_can_share ? nworkers : 1 };
	for (size_t i = 0; i < conf->nlisteners; i++) {
		if (!open_listener(s, &conf->listeners[i])) {
			sockets_close(s);
			return false;
		}
	}
	return true;
}

void
sockets_close(struct sockets *s)
{
	for (size_t i = 0; i < s->rows * s->naddrs; i++)
		close(s->fds[i]);
	free(s->fds);
	free(s->addrs);
	*s = (struct sockets){ 0 };
}

const int *
sockets_of(const struct sockets *s, unsigned worker)
{
	return s->fds + (s->rows > 1 ? worker * s->naddrs : 0);
}
