/* SPDX-License-Identifier: ISC */
/*
 * container.h: is this process in a container?
 */
#ifndef RUN_CONTAINER_H
#define RUN_CONTAINER_H

/*
 * What says so, such as "/.dockerenv", or NULL where nothing does.  `root`
 * stands before the paths that are looked at; "" but in tests.
 */
const char *container_sign(const char *root);

#endif
