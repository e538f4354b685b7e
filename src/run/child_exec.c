/* SPDX-License-Identifier: ISC */
/*
 * child_exec.c: from a command to a process of its own group.
 *
 * fork and exec rather than posix_spawn: the limit of descriptors and the
 * signal at our death can only be set in the child itself.  The process has
 * threads by then, so that between fork and exec nothing is called but what is
 * async-signal-safe; whatever needs memory is prepared before the fork.
 */
#include "config.h"

#include "run/child_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef HAVE_PDEATHSIG
#include <sys/prctl.h>
#endif

#include "base/log.h"
#include "base/mem.h"
#include "base/pipe.h"

extern char **environ;

#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

/* All that the child needs, made before the fork. */
struct plan {
	char path[PATH_MAX]; /* of the program */
	char *const *argv;
	char **env;
	char port[16], hostname[32]; /* two entries of env */
	struct rlimit nofile;
	pid_t parent;
	int null;      /* /dev/null, its standard input */
	int output;    /* our log file, or -1: it inherits ours */
	int report[2]; /* a pipe: errno if exec failed, end of file if not */
};

/* ---------------------------------------------------------- in the parent */

/* Could it be executed?  0, or the errno that says why not. */
static int
try_path(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return errno == ENOTDIR ? ENOENT : errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	return access(path, X_OK) == 0 ? 0 : errno;
}

/*
 * Finds `name` as the shell would.  A file that cannot be executed is passed
 * over, but explains the failure when no other is found.
 */
static int
find_command(const char *name, char path[PATH_MAX])
{
	const char *dir = getenv("PATH");
	int why = ENOENT;

	if (strchr(name, '/')) {
		if (snprintf(path, PATH_MAX, "%s", name) >= PATH_MAX)
			return ENAMETOOLONG;
		return try_path(path);
	}
	for (dir = dir ? dir : "/usr/bin:/bin"; *name; dir++) {
		int n = (int)strcspn(dir, ":");
		int failed = ENOENT;

		if (snprintf(path, PATH_MAX, "%.*s/%s", n ? n : 1,
			     n ? dir : ".", name) < PATH_MAX)
			failed = try_path(path);
		/* A folder that may not be searched: nothing was found. */
		if (failed == EACCES && access(path, F_OK) != 0)
			failed = ENOENT;
		if (failed == 0)
			return 0;
		if (failed != ENOENT && failed != EISDIR)
			why = failed;
		dir += n;
		if (*dir == '\0')
			break;
	}
	return why;
}

static bool
is_in_node_modules(const char *name)
{
	char path[PATH_MAX];

	return !strchr(name, '/') &&
	       snprintf(path, sizeof(path), "node_modules/.bin/%s", name) <
		       PATH_MAX &&
	       access(path, X_OK) == 0;
}

/* Says why `name` is not run, and what to do; returns what to exit with. */
static int
explain(const char *name, int why)
{
	const char *remedy;

	if (why == ENOENT) {
		if (is_in_node_modules(name))
			remedy = "it is in node_modules: write npx before it";
		else if (strchr(name, '/'))
			remedy = "there is no such file";
		else
			remedy = "it is in no folder of PATH; is it installed?";
		log_say(LOG_FATAL, "%s: command not found: %s", name, remedy);
		return EXIT_NOT_FOUND;
	}
	switch (why) {
	case EACCES:
		remedy = "it may not be executed: chmod +x it, or write its "
			 "interpreter before it (node, sh)";
		break;
	case EISDIR:
		remedy = "it is a folder: name a program in it";
		break;
	case ENOEXEC:
		remedy = "it is no program: its first line must name its "
			 "interpreter, such as #!/usr/bin/env node";
		break;
	default:
		remedy = strerror(why);
	}
	log_say(LOG_FATAL, "%s: cannot be run: %s", name, remedy);
	return EXIT_NOT_EXECUTABLE;
}

/* The same for a program that was found and that exec refused. */
static int
explain_exec(const char *name, int why)
{
	if (why != ENOENT)
		return explain(name, why);
	log_say(LOG_FATAL,
		"%s: cannot be run: the interpreter that its first line names "
		"is not installed",
		name);
	return EXIT_NOT_EXECUTABLE;
}

static bool
is_variable(const char *entry, const char *name)
{
	size_t n = strlen(name);

	return strncmp(entry, name, n) == 0 && entry[n] == '=';
}

