/* SPDX-License-Identifier: ISC */
/*
 * framing.h: what a head's fields say about its body and its connection.
 */
#ifndef PROTO_FRAMING_H
#define PROTO_FRAMING_H

#include "proto/head.h"

/*
 * Sets framing, content_length and persistent (RFC 9112 6.3, 9.3) from the
 * fields of h; a fault if two readers could come to different lengths.
 */
const struct head_fault *framing_read(struct head *h) WUNRES;

#endif
