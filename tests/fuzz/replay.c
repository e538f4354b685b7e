/* SPDX-License-Identifier: ISC */
/*
 * replay.c: a main for the fuzz targets that needs no libFuzzer.
 *
 * Runs the files and folders that it is given, without any the target's own
 * corpus below $srcdir, and names each before it runs.  FUZZ_TARGET is the
 * target's name.
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define CORPUS "tests/fuzz/corpus/" FUZZ_TARGET

/* Seconds: one input takes some milliseconds, under valgrind a few more. */
#define PATIENCE 120

static unsigned replayed;

static NORETURN void
give_up(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	exit(99); /* to automake: an error, not a failed test */
}

static void
replay_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes = malloc(size ? size : 1);

	if (!f || !bytes || fread(bytes, 1, size, f) != size)
		give_up(path);
	fclose(f);
	printf("%s\n", path);
	fflush(stdout);
	alarm(PATIENCE);
	LLVMFuzzerTestOneInput(bytes, size);
	alarm(0);
	replayed++;
	free(bytes);
}

static void replay(const char *path);

static int
is_visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* In the order of their names, so that every run is the same. */
static void
replay_folder(const char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, is_visible, alphasort);
	char path[4096];

	if (n < 0)
		give_up(folder);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder,
			 entries[i]->d_name);
		replay(path);
		free(entries[i]);
	}
	free(entries);
}

static void
replay(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		give_up(path);
	if (S_ISDIR(st.st_mode))
		replay_folder(path);
	else
		replay_file(path, (size_t)st.st_size);
}

int
main(int argc, char **argv)
{
	const char *top = getenv("srcdir");
	char corpus[4096];

	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc == 1) {
		snprintf(corpus, sizeof(corpus), "%s/" CORPUS,
			 top ? top : ".");
		replay(corpus);
	}
	printf("%u inputs\n", replayed);
	return replayed > 0 ? 0 : 1;
}
