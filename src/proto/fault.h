/* SPDX-License-Identifier: ISC */
/*
 * fault.h: how the files behind head.h write down their faults.
 *
 * A rule that holds for both kinds of head has two constants, indexed by enum
 * head_kind: what a client did wrong is answered with the status that the RFC
 * names, what a backend did wrong is a 502.
 */
#ifndef PROTO_FAULT_H
#define PROTO_FAULT_H

#include "proto/head.h"

/* The rule of requests only, or of responses only. */
#define FAULT(name, status, word, why) \
	static const struct head_fault name = {status, word, why}

/* The rule of both; `status` is what a client gets. */
#define FAULT_BOTH(name, status, word, why) \
	static const struct head_fault name[] = { \
		[HEAD_REQUEST] = {status, word, why}, \
		[HEAD_RESPONSE] = {502, word, why}, \
	}

#endif
