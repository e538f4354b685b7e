/* SPDX-License-Identifier: ISC */
/*
 * attrib.h: promises about functions that the compiler checks.
 */
#ifndef BASE_ATTRIB_H
#define BASE_ATTRIB_H

#define WUNRES __attribute__((warn_unused_result))
#define NONNULL(...) __attribute__((nonnull(__VA_ARGS__)))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
