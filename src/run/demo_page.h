/* SPDX-License-Identifier: ISC */
/*
 * demo_page.h: the demonstration's page.
 */
#ifndef RUN_DEMO_PAGE_H
#define RUN_DEMO_PAGE_H

#include "base/buf.h"

/* Adds the page that shows `head`, a request's, to *out. */
bool demo_page(struct buf **out, struct slice head) WUNRES;

#endif
