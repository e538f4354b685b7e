/* SPDX-License-Identifier: ISC */
/*
 * notify.h: word to the service manager, by systemd's protocol sd_notify(3).
 */
#ifndef RUN_NOTIFY_H
#define RUN_NOTIFY_H

#include <stdbool.h>

#include "base/attrib.h"

/* Sends "READY=1" or the like, if $NOTIFY_SOCKET says where to. */
void notify_send(const char *fmt, ...) PRINTF(1, 2);
/*
 * Are we a unit's main process, with whose end the unit ends, and nobody
 * listens to who follows us?
 */
bool notify_is_missed(void) WUNRES;

#endif
