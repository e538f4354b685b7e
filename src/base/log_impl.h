/* SPDX-License-Identifier: ISC */
/*
 * log_impl.h: what log.c and log_sink.c know of each other.
 */
#ifndef BASE_LOG_IMPL_H
#define BASE_LOG_IMPL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attrib.h"

/* A path, or NULL, "stdout" or "stderr".  False with errno. */
bool sink_open(const char *path) WUNRES;
/* A whole line with its newline, the only one in it. */
void sink_put(const char *line, size_t n);
/* A line could not be made: memory is out. */
void sink_lose(void);

#endif
