/* SPDX-License-Identifier: ISC */
/*
 * takeover.c: a new process on the same sockets, while the old one drains.
 *
 * This is the old one's side.  The new one's is in activation.c and sockets.c.
 */
#include "run/takeover.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/pipe.h"
#include "net/tls_tickets.h"
#include "run/sockets.h"

#define PATIENCE 10 /* s until it must accept */

extern char **environ;

struct takeover {
	struct event ev;
	struct event late;
	int fd;       /* where the answer comes */
	pid_t pid;
	char *answer; /* a letter for each socket, and a line's end */
	size_t got, size;
	takeover_cb *cb;
	void *arg;
};

/* What the new process finds open, in copies out of the way of its numbers. */
struct bequest {
	int *fds;    /* the sockets, and behind them where it answers */
	char *kinds;
	size_t n;
};

/* ---- the start ---- */

/* Copies of them, all above the numbers that they are to have. */
static bool
make_copies(struct bequest *b)
{
	int first = ACTIVATION_FIRST + (int)b->n;

	for (size_t i = 0; i < b->n; i++) {
		int copy = fcntl(b->fds[i], F_DUPFD_CLOEXEC, first);

		if (copy < 0) {
			b->n = i;
			return false;
		}
		b->fds[i] = copy;
	}
	return true;
}

static void
drop_copies(struct bequest *b)
{
	for (size_t i = 0; i < b->n; i++)
		close(b->fds[i]);
	free(b->fds);
	free(b->kinds);
}

/* Our environment, and the variable; the array is the caller's. */
static char **
make_env(char *variable)
{
	size_t n = 0;
	char **env;

	while (environ[n])
		n++;
	env = xcalloc(n + 2, sizeof(*env));
	memcpy(env, environ, n * sizeof(*env));
	env[n] = variable;
	return env;
}

/* 0, or the error. */
static int
spawn(pid_t *pid, char *const *argv, const struct bequest *b)
{
	char *variable = xasprintf(TAKEOVER_VARIABLE "=%d:%s", (int)getpid(),
				   b->kinds);
	char **env = make_env(variable);
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);

	for (size_t i = 0; i < b->n && !error; i++)
		error = posix_spawn_file_actions_adddup2(
			&actions, b->fds[i], ACTIVATION_FIRST + (int)i);
	if (!error)
		error = posix_spawnp(pid, argv[0], &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	free(env);
	free(variable);
	return error;
}

/* The same with these; *size is how long its answer will be. */
static int
spawn_with(pid_t *pid, char *const *argv, const struct sockets *s, int answer,
	   size_t *size)
{
	struct bequest b;
	int error;

	b.n = sockets_list(s, &b.fds, &b.kinds);
	*size = b.n + 1;
	*xgrow(b.fds, b.n) = answer;
	error = make_copies(&b) ? spawn(pid, argv, &b) : errno;
	drop_copies(&b);
	return error;
}

/* ---- the answer ---- */

static void
takeover_free(struct takeover *t)
{
	event_del(&t->ev);
	event_del(&t->late);
	close(t->fd);
	free(t->answer);
	free(t);
}

/* One that has ended by itself keeps its status. */
static int
end(pid_t pid)
{
	int status = 0;

	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status;
}

static void
fail(struct takeover *t, bool late)
{
	int status = end(t->pid);

	if (late)
		log_say(LOG_ERROR, "SIGUSR2: the new process (pid %d) did not "
			"accept connections within %d s and was killed; this "
			"one goes on", (int)t->pid, PATIENCE);
	else if (WIFSIGNALED(status))
		log_say(LOG_ERROR, "SIGUSR2: the new process (pid %d) was "
			"ended by signal %d; this one goes on", (int)t->pid,
			WTERMSIG(status));
	else
		log_say(LOG_ERROR, "SIGUSR2: the new process (pid %d) ended "
			"with status %d before it accepted connections, and "
			"has said why; this one goes on", (int)t->pid,
			WEXITSTATUS(status));
	t->cb(NULL, t->pid, t->arg);
	takeover_free(t);
}

static void
on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct takeover *t = arg;
	ssize_t n = read(fd, t->answer + t->got, t->size - t->got);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		fail(t, false);
		return;
	}
	t->got += (size_t)n;
	if (t->got < t->size)
		return;
	t->cb(t->answer, t->pid, t->arg);
	takeover_free(t);
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	fail(arg, true);
}

/* ---- from outside ---- */

static struct takeover *
takeover_new(struct event_base *base, int fd, pid_t pid, size_t size)
{
	static const struct timeval patience = { .tv_sec = PATIENCE };
	struct takeover *t = xcalloc(1, sizeof(*t));

	t->fd = fd;
	t->pid = pid;
	t->size = size;
	t->answer = xcalloc(size, 1);
	event_assign(&t->ev, base, fd, EV_READ | EV_PERSIST, on_answer, t);
	event_assign(&t->late, base, -1, 0, on_late, t);
	event_add(&t->ev, NULL);
	event_add(&t->late, &patience);
	return t;
}

struct takeover *
takeover_start(struct event_base *base, char *const *argv,
	       const struct sockets *s, takeover_cb *cb, void *arg)
{
	struct takeover *t;
	int fds[2], error;
	size_t size;
	pid_t pid;

	if (!pipe_open_both_ways(fds)) {
		log_say(LOG_ERROR, "SIGUSR2: no socket: %s; this process goes "
			"on", strerror(errno));
		return NULL;
	}
	tls_tickets_send(fds[0]);
	error = spawn_with(&pid, argv, s, fds[1], &size);
	close(fds[1]);
	if (error) {
		log_say(LOG_ERROR, "SIGUSR2: %s cannot be started: %s; this "
			"process goes on", argv[0], strerror(error));
		close(fds[0]);
		return NULL;
	}
	log_say(LOG_INFO, "SIGUSR2: %s starts on the same sockets (pid %d)",
		argv[0], (int)pid);
	t = takeover_new(base, fds[0], pid, size);
	t->cb = cb;
	t->arg = arg;
	return t;
}

void
takeover_stop(struct takeover *t)
{
	kill(t->pid, SIGTERM);
	takeover_free(t);
}
