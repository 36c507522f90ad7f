/* SPDX-License-Identifier: BSD-2-Clause */
/* A directory for one test. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include "unit.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The lines between which a state file's entries are. */
#define STATE_HEAD "# State of honeybridd, whole if \"# end\" stands below.\n"
#define STATE_TAIL "# end\n"

struct scratch {
	char path[64];
};

static inline struct scratch scratch_make(void)
{
	struct scratch scratch = { "/tmp/honeybrid-test-XXXXXX" };

	ck_assert_ptr_nonnull(mkdtemp(scratch.path));
	return scratch;
}

static inline const char *scratch_file(const struct scratch *scratch, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", scratch->path, name);
	return path;
}

/* What is in a file, up to 4095 bytes. */
static inline const char *scratch_read(const struct scratch *scratch, const char *name)
{
	static char text[4096];
	FILE *file = fopen(scratch_file(scratch, name), "re");
	size_t length;

	if (!file)
		return "(no such file)";
	length = fread(text, 1, sizeof(text) - 1, file);
	text[length] = '\0';
	fclose(file);
	return text;
}

static inline void scratch_remove(const struct scratch *scratch)
{
	DIR *dir = opendir(scratch->path);

	for (struct dirent *entry; dir && (entry = readdir(dir));)
		unlink(scratch_file(scratch, entry->d_name));
	if (dir)
		closedir(dir);
	ck_assert_int_eq(rmdir(scratch->path), 0);
}

#endif
