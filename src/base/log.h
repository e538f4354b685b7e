/* SPDX-License-Identifier: ISC */
/*
 * log.h: one event, one line, in text for people or in JSON for machines.
 *
 *	struct log_line l;
 *
 *	if (log_begin(&l, LOG_INFO, "[WebSocket Proxy] Connection closed")) {
 *		log_id(&l, c->id);
 *		log_str(&l, "by", "client");
 *		log_emit(&l);
 *	}
 *
 * Whatever comes from a peer is escaped in both formats: no peer can write a
 * line, or a terminal's control sequence, into the log.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attrib.h"
#include "base/slice.h"

/* The numbers are pino's. */
enum log_level {
	LOG_DEBUG = 20,
	LOG_INFO = 30,
	LOG_WARN = 40,
	LOG_ERROR = 50,
	LOG_FATAL = 60,
};

enum log_format { LOG_TEXT, LOG_JSON };

struct log_line {
	char *text;
	size_t len, room;
	enum log_level level;
	uint64_t id;     /* of the connection that it is about; 0: of none */
	unsigned depth;  /* of objects */
	bool first;      /* no field yet in the present object */
	bool cut;        /* headers are left out, the line is long enough */
	bool failed;     /* memory ran out: the line is lost */
};

/*
 * Where lines go: a path, or NULL or "stdout" or "stderr".  Before this is
 * called they go to stderr as text at level info.  False, with errno, if the
 * file cannot be opened; then nothing has changed.
 */
bool log_open(const char *path, enum log_format format,
	      enum log_level level) WUNRES;
/*
 * From now on lines are written by a thread of their own, and nobody waits for
 * a reader or a disk: see log_sink.c.  Before this, and after log_stop, a line
 * is written where it is made.  Each thread that logs costs 256 KiB for as
 * long as the process lives.  False, with errno, if there is no thread.
 */
bool log_start(void) WUNRES;
/* Writes what is left, for at most a second.  Nobody else logs by then. */
void log_stop(void);
/* Opens the same file anew (after logrotate moved it).  False with errno. */
bool log_reopen(void) WUNRES;
void log_set_level(enum log_level level);
/* Does anybody want lines of that level?  Does the log itself keep them? */
bool log_wants(enum log_level level);
bool log_keeps(enum log_level level);
enum log_format log_format(void);

/*
 * Besides, lines that are about a connection are shown to `watch`, whatever
 * level the log has; without their newline, on the thread that logs, which it
 * is not to hold up.  NULL ends that.  Only while there is no other thread
 * that logs.
 */
typedef void log_watch(void *arg, uint64_t id, enum log_level level,
		       struct slice line);
void log_set_watch(log_watch *watch, void *arg);

/* The descriptor of the log's file; -1 where it goes to stdout or stderr. */
int log_file(void);
/* Does the log go to a terminal? */
bool log_is_terminal(void);

/*
 * False when that level is not wanted; then nothing else is to be called.  A
 * colon at the message's end leads to the fields in text, and is left out in
 * JSON.
 */
bool log_begin(struct log_line *l, enum log_level level, const char *fmt, ...)
	PRINTF(3, 4) WUNRES;
/*
 * The same for a message with words of a peer's in it, which are escaped:
 * prefix, a, a blank, b, a blank, number.
 */
bool log_begin_peer(struct log_line *l, enum log_level level,
		    const char *prefix, struct slice a, struct slice b,
		    unsigned number) WUNRES;
void log_slice(struct log_line *l, const char *key, struct slice value);
void log_str(struct log_line *l, const char *key, const char *value);
void log_uint(struct log_line *l, const char *key, uint64_t value);
/* The field "id": the connection that the line is about. */
void log_id(struct log_line *l, uint64_t id);
/* A field whose name came from a peer, in lower case as Node shows it. */
void log_header(struct log_line *l, struct slice key, struct slice value);
void log_object(struct log_line *l, const char *key);
void log_object_end(struct log_line *l);
void log_emit(struct log_line *l);

/* A line that is only a sentence. */
void log_say(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

#endif