/* Our environment, with PORT and HOSTNAME if they are to be set. */
static void
make_env(struct plan *p, const struct child_setup *setup)
{
	size_t count = 0, n = 0;

	while (environ[count])
		count++;
	p->env = xcalloc(count + 3, sizeof(*p->env));
	for (size_t i = 0; i < count; i++) {
		if (setup->set_port && (is_variable(environ[i], "PORT") ||
					is_variable(environ[i], "HOSTNAME")))
			continue;
		p->env[n++] = environ[i];
	}
	if (!setup->set_port)
		return;
	snprintf(p->port, sizeof(p->port), "PORT=%u",
		 (unsigned)setup->where.port);
	snprintf(p->hostname, sizeof(p->hostname), "HOSTNAME=127.0.0.1");
	p->env[n++] = p->port;
	p->env[n++] = p->hostname;
}

/* The soft limit that we were started with, which we have raised since. */
static void
make_limit(struct plan *p, uint64_t soft)
{
	if (getrlimit(RLIMIT_NOFILE, &p->nofile) != 0)
		p->nofile.rlim_cur = p->nofile.rlim_max = RLIM_INFINITY;
	if (soft > 0 && soft < p->nofile.rlim_max)
		p->nofile.rlim_cur = (rlim_t)soft;
}

/* ------------------------------- in the child: async-signal-safe calls only */

static void
reset_signals(void)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	sigset_t none;

	/* SIGPIPE above all, which we ignore; an ignored signal stays so. */
	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &dfl, NULL);
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
}

/* Its end follows ours, even after a SIGKILL. */
static void
die_with_parent(const struct plan *p)
{
#ifdef HAVE_PDEATHSIG
	prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
	/* We may have ended before that was in force. */
	if (getppid() != p->parent)
		_exit(EXIT_FAILURE);
}

/*
 * It is no part of the terminal's foreground group, so that ^C reaches us
 * alone and we pass it on; for the same reason it could not read from the
 * terminal (SIGTTIN would stop it), and gets /dev/null.  No server needs more.
 */
static void NORETURN
become(const struct plan *p)
{
	ssize_t ignored;
	int why;

	setpgid(0, 0);
	reset_signals();
	die_with_parent(p);
	/* A plain system call on every system, though POSIX does not list it. */
	setrlimit(RLIMIT_NOFILE, &p->nofile);
	if (p->null >= 0)
		dup2(p->null, STDIN_FILENO);
	if (p->output >= 0) {
		dup2(p->output, STDOUT_FILENO);
		dup2(p->output, STDERR_FILENO);
	}

	execve(p->path, p->argv, p->env);
	why = errno;
	ignored = write(p->report[1], &why, sizeof(why));
	(void)ignored;
	_exit(EXIT_FAILURE);
}

/* ------------------------------------------------------ in the parent again */

/*
 * No handler of ours may run in the child: libevent's writes to a socket that
 * both share.  So every signal is held until the child has reset them.
 */
static pid_t
fork_held(const struct plan *p)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		become(p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/* Waits until the child has been executed; 0, or exec's errno. */
static int
read_report(int fd)
{
	int why = 0;
	ssize_t n;

	do
		n = read(fd, &why, sizeof(why));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(why) ? why : 0;
}

static pid_t
run_plan(struct plan *p, const char *name, int *status)
{
	pid_t pid = fork_held(p);
	int why;

	close(p->report[1]);
	if (pid < 0) {
		log_say(LOG_FATAL, "%s: no new process: %s", name,
			strerror(errno));
		*status = EXIT_FAILURE;
		return -1;
	}
	why = read_report(p->report[0]);
	if (why == 0)
		return pid;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	*status = explain_exec(name, why);
	return -1;
}

pid_t
child_exec(const struct child_setup *setup, int *status)
{
	const char *name = setup->command[0];
	struct plan p = {.argv = setup->command,
			 .output = setup->output,
			 .parent = getpid()};
	int why = find_command(name, p.path);
	pid_t pid;

	if (why != 0) {
		*status = explain(name, why);
		return -1;
	}
	if (!pipe_open(p.report)) {
		log_say(LOG_FATAL, "%s: no pipe: %s", name, strerror(errno));
		*status = EXIT_FAILURE;
		return -1;
	}
	p.null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	make_env(&p, setup);
	make_limit(&p, setup->nofile);
	pid = run_plan(&p, name, status);

	close(p.report[0]);
	if (p.null >= 0)
		close(p.null);
	free(p.env);
	return pid;
}
