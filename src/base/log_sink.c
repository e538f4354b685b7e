/* SPDX-License-Identifier: ISC */
/*
 * log_sink.c: from the threads that log to the place where lines are kept.
 *
 * A thread puts its lines into a ring of its own, and one thread, the writer,
 * takes them out: whoever reads the log may stop reading, the disk may be
 * full, and nobody but the writer waits.  A line that finds its ring full is
 * lost and counted; the count is a line of its own as soon as one can be
 * written again.  Descriptors are left blocking: stdout is shared with the
 * application and with whoever started us.
 *
 * The writer naps a few ms after each round, so that under load nobody makes a
 * system call to wake it, and sleeps only when a round found nothing.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_impl.h"
#include "base/ring.h"
#include "base/wake.h"

#define RING_SIZE (256 * 1024) /* bytes for each thread: about 1,000 lines */
#define BATCH (64 * 1024)      /* bytes of one write */
#define NAP 5                  /* ms */
#define RETRY 500              /* ms after a write that failed */
#define REPORT_EVERY 1000      /* ms between two lines on lost ones */
#define GOODBYE 1000           /* ms for what is left at the end */

enum writer {
	OFF,     /* there is none: lines are written where they are made */
	AWAKE,
	NAPPING, /* wakes by itself; or by a ring that is half full */
	ASLEEP,
	FAILING, /* tries again by itself */
	GONE,    /* it hangs in a write while the process ends */
};

/* A thread that logs.  It has this until the process ends. */
struct source {
	struct ring ring;
	size_t begun; /* bytes of its first line that are written already */
	_Atomic(struct source *) next;
};

static struct {
	int fd;
	char *path;
	bool terminal;
	size_t batch;

	_Atomic int writer; /* enum writer */
	_Atomic(struct source *) sources;
	_Atomic int reopened; /* the descriptor of a reopened file, or -1 */
	_Atomic bool stopping;
	_Atomic uint64_t lost;  /* lines */
	_Atomic uint64_t since; /* wall clock, ms; 0 when none is lost */
	int wake[2];
	pthread_t thread;
	pthread_mutex_t lock; /* of ended */
	pthread_cond_t on_end;
	bool ended;

	/* The writer's own. */
	struct source *torn; /* whose first line is begun */
	int error;           /* why writing failed, since the last report */
	uint64_t reported;   /* ms */
} sink = {
	.fd = STDERR_FILENO,
	.batch = PIPE_BUF,
	.reopened = -1,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.on_end = PTHREAD_COND_INITIALIZER,
};

static _Thread_local struct source *mine;

/* ---- the place ---- */

/* To open a FIFO that nobody reads is to wait, unless it is not to block. */
static int
open_file(const char *path)
{
	int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK;
	int fd = open(path, flags, 0640);

	if (fd >= 0)
		(void)fcntl(fd, F_SETFL, flags & O_APPEND);
	else if (errno == ENXIO)
		errno = EPIPE; /* in words that say more */
	return fd;
}

static int
open_place(const char *path)
{
	if (!path || strcmp(path, "stdout") == 0)
		return STDOUT_FILENO;
	if (strcmp(path, "stderr") == 0)
		return STDERR_FILENO;
	return open_file(path);
}

/*
 * The application may write to the same pipe: lines stay whole in it only up
 * to PIPE_BUF bytes.
 */
static size_t
batch_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? BATCH : PIPE_BUF;
}

bool
sink_open(const char *path)
{
	int fd = open_place(path);
	char *copy = path ? strdup(path) : NULL;

	if (fd < 0 || (path && !copy)) {
		free(copy);
		return false;
	}
	if (sink.fd > STDERR_FILENO)
		close(sink.fd);
	free(sink.path);
	sink.fd = fd;
	sink.path = copy;
	sink.terminal = isatty(fd);
	sink.batch = batch_of(fd);
	return true;
}

int
log_file(void)
{
	return sink.fd > STDERR_FILENO ? sink.fd : -1;
}

bool
log_is_terminal(void)
{
	return sink.terminal;
}

static void
wake_writer(void)
{
	uint64_t one = 1;

	(void)!write(sink.wake[1], &one, sizeof(one));
}

/* The number stays: the application was, or will be, given it. */
static void
change_to(int fd)
{
	if (fd < 0)
		return;
	(void)dup2(fd, sink.fd);
	(void)fcntl(sink.fd, F_SETFD, FD_CLOEXEC);
	close(fd);
	/* The new file gets the whole of a line that the old one has half. */
	if (sink.torn)
		sink.torn->begun = 0;
	sink.torn = NULL;
}

