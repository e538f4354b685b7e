/* SPDX-License-Identifier: ISC */
/*
 * activation.h: sockets that a service manager opened for us.
 *
 * systemd's protocol, sd_listen_fds(3): LISTEN_FDS descriptors from the third
 * on are for the process LISTEN_PID.
 */
#ifndef RUN_ACTIVATION_H
#define RUN_ACTIVATION_H

#include "base/attrib.h"

#define ACTIVATION_FIRST 3

/*
 * How many there are.  Takes the variables out of the environment: they are
 * not for the application that we may start.
 */
int activation_count(void) WUNRES;

#endif
