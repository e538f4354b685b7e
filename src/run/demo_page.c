/* SPDX-License-Identifier: ISC */
/*
 * demo_page.c: the demonstration's page, as files.
 *
 * The .inc are made of the .html, .css, .js and .svg beside this file: each
 * line a C string (Makefile.am).
 */
#include "run/demo_page.h"

#include "base/attrib.h"

static const char page[] =
#include "run/demo_page.inc"
	;
static const char style[] =
#include "run/demo_style.inc"
	;
static const char script[] =
#include "run/demo_script.inc"
	;
static const char icon[] =
#include "run/demo_icon.inc"
	;

static const struct demo_file files[] = {
	{ "/", "text/html; charset=utf-8", SLICE(page) },
	{ "/demo.css", "text/css; charset=utf-8", SLICE(style) },
	{ "/demo.js", "text/javascript; charset=utf-8", SLICE(script) },
	{ "/demo.svg", "image/svg+xml", SLICE(icon) },
};

const struct demo_file *
demo_file(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (strcmp(path, files[i].path) == 0)
			return &files[i];
	return NULL;
}
