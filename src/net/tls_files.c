/* SPDX-License-Identifier: ISC */
/*
 * tls_files.c: have files of certificates changed since they were read?
 */
#include "net/tls_files.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"

/* Enough of a file to see that it is another one. */
struct tls_mark {
	struct timespec changed;
	ino_t inode;
	off_t size;
};

static struct tls_mark
mark_of(const char *path)
{
	struct tls_mark k = { .size = -1 };
	struct stat st;

	if (path && stat(path, &st) == 0) {
		k.changed = st.st_ctim;
		k.inode = st.st_ino;
		k.size = st.st_size;
	}
	return k;
}

static bool
same_mark(const struct tls_mark *a, const struct tls_mark *b)
{
	return a->changed.tv_sec == b->changed.tv_sec &&
	       a->changed.tv_nsec == b->changed.tv_nsec &&
	       a->inode == b->inode && a->size == b->size;
}

static bool
same_marks(const struct tls_mark *a, const struct tls_mark *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!same_mark(&a[i], &b[i]))
			return false;
	return true;
}

static struct tls_mark *
look_at(const char *const *paths, size_t n)
{
	struct tls_mark *marks = xcalloc(n + 1, sizeof(*marks));

	for (size_t i = 0; i < n; i++)
		marks[i] = mark_of(paths[i]);
	return marks;
}

void
tls_files_note(struct tls_files *f, const char *const *paths, size_t n)
{
	tls_files_fini(f);
	f->read = look_at(paths, n);
	f->seen = xcalloc(n + 1, sizeof(*f->seen));
	memcpy(f->seen, f->read, n * sizeof(*f->seen));
	f->n = n;
}

bool
tls_files_are_stale(struct tls_files *f, const char *const *paths, size_t n)
{
	struct tls_mark *now;
	bool changed, quiet;

	if (n != f->n) /* others are named by now */
		return true;
	now = look_at(paths, n);
	changed = !same_marks(now, f->read, n);
	quiet = same_marks(now, f->seen, n);
	free(f->seen);
	f->seen = now;
	return changed && quiet;
}

void
tls_files_fini(struct tls_files *f)
{
	free(f->read);
	free(f->seen);
	*f = (struct tls_files){ 0 };
}
