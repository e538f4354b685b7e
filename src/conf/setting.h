/* SPDX-License-Identifier: ISC */
/*
 * setting.h: the one table of settings.
 *
 * The file is read by it, the options are, defaults come from it, and a test
 * holds the manual and etc/bowsprit.cfg against it.
 */
#ifndef CONF_SETTING_H
#define CONF_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attrib.h"

enum setting_type {
	SETTING_TEXT,   /* char *, owned */
	SETTING_TIME,   /* unsigned, in ms */
	SETTING_SIZE,   /* unsigned, in bytes */
	SETTING_NUMBER, /* unsigned */
	SETTING_TRUTH,  /* enum truth */
	SETTING_WORD,   /* an enum */
	SETTING_TEXTS,  /* struct draft_texts; each value adds to it */
	SETTING_SET,    /* struct conf_headers; each value adds to it */
	SETTING_REMOVE, /* the same, by names */
	SETTING_TARGETS, /* struct conf_targets; the same */
	SETTING_LATER,  /* not built yet: takes nothing but its preset */
	SETTING_PARTS,  /* a group or list, taken apart by conf/load */
};

struct setting_word {
	const char *word;
	unsigned value;
};

struct setting {
	const char *name;
	enum setting_type type;
	size_t offset, width; /* of the field in its section's struct */
	const char *preset;   /* the default, as it is written; or NULL */
	uint64_t least, most; /* of an unsigned */
	const struct setting_word *words; /* up to one that is NULL */
};

/* Which group a setting stands in. */
enum section_id {
	SECTION_TOP,       /* struct conf, as for the next four */
	SECTION_TIMEOUTS,
	SECTION_LOG,
	SECTION_WEBSOCKET,
	SECTION_ADMIN,
	SECTION_LISTENER,  /* struct draft_listener */
	SECTION_BACKEND,   /* struct draft_backend */
	SECTION_ROUTE,     /* struct draft_route */
	NSECTIONS
};

struct section {
	const char *name; /* as it stands in the file; "" at the top */
	const struct setting *settings;
	size_t nsettings;
};

extern const struct section sections[NSECTIONS];

/* What somebody wrote: one of libconfig's scalars, or an option's text. */
struct value {
	enum { VALUE_TEXT, VALUE_NUMBER, VALUE_TRUTH, VALUE_OTHER } kind;
	const char *text;
	long long number;
	bool truth;
};

/* NULL if there is none of that name. */
const struct setting *setting_find(enum section_id section, const char *name);
/*
 * A sentence to free on a name that setting_find does not know: which one was
 * meant, where it belongs, or what does here what nginx's word does there.
 */
char *setting_unknown(enum section_id section, const char *name) WUNRES;
/* Is it a list of texts, of which each is assigned by itself? */
bool setting_is_list(const struct setting *s);
/*
 * Puts a value into its field of the section's struct at `base`.  False on a
 * mistake, and *error is a sentence to free.
 */
bool setting_assign(const struct setting *s, void *base,
		    const struct value *value, char **error) WUNRES;
/* Puts a section's presets into the struct at `base`. */
void setting_presets(enum section_id section, void *base);

#endif
