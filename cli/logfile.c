/* SPDX-License-Identifier: BSD-2-Clause */
#include "logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How many rotations of one minute keep names of their own. */
#define SAME_MINUTE_MAX 1000

struct hb_logfile {
	int directory_fd, fd;
	char name[NAME_MAX + 1];
};

static int open_file(const struct hb_logfile *file)
{
	return openat(file->directory_fd, file->name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
		      0640);
}

static int open_both(struct hb_logfile *file, const char *directory, struct hb_cli_error *err)
{
	file->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file->directory_fd < 0)
		return hb_cli_error_set(err, hb_exit_from_errno(errno),
					"cannot open the log directory \"%s\": %s%s", directory,
					strerror(errno), errno == ENOENT ? ": create it" : "");
	file->fd = open_file(file);
	if (file->fd < 0)
		return hb_cli_error_set(err, hb_exit_from_errno(errno),
					"cannot open \"%s\" in \"%s\": %s", file->name, directory,
					strerror(errno));
	return 0;
}

struct hb_logfile *hb_logfile_open(const char *directory, const char *name,
				   struct hb_cli_error *err)
{
	struct hb_logfile *file = calloc(1, sizeof(*file));

	if (!file || strlen(name) >= sizeof(file->name)) {
		hb_cli_error_set(err, HB_EXIT_SYSTEM, "cannot open \"%s\" in \"%s\": %s", name,
				 directory, strerror(file ? ENAMETOOLONG : ENOMEM));
		free(file);
		return NULL;
	}
	strcpy(file->name, name);
	file->directory_fd = file->fd = -1;
	if (open_both(file, directory, err) == 0)
		return file;
	hb_logfile_close(file);
	return NULL;
}

void hb_logfile_close(struct hb_logfile *file)
{
	if (!file)
		return;
	if (file->fd >= 0)
		close(file->fd);
	if (file->directory_fd >= 0)
		close(file->directory_fd);
	free(file);
}

int hb_logfile_fd(const struct hb_logfile *file)
{
	return file->fd;
}

/* Never onto a file that exists: it would be lost. */
static int put_aside(const struct hb_logfile *file, const char *dated)
{
	char name[2 * NAME_MAX];

	for (int i = 0; i < SAME_MINUTE_MAX; i++) {
		if (i == 0)
			snprintf(name, sizeof(name), "%s", dated);
		else
			snprintf(name, sizeof(name), "%s.%d", dated, i);
		if (renameat2(file->directory_fd, file->name, file->directory_fd, name,
			      RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST)
			return -1;
	}
	return -1;
}

int hb_logfile_reopen(struct hb_logfile *file, struct hb_cli_error *err)
{
	int fd = open_file(file);

	if (fd < 0)
		return hb_cli_error_set(err, HB_EXIT_SYSTEM, "cannot open \"%s\" again: %s",
					file->name, strerror(errno));
	close(file->fd);
	file->fd = fd;
	return 0;
}

int hb_logfile_rotate(struct hb_logfile *file, time_t now, struct hb_cli_error *err)
{
	char stamp[32] = "", dated[NAME_MAX + sizeof(stamp) + 2];
	struct tm tm;

	if (localtime_r(&now, &tm))
		strftime(stamp, sizeof(stamp), "%Y%m%d_%H%M", &tm);
	snprintf(dated, sizeof(dated), "%s.%s", file->name, stamp);
	if (put_aside(file, dated) < 0)
		return hb_cli_error_set(err, HB_EXIT_SYSTEM, "cannot rename \"%s\" to \"%s\": %s",
					file->name, dated, strerror(errno));
	return hb_logfile_reopen(file, err);
}
