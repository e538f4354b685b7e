/* SPDX-License-Identifier: ISC */
/*
 * ctl.c: bowspritctl, which asks and tells a running bowsprit.
 *
 * It finds the process's admin socket (run/admin_place.h), sends one request,
 * and prints the answer, which is made there: as a table, or with --json.
 */
#include "config.h" /* PACKAGE_VERSION */

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/mem.h"
#include "proto/body.h"
#include "run/admin_place.h"

#define PATIENCE 15 /* s; a worker has 10, and 2 later we hear of it */

enum {
	DONE = 0,
	REFUSED = 1,   /* bowsprit says no */
	NOT_ASKED = 2, /* a mistake in what was typed, or nobody to ask */
};

static const char help[] =
	"Usage: bowspritctl [OPTION]... COMMAND\n"
	"\n"
	"Asks and tells a running bowsprit of this user's.\n"
	"\n"
	"  status           what it serves, and how many connections there are\n"
	"  list             open WebSockets; with -a also requests on their way\n"
	"  show ID          all that is known of one\n"
	"  kill ID...       end it: Close 1001 between two messages, and after\n"
	"                   5 s at most its connections are closed\n"
	"  drain            as at SIGTERM: finish what is under way, and end\n"
	"  reload           as at SIGHUP: read the configuration again\n"
	"  log-level LEVEL  debug, info, warn or error, until the next reload\n"
	"\n"
	"  -a, --all            requests as well as WebSockets\n"
	"  -j, --json           print JSON\n"
	"  -p, --pid PID        the bowsprit with that process id\n"
	"  -s, --socket PATH    the one whose admin socket is there\n"
	"  -V, --version        print the version and exit\n"
	"  -h, --help           print this and exit\n"
	"\n"
	"Exit status: 0 done, 1 bowsprit refused, 2 it could not be asked.\n";

static const struct option longs[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "json", no_argument, NULL, 'j' },
	{ "pid", required_argument, NULL, 'p' },
	{ "socket", required_argument, NULL, 's' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct wish {
	bool all, json;
	pid_t pid;          /* 0: whichever there is */
	const char *socket; /* NULL: where it usually is */
};

/* One that answers. */
struct place {
	char *path;
	pid_t pid;
};

struct places {
	struct place *list;
	size_t n;
};

static int PRINTF(1, 2)
complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("bowspritctl: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return NOT_ASKED;
}

/* ---- whom to ask ---- */

/* A socket connected to `path`; -1 and errno. */
static int
connect_to(const char *path)
{
	static const struct timeval patience = { .tv_sec = PATIENCE };
	struct sockaddr_storage ss;
	socklen_t len = addr_unix_sockaddr(path, &ss);
	int fd = len > 0 ? socket(AF_UNIX, SOCK_STREAM, 0) : -1, saved;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			 sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
			 sizeof(patience));
	if (connect(fd, (struct sockaddr *)&ss, len) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static bool
answers(const char *path)
{
	int fd = connect_to(path);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool
is_known(const struct places *p, pid_t pid)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->list[i].pid == pid)
			return true;
	return false;
}

static void
look_in(struct places *p, const char *folder, pid_t wanted)
{
	DIR *d = admin_folder_is_safe(folder) ? opendir(folder) : NULL;
	struct dirent *e;

	while (d && (e = readdir(d))) {
		pid_t pid = admin_pid_of(e->d_name);
		char *path;

		if (pid == 0 || (wanted && pid != wanted) || is_known(p, pid))
			continue;
		path = admin_path(folder, pid);
		if (answers(path))
			*xgrow(p->list, p->n) =
				(struct place){ .path = path, .pid = pid };
		else
			free(path);
	}
	if (d)
		closedir(d);
}

static int
complain_none(pid_t pid, char *const *folders, size_t n)
{
	if (pid)
		complain("no bowsprit with process id %d has a socket that we "
			 "may use in", (int)pid);
	else
		complain("no bowsprit that we may ask runs here; another "
			 "user's only that user and root may, and one with "
			 "admin.socket in its configuration is asked with -s "
			 "PATH. Looked in");
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "  %s\n", folders[i]);
	return NOT_ASKED;
}

static int
complain_several(const struct places *p)
{
	complain("several run here, choose one with -p:");
	for (size_t i = 0; i < p->n; i++)
		fprintf(stderr, "  -p %-8d (%s)\n", (int)p->list[i].pid,
			p->list[i].path);
	return NOT_ASKED;
}

