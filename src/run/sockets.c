/* SPDX-License-Identifier: ISC */
/*
 * sockets.c: the sockets that a configuration's listeners ask for.
 */
#include "run/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/listen.h"
#include "net/listen_unix.h"
#include "net/resolve.h"
#include "net/sockopt.h"
#include "run/child_where.h"
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

/* Our predecessor's, which was not asked for, and which is in the way. */
static bool
is_in_the_way(const struct sockets *s, const struct addr *a)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct place *p = &s->places[i];

		if (p->left && !p->named && !p->path &&
		    (child_where_covers(&p->addr, a) ||
		     child_where_covers(a, &p->addr)))
			return true;
	}
	return false;
}

static void
complain_taken(const struct sockets *s, const struct conf_listener *l,
	       const struct addr *a, const char *text)
{
	struct owner o;

	if (is_in_the_way(s, a))
		log_say(LOG_FATAL, "cannot listen on %s: the process that is "
			"to be replaced has port %u on other addresses; from "
			"one address to all, or back, takes a restart",
			text, l->port);
	else if (!owner_of_port(a, &o))
		log_say(LOG_FATAL, "cannot listen on %s: another program "
			"listens on port %u already (lsof -i :%u tells which); "
			"end it, or choose another port: -l %u",
			text, l->port, l->port, l->port + 1u);
	else if (o.pid == getpid() || o.pid == sockets_predecessor(s))
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
complain(const struct sockets *s, const struct conf_listener *l,
	 const struct addr *a)
{
	char text[ADDR_TEXT];

	addr_text(a, text);
	if (errno == EADDRINUSE)
		complain_taken(s, l, a, text);
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

/* Another may have taken the name meanwhile. */
static bool
has_file(const struct place *p)
{
	struct stat st;

	return p->path && lstat(p->path, &st) == 0 &&
	       st.st_dev == p->device && st.st_ino == p->inode;
}

static void
close_place(struct place *p)
{
	if (!p->passed && has_file(p))
		unlink(p->path);
	for (unsigned i = 0; i < p->nfds; i++)
		close(p->fds[i]);
	free(p->fds);
	free(p->path);
}

/* One socket for each worker, where the kernel spreads connections. */
static bool
open_address(struct sockets *s, const struct conf_listener *l,
	     const struct addr *a, unsigned nworkers)
{
	bool share = listen_can_share && nworkers > 1;
	struct place p = {
		.addr = *a,
		.proxied = l->proxied,
		.gate = l->number,
	};
	unsigned wanted = share ? nworkers : 1;

	if (share && !is_free(a))
		return false;
	p.fds = xcalloc(wanted, sizeof(*p.fds));
	while (p.nfds < wanted) {
		int fd = listen_open(a, share), saved = errno;

		if (fd < 0) {
			close_place(&p);
			errno = saved;
			return false;
		}
		p.fds[p.nfds++] = fd;
	}
	*xgrow(s->places, s->n) = p;
	return true;
}

/*
 * What a service manager opened is wider at will.  A predecessor's is what an
 * older configuration asked for, and only the same address is still meant.
 */
static bool
stands_for(const struct place *p, const struct addr *a, const char *path)
{
	if (path || p->path)
		return path && p->path && strcmp(p->path, path) == 0;
	if (p->left)
		return p->addr.port == a->port && addr_same_host(&p->addr, a);
	return child_where_covers(&p->addr, a) &&
	       (p->addr.family == a->family || !p->only_6);
}

/* Is its path, or this address of it, a socket's that we have adopted? */
static bool
take_adopted(struct sockets *s, const struct conf_listener *l,
	     const struct addr *a)
{
	for (size_t i = 0; i < s->n; i++) {
		struct place *p = &s->places[i];

		if ((p->passed || (p->left && !p->named && !p->lost)) &&
		    stands_for(p, a, l->path)) {
			p->named = true;
			p->proxied = l->proxied;
			p->wanted = l;
			p->gate = l->number;
			return true;
		}
	}
	return false;
}

static bool
open_listener(struct sockets *s, const struct conf_listener *l,
	      unsigned nworkers)
{
	struct addr *addrs;
	size_t n, opened = 0;
	const char *error = expand(l, &addrs, &n);
	bool both = n == 2 && addrs[0].family != addrs[1].family, ok = true;

	if (error)
		log_say(LOG_FATAL, "cannot listen on %s: %s", l->text, error);
	for (size_t i = 0; i < n && ok; i++) {
		if (take_adopted(s, l, &addrs[i]) ||
		    open_address(s, l, &addrs[i], nworkers)) {
			opened++;
		} else if (both && is_family_missing(errno)) {
			log_say(LOG_INFO, "%s: this machine has no IPv%u",
				l->text, addrs[i].family);
		} else {
			complain(s, l, &addrs[i]);
			ok = false;
		}
	}
	free(addrs);
	return ok && opened > 0;
}

/* ---- unix sockets ---- */

static bool
is_given_away(const struct conf_listener *l)
{
	return l->owner != CONF_OURS || l->group != CONF_OURS;
}

static void
complain_unix(const struct conf_listener *l)
{
	const char *path = l->path, *why = strerror(errno);
	struct owner o;

	if (errno == EADDRINUSE && owner_of_path(path, &o)) {
		log_say(LOG_FATAL, "cannot listen on unix:%s: %s (pid %d) "
			"listens there already; end it (kill %d), or choose "
			"another path", path, o.name, (int)o.pid, (int)o.pid);
		return;
	}
	if (errno == EADDRINUSE)
		why = "another program listens there already (ss -xlp tells "
		      "which); end it, or choose another path";
	else if (errno == ENOTSOCK)
		why = "there is a file of that name that is no socket; remove "
		      "it, or choose another path";
	else if (errno == ENOENT)
		why = "its folder does not exist; make it";
	else if (errno == EPERM && is_given_away(l))
		why = "only root may give a socket to another owner, and only "
		      "a member of a group to that; start us as root, or "
		      "leave owner and group out";
	else if (errno == EACCES || errno == EPERM)
		why = "this user may not make a file in its folder; choose "
		      "another, or change its owner";
	log_say(LOG_FATAL, "cannot listen on unix:%s: %s", path, why);
}

/* Did our predecessor listen there, but nobody reached it any more? */
static bool
was_lost(const struct sockets *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->places[i].lost && strcmp(s->places[i].path, path) == 0)
			return true;
	return false;
}

static bool
open_path(struct sockets *s, const struct conf_listener *l)
{
	struct place p = {
		.nfds = 1,
		.proxied = l->proxied,
		.gate = l->number,
	};
	struct stat st;
	int fd;

	if (take_adopted(s, l, NULL))
		return true;
	fd = listen_unix(l->path, l->mode, l->owner, l->group);
	if (fd < 0 || lstat(l->path, &st) < 0) {
		complain_unix(l);
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (was_lost(s, l->path))
		log_say(LOG_WARN, "unix:%s: the process that is replaced had "
			"lost the file of its socket; listening there anew",
			l->path);
	p.fds = xmalloc(sizeof(*p.fds));
	p.fds[0] = fd;
	p.path = xstrdup(l->path);
	p.device = st.st_dev;
	p.inode = st.st_ino;
	*xgrow(s->places, s->n) = p;
	return true;
}

/* ---- sockets that were there before us ---- */

static bool
is_listening(int fd)
{
	int type = 0, listening = 0;
	socklen_t len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) ==
		       0 &&
	       type == SOCK_STREAM && listening;
}

static void
read_address(struct place *p, int fd)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(ss);
	struct sockaddr_un un;
	int only = 0;

	(void)getsockname(fd, (struct sockaddr *)&ss, &len);
	if (ss.ss_family == AF_UNIX) {
		memcpy(&un, &ss, sizeof(un));
		p->path = xasprintf("%.*s", (int)sizeof(un.sun_path),
				    un.sun_path);
		return;
	}
	addr_of_sockaddr(&p->addr, (struct sockaddr *)&ss);
	len = sizeof(only);
	p->only_6 = getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &len) ==
			    0 && only;
}

