/* SPDX-License-Identifier: ISC */
/*
 * evmem.h: where libevent's memory comes from.
 */
#ifndef NET_EVMEM_H
#define NET_EVMEM_H

/* Before anything else of libevent is called, and once. */
void evmem_init(void);

#endif