/* DONE if there is one, or `several` are allowed. */
static int
find(struct places *p, const struct wish *w, bool several)
{
	char *folders[ADMIN_FOLDERS];
	size_t n;
	int status = DONE;

	if (w->socket) {
		*xgrow(p->list, p->n) =
			(struct place){ .path = xstrdup(w->socket) };
		return DONE;
	}
	n = admin_folders(folders);
	for (size_t i = 0; i < n; i++)
		look_in(p, folders[i], w->pid);
	if (p->n == 0)
		status = complain_none(w->pid, folders, n);
	else if (p->n > 1 && !several)
		status = complain_several(p);
	for (size_t i = 0; i < n; i++)
		free(folders[i]);
	return status;
}

static void
places_fini(struct places *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->list[i].path);
	free(p->list);
}

/* ---- one question ---- */

static bool
send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t took = send(fd, p, n, MSG_NOSIGNAL);

		if (took < 0 && errno != EINTR)
			return false;
		p += took > 0 ? took : 0;
		n -= took > 0 ? (size_t)took : 0;
	}
	return true;
}

static bool
read_all(int fd, struct buf **in)
{
	char piece[16384];
	ssize_t got;

	while ((got = read(fd, piece, sizeof(piece))) != 0) {
		if (got < 0 && errno != EINTR)
			return false;
		if (got > 0 && !buf_add(in, piece, (size_t)got))
			return false;
	}
	return true;
}

static bool
exchange(int fd, const char *method, const char *target, bool json,
	 struct buf **in)
{
	char *request = xasprintf("%s %s HTTP/1.1\r\nHost: bowsprit\r\n"
				  "Accept: %s\r\nConnection: close\r\n\r\n",
				  method, target,
				  json ? "application/json" : "text/plain");
	bool ok = send_all(fd, request, strlen(request)) && read_all(fd, in);

	free(request);
	return ok;
}

/*
 * Where the body ends of an answer of bowsprit's, whose head is a string; its
 * status, 0 if it is none.
 */
static unsigned
read_head(struct body *b, const char *text)
{
	static const char version[] = "HTTP/1.1 ";
	static const char length[] = "\r\nContent-Length: ";
	const char *at = strstr(text, length);
	struct head h = { .kind = HEAD_RESPONSE, .framing = BODY_CHUNKED };

	if (strncmp(text, version, strlen(version)) != 0)
		return 0;
	h.status = (unsigned)strtoul(text + strlen(version), NULL, 10);
	if (at) {
		h.framing = BODY_LENGTH;
		h.content_length = strtoull(at + strlen(length), NULL, 10);
	}
	body_of_response(b, &h, SLICE("GET"));
	b->strip = true;
	return h.status;
}

/*
 * Takes the answer apart: its status, and its body, which must be whole and is
 * moved together.  0 if it is none.  Interim answers say that it is alive.
 */
static unsigned
take_apart(char *p, size_t n, struct slice *body)
{
	struct body b;
	unsigned status;
	size_t len, pass;

	do {
		char *end = memmem(p, n, "\r\n\r\n", 4);

		if (!end)
			return 0;
		*end = '\0';
		status = read_head(&b, p);
		n -= (size_t)(end + 4 - p);
		p = end + 4;
	} while (status / 100 == 1);
	if (status == 0)
		return 0;
	len = body_feed(&b, p, n, &pass);
	*body = slice_of(p, pass);
	return b.done && len == n ? status : 0;
}

/* Prints it where it belongs. */
static int
show(const struct place *p, struct buf *in)
{
	struct slice body;
	unsigned status = take_apart(buf_data(in), buf_len(in), &body);

	if (status == 0)
		return complain("%s: what answers there is no bowsprit, or it "
				"has ended meanwhile", p->path);
	if (status != 200)
		fputs("bowspritctl: ", stderr);
	fwrite(body.p, 1, body.n, status == 200 ? stdout : stderr);
	return status == 200 ? DONE : REFUSED;
}