/* Of a predecessor's address all sockets are in one place, as they were. */
static struct place *
find_same(struct sockets *s, const struct place *p)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->places[i].left && p->left && !p->path &&
		    stands_for(&s->places[i], &p->addr, NULL))
			return &s->places[i];
	return NULL;
}

static bool
adopt(struct sockets *s, int fd, char kind)
{
	bool lost = kind == ACTIVATION_LOST;
	struct place p = { .passed = kind == ACTIVATION_MANAGER,
			   .left = kind == ACTIVATION_OWN || lost,
			   .lost = lost };
	struct place *same;

	if (!is_listening(fd)) {
		log_say(LOG_FATAL, "descriptor %d, which the service manager "
			"passed (LISTEN_FDS), is no stream socket that "
			"listens; in a systemd socket unit write "
			"ListenStream= and Accept=no", fd);
		return false;
	}
	sock_adopt(fd);
	read_address(&p, fd);
	if ((same = find_same(s, &p))) {
		*xgrow(same->fds, same->nfds) = fd;
		return true;
	}
	*xgrow(p.fds, p.nfds) = fd;
	*xgrow(s->places, s->n) = p;
	return true;
}

/*
 * A socket for each worker, as if we had opened them all.  Where the system
 * refuses, they share.
 */
static void
widen(struct place *p, unsigned nworkers)
{
	while (p->left && !p->path && p->nfds < nworkers) {
		int fd = listen_join(p->fds[0], &p->addr);

		if (fd < 0)
			return;
		*xgrow(p->fds, p->nfds) = fd;
	}
}

