/* SPDX-License-Identifier: ISC */
/*
 * stream.h: one socket, what was read of it too early, and what it is owed.
 *
 * A stream is a descriptor with a watch on it.  Bytes go to the socket at
 * once; only what it does not take is kept, in `out`, and only then is the
 * watch asked for writability.  `in` holds what was read but not used yet: a
 * head that is not whole, or bytes that came glued to one.  A stream at rest
 * owns neither.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attrib.h"
#include "base/buf.h"
#include "net/owed.h"
#include "net/poller.h"
#include "net/tls.h"

struct stream {
	struct watch watch; /* its descriptor is owned; -1 when closed */
	struct buf *in;
	struct owed *out;
	struct tls *tls; /* owned; NULL: plain.  Then `out` is sealed */
	short error;     /* errno of the failure that ended it */
	bool reading : 1;    /* its owner wants to be told of input */
	bool connecting : 1; /* writable will mean connected */
	bool eof : 1;        /* its peer's FIN was read */
	bool fin_due : 1;    /* our FIN follows the last byte of out */
	bool fin_sent : 1;
	bool bulk : 1;       /* the relay's: it sends much at a time */
	uint8_t replies : 2; /* TLS's own, behind what its peer does not take */
};

/* Takes over fd.  cb is called with s->watch, and its news. */
void stream_init(struct stream *s, struct poller *p, int fd, watch_cb *cb);
static inline int
stream_fd(const struct stream *s)
{
	return s->watch.fd;
}
/*
 * Closes the descriptor, and frees what waits.  May be called twice.  With TLS
 * the peer is told, unless it is owed something.
 */
void stream_close(struct stream *s);
/* Closing it will reset the connection, so that no part looks like the whole. */
void stream_set_reset(struct stream *s);

/*
 * From now on its bytes are sealed by t, which it owns.  Until stream_shake
 * says TLS_DONE nothing else is read or sent: call it at once (a client
 * speaks first), and on each NEWS_READ.
 */
void stream_set_tls(struct stream *s, struct tls *t);
enum tls_step stream_shake(struct stream *s) WUNRES;
/* Did its peer's direction end without the close_notify that TLS has? */
static inline bool
stream_is_cut(const struct stream *s)
{
	return s->tls && tls_end(s->tls) == TLS_CUT;
}

/*
 * What is wrong with its peer's TLS, if the connection is lost for that rather
 * than by a reset; else NULL.  Static.
 */
const char *stream_tls_fault(const struct stream *s);

/*
 * Starts or stops reading.  A stream that is not read still tells, with
 * NEWS_END, when its peer goes away: ask stream_end then.  One
 * that is read tells nothing any more after its peer's FIN.
 */
void stream_set_reading(struct stream *s, bool on);

/*
 * Is its end all that it tells?  Either its owner does not want it read now,
 * or its FIN was read and there is nothing more to come.
 */
static inline bool
stream_is_silent(const struct stream *s)
{
	return s->eof || !s->reading;
}

enum stream_end {
	END_NONE, /* its peer is there */
	END_FIN,  /* has sent its last byte, and may still read */
	END_GONE, /* has reset the connection, or closed both ways */
};
/* How a peer stands whose stream is not being read; a system call. */
enum stream_end stream_end(const struct stream *s);

/*
 * Reads at most n bytes: how many; 0 at the peer's FIN (eof is set then); -1
 * when there are none now; -2 when the connection is lost (error is set).
 */
ssize_t stream_read(struct stream *s, void *p, size_t n) WUNRES;
/* The same, but what it sees stays in the socket; not once there is TLS. */
ssize_t stream_peek(struct stream *s, void *p, size_t n) WUNRES;
/* Reads more into `in`, at most n bytes, through scratch; the same results. */
ssize_t stream_read_in(struct stream *s, void *scratch, size_t n) WUNRES;
/* Has its peer said nothing?  Such a word is lost, unless plain. */
bool stream_is_quiet(struct stream *s);

/*
 * Sends n bytes, or keeps what the socket does not take.  False when the
 * connection is lost (error is set, ENOMEM included).
 */
bool stream_send(struct stream *s, const void *p, size_t n) WUNRES;
/*
 * The same with what lies in a pipe, which is given back, or kept with the rest
 * of it; nothing may be owed before.
 */
bool stream_send_pipe(struct stream *s, struct pipe *p) WUNRES;
/* Sends what waits in `out`. */
bool stream_flush(struct stream *s) WUNRES;
/* Bytes it is owed. */
static inline size_t
stream_owed(const struct stream *s)
{
	return owed_len(s->out);
}
/*
 * It is owed bytes, but has its peer taken any of what the kernel has for it,
 * since the socket was full or this was last asked?  A system call.  A socket
 * is writable again when a third of that is gone, which may be a megabyte: to
 * one who reads slowly that can take minutes.
 */
bool stream_is_taken(struct stream *s);
/* It is owed nothing any more: its peer takes no more. */
void stream_forget(struct stream *s);
/* Sends FIN, once nothing is owed; with TLS close_notify before it. */
void stream_finish(struct stream *s);

/*
 * Its connection is on its way; `here`: to this machine, where it is there at
 * once and the news come without asking.  stream_connected tells of the end.
 */
void stream_connect(struct stream *s, bool here);
/*
 * They came: 0 when connected, EINPROGRESS if they have to come once more,
 * else an errno.
 */
int stream_connected(struct stream *s);

#endif