static int
ask(const struct place *p, const struct wish *w, const char *method,
    const char *target)
{
	struct buf *in = NULL;
	int fd = connect_to(p->path), status;

	if (fd < 0)
		return complain("%s: %s", p->path,
				errno == ECONNREFUSED || errno == ENOENT
				? "nobody listens there; is it running, and "
				  "with this admin.socket?"
				: errno == EACCES || errno == EPERM
				? "it is another user's; only that user and "
				  "root may ask"
				: strerror(errno));
	if (!exchange(fd, method, target, w->json, &in)) {
		if (errno == EAGAIN)
			status = complain("%s: no answer for %d s; is it "
					  "stopped?", p->path, PATIENCE);
		else
			status = complain("%s: %s", p->path, strerror(errno));
	} else {
		status = buf_len(in) ? show(p, in)
				     : complain("%s: it has no time for us: "
						"try again", p->path);
	}
	close(fd);
	buf_free(&in);
	return status;
}

/* ---- the commands ---- */

struct command {
	const char *name;
	const char *method, *target; /* what follows a final '/' is given */
	bool all;     /* with -a, /connections in place of /tunnels */
	bool several; /* of several processes, or ids */
};

static const struct command commands[] = {
	{ "status", "GET", "/status", false, true },
	{ "list", "GET", "/tunnels", true, false },
	{ "show", "GET", "/connections/", false, true },
	{ "kill", "DELETE", "/connections/", false, true },
	{ "drain", "POST", "/drain", false, false },
	{ "reload", "POST", "/reload", false, false },
	{ "log-level", "PUT", "/log-level/", false, false },
};

static bool
takes_more(const struct command *c)
{
	return c->target[strlen(c->target) - 1] == '/';
}

/* Only what can stand in a path as it is. */
static bool
is_word(const char *s)
{
	return *s && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") ==
			     strlen(s);
}

static int
ask_each(const struct command *c, const struct place *p, const struct wish *w,
	 char **given)
{
	int worst = DONE, status;

	for (; *given; given++) {
		char *target = xasprintf("%s%s", c->target, *given);

		status = is_word(*given)
			 ? ask(p, w, c->method, target)
			 : complain("\"%s\" is no id; list shows them", *given);
		worst = status > worst ? status : worst;
		free(target);
	}
	return worst;
}

static int
ask_all(const struct command *c, const struct places *p, const struct wish *w)
{
	const char *target = c->all && w->all ? "/connections" : c->target;
	int worst = DONE, status;

	for (size_t i = 0; i < p->n; i++) {
		status = ask(&p->list[i], w, c->method, target);
		worst = status > worst ? status : worst;
	}
	return worst;
}

static int
run(const struct command *c, const struct wish *w, char **given)
{
	struct places p = { .n = 0 };
	int status;

	if (takes_more(c) && !*given)
		return complain("%s: of which one? -h tells", c->name);
	if (*given && (!takes_more(c) || (given[1] && !c->several)))
		return complain("%s: \"%s\" is too much; -h tells", c->name,
				given[takes_more(c) ? 1 : 0]);
	status = find(&p, w, c->several && !takes_more(c));
	if (status == DONE)
		status = takes_more(c) ? ask_each(c, &p.list[0], w, given)
				       : ask_all(c, &p, w);
	places_fini(&p);
	return status;
}

static int
dispatch(char **words, const struct wish *w)
{
	if (!*words)
		return complain("what is it to do? status, list, show, kill, "
				"drain, reload, log-level; -h tells more");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, *words) == 0)
			return run(&commands[i], w, words + 1);
	if (strcmp(*words, "top") == 0)
		return complain("top is not built yet; watch -n1 bowspritctl "
				"list does it for now");
	return complain("there is no command \"%s\"; -h lists those there are",
			*words);
}

/* 0: it is none. */
static pid_t
pid_of(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	return *end == '\0' && n > 0 && n <= INT_MAX ? (pid_t)n : 0;
}

int
main(int argc, char **argv)
{
	struct wish w = { .pid = 0 };
	int letter, status;

	while ((letter = getopt_long(argc, argv, "ajp:s:Vh", longs, NULL)) !=
	       -1) {
		switch (letter) {
		case 'a':
			w.all = true;
			break;
		case 'j':
			w.json = true;
			break;
		case 'p':
			w.pid = pid_of(optarg);
			if (w.pid == 0)
				return complain("\"%s\" is no process id",
						optarg);
			break;
		case 's':
			w.socket = optarg;
			break;
		case 'V':
			puts("bowspritctl " PACKAGE_VERSION);
			return DONE;
		case 'h':
			fputs(help, stdout);
			return DONE;
		default:
			return NOT_ASKED;
		}
	}
	status = dispatch(argv + optind, &w);
	if (fflush(stdout) != 0)
		status = complain("the answer cannot be written: %s",
				  strerror(errno));
	return status;
}