/* What our predecessor listens on, and we are not to, stays with it alone. */
static void
decline_unnamed(struct sockets *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct place *p = &s->places[i];

		if (p->named || !p->left) {
			s->places[kept++] = *p;
			continue;
		}
		for (unsigned j = 0; j < p->nfds; j++)
			s->from.kinds[p->fds[j] - ACTIVATION_FIRST] =
				ACTIVATION_DECLINED;
		close_place(p);
	}
	s->n = kept;
}

/* ---- all of them ---- */

static bool
has_manager(const struct activation *a)
{
	return a->kinds && strchr(a->kinds, ACTIVATION_MANAGER);
}

static bool
open_all(struct sockets *s, const struct conf *conf, unsigned nworkers)
{
	activation_take(&s->from);
	for (size_t i = 0; i < s->from.n; i++)
		if (!adopt(s, ACTIVATION_FIRST + (int)i, s->from.kinds[i]))
			return false;
	s->configured = conf->listeners_given || !has_manager(&s->from);
	for (size_t i = 0; i < conf->nlisteners && s->configured; i++) {
		const struct conf_listener *l = &conf->listeners[i];

		if (!(l->path ? open_path(s, l)
			      : open_listener(s, l, nworkers)))
			return false;
	}
	decline_unnamed(s);
	for (size_t i = 0; i < s->n; i++)
		widen(&s->places[i], nworkers);
	return true;
}

bool
sockets_open(struct sockets *s, const struct conf *conf, unsigned nworkers)
{
	*s = (struct sockets){ .from.answer = -1 };
	if (open_all(s, conf, nworkers))
		return true;
	sockets_close(s);
	return false;
}

void
sockets_close(struct sockets *s)
{
	for (size_t i = 0; i < s->n; i++)
		close_place(&s->places[i]);
	free(s->places);
	activation_fini(&s->from);
	*s = (struct sockets){ .from.answer = -1 };
}

/* ---- from one process to the next ---- */

/* Those that listened before stay as they are. */
bool
sockets_begin(struct sockets *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct place *p = &s->places[i];

		for (unsigned j = 0; j < p->nfds && p->left; j++)
			if (!listen_begin(p->fds[j])) {
				log_say(LOG_FATAL, "cannot listen: %s",
					strerror(errno));
				return false;
			}
	}
	return true;
}

static void
take_file(struct place *p)
{
	const struct conf_listener *l = p->wanted;
	struct stat st;

	if (lstat(p->path, &st) < 0)
		return;
	p->device = st.st_dev;
	p->inode = st.st_ino;
	if (!listen_unix_set(p->path, l->mode, l->owner, l->group))
		log_say(LOG_WARN, "unix:%s keeps the mode and the owner that "
			"it has: %s", p->path, strerror(errno));
	p->wanted = NULL;
}

pid_t
sockets_predecessor(const struct sockets *s)
{
	return s->from.answer >= 0 ? getppid() : 0;
}

/* Only now are the files ours: had we failed, they were still another's. */
bool
sockets_answer(struct sockets *s)
{
	if (s->from.answer < 0)
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (s->places[i].left && s->places[i].path)
			take_file(&s->places[i]);
	s->from.kinds[s->from.n] = '\n';
	/* Should it be gone, we are all that is left. */
	(void)!write(s->from.answer, s->from.kinds, s->from.n + 1);
	close(s->from.answer);
	activation_fini(&s->from);
	return true;
}

/* Nobody can reach it any more, and whoever follows us is to listen anew. */
static bool
is_lost(const struct place *p)
{
	return !p->passed && p->path && !has_file(p);
}

void
sockets_check(const struct sockets *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_lost(&s->places[i]))
			log_say(LOG_WARN, "unix:%s: its file was removed or "
				"replaced, so that nobody can reach us there; "
				"SIGUSR2, or a restart, listens anew",
				s->places[i].path);
}

static char
kind_of(const struct place *p)
{
	if (p->passed)
		return ACTIVATION_MANAGER;
	return is_lost(p) ? ACTIVATION_LOST : ACTIVATION_OWN;
}

size_t
sockets_list(const struct sockets *s, int **fds, char **kinds)
{
	size_t n = 0;

	*fds = NULL;
	*kinds = NULL;
	for (size_t i = 0; i < s->n; i++) {
		const struct place *p = &s->places[i];
		char kind = kind_of(p);

		for (unsigned j = 0; j < p->nfds; j++) {
			*kinds = xrealloc(*kinds, n + 2);
			(*kinds)[n] = kind;
			(*kinds)[n + 1] = '\0';
			*xgrow(*fds, n) = p->fds[j];
		}
	}
	return n;
}

void
sockets_leave(struct sockets *s, const char *answer)
{
	for (size_t i = 0; i < s->n; i++) {
		struct place *p = &s->places[i];
		bool taken = true;

		for (unsigned j = 0; j < p->nfds; j++)
			if (*answer++ == ACTIVATION_DECLINED)
				taken = false;
		p->passed = p->passed || taken;
	}
}
