/* SPDX-License-Identifier: ISC */
/*
 * flow.h: the two flows of a WebSocket: messages of one size that come and
 * are checked byte by byte, and those that go.
 *
 * A message is one frame.  An empty one is a mark: it is answered by a mark,
 * after everything that was owed before it.
 */
#ifndef BENCH_FLOW_H
#define BENCH_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

#define FLOW_HEAD 14 /* the longest frame header, bytes */

enum flow_got { FLOW_MORE, FLOW_MESSAGE, FLOW_MARK, FLOW_CLOSE, FLOW_WRONG };

struct inflow {
	uint32_t seed;
	uint32_t number; /* of the message that is being read */
	size_t size;	 /* that each must have */
	bool masked;
	uint8_t head[FLOW_HEAD];
	unsigned have; /* bytes of head, in and to come */
	unsigned need;
	size_t length; /* of the payload, and how much of it was read */
	size_t at;
	char wrong[128]; /* after FLOW_WRONG: why */
	char close[128]; /* payload of a Close, without its code */
};

struct outflow {
	uint32_t seed;
	uint32_t number; /* of the message that goes next */
	size_t size;
	bool masked;
	uint64_t owed; /* messages to be sent, the begun one included */
	bool mark;     /* and then a mark */
	bool close;    /* and then a Close with this text, if any */
	const char *close_text;
	size_t at; /* bytes of the begun frame that are out */
	uint8_t head[FLOW_HEAD + 126];
	unsigned nhead;
	enum flow_got begun; /* FLOW_MORE: none is */
};

#define FLOW_ENDLESS UINT64_MAX

void inflow_init(struct inflow *f, uint32_t seed, size_t size, bool masked);
void outflow_init(struct outflow *f, uint32_t seed, size_t size, bool masked);

/* Reads up to the end of one frame; `*data` and `*len` move on. */
enum flow_got inflow_take(struct inflow *f, const uint8_t **data, size_t *len);

/*
 * Sends what is owed, at most `limit` bytes of it.  True: as far as possible;
 * false: the connection is gone.
 */
bool outflow_send(struct outflow *f, struct wire *w, size_t limit);

/* Is something owed that has not been sent? */
bool outflow_owes(const struct outflow *f);

#endif