bool
log_reopen(void)
{
	int fd;

	if (sink.fd <= STDERR_FILENO)
		return true;
	if ((fd = open_place(sink.path)) < 0)
		return false;
	if (sink.writer == OFF) {
		change_to(fd);
		return true;
	}
	/* Between two writes, so that no line is cut in two. */
	fd = atomic_exchange(&sink.reopened, fd);
	if (fd >= 0)
		close(fd);
	wake_writer();
	return true;
}

/* ---- whoever logs ---- */

static void
write_now(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(sink.fd, p, n);

		if (done < 0 && errno != EINTR)
			return;
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		}
	}
}

static struct source *
my_source(void)
{
	_Atomic(struct source *) *end = &sink.sources;
	struct source *s = mine, *there = NULL;

	if (s)
		return s;
	if (!(s = calloc(1, sizeof(*s))) || !ring_init(&s->ring, RING_SIZE)) {
		free(s);
		return NULL;
	}
	/* At the end: what main says of the start comes before all else. */
	while (!atomic_compare_exchange_strong(end, &there, s)) {
		end = &there->next;
		there = NULL;
	}
	return mine = s;
}

void
sink_lose(void)
{
	uint64_t none = 0;

	atomic_compare_exchange_strong(&sink.since, &none, clock_wall_ms());
	atomic_fetch_add(&sink.lost, 1);
}

static void
wake_if_needed(struct source *s)
{
	int was = atomic_load(&sink.writer);

	if (was != ASLEEP &&
	    (was != NAPPING || ring_used(&s->ring) < RING_SIZE / 2))
		return;
	if (atomic_compare_exchange_strong(&sink.writer, &was, AWAKE))
		wake_writer();
}

void
sink_put(const char *line, size_t n)
{
	struct source *s;

	if (sink.writer == OFF) {
		write_now(line, n);
		return;
	}
	if (!(s = my_source()) || !ring_put(&s->ring, line, n)) {
		sink_lose();
		return;
	}
	wake_if_needed(s);
}

/* ---- the writer ---- */

static ssize_t
write_some(struct source *s)
{
	struct iovec v[2];
	size_t skip = s->begun;

	(void)ring_peek(&s->ring, sink.batch, v);
	for (int i = 0; i < 2; i++) {
		size_t n = skip < v[i].iov_len ? skip : v[i].iov_len;

		v[i].iov_base = (char *)v[i].iov_base + n;
		v[i].iov_len -= n;
		skip -= n;
	}
	return writev(sink.fd, v, 2);
}

/* Somebody else has made our descriptor one that does not block. */
static bool
wait_writable(void)
{
	struct pollfd p = { .fd = sink.fd, .events = POLLOUT };

	return poll(&p, 1, RETRY) > 0;
}

/* What is in the ring by now; most of what comes meanwhile waits its turn. */
static bool
write_source(struct source *s)
{
	size_t now = ring_used(&s->ring);

	for (size_t lines, done = 0; done < now; done += lines) {
		ssize_t n;

		change_to(atomic_exchange(&sink.reopened, -1));
		n = write_some(s);
		if (n < 0) {
			lines = 0;
			if (errno == EINTR ||
			    (errno == EAGAIN && wait_writable()))
				continue;
			sink.error = errno;
			return false;
		}
		s->begun += (size_t)n;
		lines = ring_take(&s->ring, s->begun);
		s->begun -= lines;
		sink.torn = s->begun > 0 ? s : NULL;
	}
	return true;
}

/* A line that was begun comes first. */
static bool
write_round(void)
{
	if (sink.torn && !write_source(sink.torn))
		return false;
	for (struct source *s = sink.sources; s; s = s->next)
		if (!write_source(s))
			return false;
	return true;
}

static size_t
waiting(void)
{
	size_t n = 0;

	for (struct source *s = sink.sources; s; s = s->next)
		n += ring_used(&s->ring);
	return n;
}

static const char *
reason(int error)
{
	switch (error) {
	case 0:
	case EAGAIN:
		return "slow-reader";
	case EPIPE:
		return "reader-gone";
	case ENOSPC:
	case EDQUOT:
		return "no-space";
	case ENOMEM:
		return "no-memory";
	default:
		return "write-failed";
	}
}

static const char *
in_words(int error)
{
	if (error == 0 || error == EAGAIN)
		return "they were not read, or not written, fast enough";
	return error == EPIPE ? "their reader had gone" : strerror(error);
}

static void
report_lost(void)
{
	uint64_t since = atomic_exchange(&sink.since, 0);
	uint64_t n = atomic_exchange(&sink.lost, 0);
	char when[sizeof("2026-01-01T00:00:00Z")];
	time_t t = (time_t)(since / 1000);
	struct log_line l;
	struct tm tm;

	sink.reported = clock_ms();
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	if (n > 0 && log_begin(&l, LOG_ERROR,
			       "[Log] %" PRIu64 " lines were lost: %s:", n,
			       in_words(sink.error))) {
		log_uint(&l, "lost", n);
		log_str(&l, "since", when);
		log_str(&l, "reason", reason(sink.error));
		log_emit(&l);
	}
	sink.error = 0;
}

static bool
owes_report(void)
{
	return atomic_load(&sink.lost) > 0;
}

static void
rest(enum writer how, int ms)
{
	struct pollfd p = { .fd = sink.wake[0], .events = POLLIN };
	uint64_t drop[8];

	atomic_store(&sink.writer, how);
	/* What came before that was seen by nobody else. */
	if (how != ASLEEP || waiting() == 0)
		(void)poll(&p, 1, ms);
	atomic_store(&sink.writer, AWAKE);
	if (p.revents)
		(void)!read(sink.wake[0], drop, sizeof(drop));
}

static void *
run_writer(void *arg)
{
	(void)arg;
	for (;;) {
		bool last = atomic_load(&sink.stopping);
		bool any = waiting() > 0;
		bool ok;

		change_to(atomic_exchange(&sink.reopened, -1));
		ok = write_round();
		if (ok && owes_report() &&
		    (last || clock_ms() - sink.reported >= REPORT_EVERY)) {
			report_lost();
			ok = write_round();
		}
		if (last)
			break;
		if (!ok)
			rest(FAILING, RETRY);
		else
			rest(any || owes_report() ? NAPPING : ASLEEP,
			     any || owes_report() ? NAP : -1);
	}
	pthread_mutex_lock(&sink.lock);
	sink.ended = true;
	pthread_cond_signal(&sink.on_end);
	pthread_mutex_unlock(&sink.lock);
	return NULL;
}

/* ---- its start and end ---- */

/* An assertion has failed: the lines that led to it are written first. */
static void
on_abort(int sig)
{
	static const struct timespec moment = { .tv_nsec = 2 * 1000 * 1000 };

	(void)sig;
	wake_writer();
	for (int i = 0; i < 100 && waiting() > 0; i++)
		nanosleep(&moment, NULL);
}

bool
log_start(void)
{
	struct sigaction abort_action = { .sa_handler = on_abort };
	sigset_t all, before;
	int error;

	if (!wake_open(sink.wake))
		return false;
	sink.ended = false;
	sink.stopping = false;
	sink.writer = AWAKE;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&sink.thread, NULL, run_writer, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error) {
		sink.writer = OFF;
		errno = error;
		return false;
	}
	sigaction(SIGABRT, &abort_action, NULL);
	return true;
}

static bool
wait_for_end(void)
{
	struct timespec until;
	bool ended;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += GOODBYE / 1000;
	pthread_mutex_lock(&sink.lock);
	while (!sink.ended &&
	       pthread_cond_timedwait(&sink.on_end, &sink.lock, &until) == 0)
		continue;
	ended = sink.ended;
	pthread_mutex_unlock(&sink.lock);
	return ended;
}

/* Unless that would make us wait as well. */
static void
say_incomplete(int error)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (sink.fd != STDERR_FILENO && poll(&p, 1, 0) > 0 &&
	    !(p.revents & (POLLERR | POLLHUP)))
		fprintf(stderr, "bowsprit: the log lacks its last lines: %s\n",
			in_words(error));
}

void
log_stop(void)
{
	if (sink.writer == OFF || sink.writer == GONE)
		return;
	atomic_store(&sink.stopping, true);
	wake_writer();
	if (!wait_for_end()) {
		say_incomplete(0);
		sink.writer = GONE;
		pthread_detach(sink.thread);
		return;
	}
	pthread_join(sink.thread, NULL);
	if (waiting() > 0)
		say_incomplete(sink.error);
	signal(SIGABRT, SIG_DFL);
	close(sink.wake[0]);
	if (sink.wake[1] != sink.wake[0])
		close(sink.wake[1]);
	sink.writer = OFF;
}
