/* SPDX-License-Identifier: BSD-2-Clause */
#include "pidfile.h"

#include "value.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "honeybrid.pid"

struct hb_pidfile {
	int directory_fd; /* the process may change its directory */
};

static pid_t read_at(int directory_fd)
{
	int fd = openat(directory_fd, FILE_NAME, O_RDONLY | O_CLOEXEC);
	char text[32];
	uint64_t number;
	ssize_t length;

	if (fd < 0)
		return 0;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length <= 0)
		return 0;
	text[length] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (!hb_value_read_number(text, &number) || number > INT_MAX)
		return 0;
	return (pid_t)number;
}

/* Made anew, so that the mode is ours and no link of that name is followed. */
static int write_at(int directory_fd)
{
	int fd;

	if (unlinkat(directory_fd, FILE_NAME, 0) < 0 && errno != ENOENT)
		return -1;
	fd = openat(directory_fd, FILE_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	if (fchmod(fd, 0644) < 0 || dprintf(fd, "%d\n", (int)getpid()) < 0) {
		close(fd);
		return -1;
	}
	return close(fd);
}

struct hb_pidfile *hb_pidfile_write(const char *directory, struct hb_cli_error *err)
{
	struct hb_pidfile *file = calloc(1, sizeof(*file));

	if (!file) {
		hb_cli_error_set(err, HB_EXIT_SYSTEM, "no memory for the pid file");
		return NULL;
	}
	file->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file->directory_fd >= 0 && write_at(file->directory_fd) == 0)
		return file;
	hb_cli_error_set(err, hb_exit_from_errno(errno), "cannot write \"%s/" FILE_NAME "\": %s%s",
			 directory, strerror(errno),
			 errno == ENOENT ? ": create the directory" : "");
	if (file->directory_fd >= 0)
		close(file->directory_fd);
	free(file);
	return NULL;
}

void hb_pidfile_remove(struct hb_pidfile *file)
{
	if (!file)
		return;
	/* That it cannot be removed any more harms nobody: the number in it is checked by who
	 * reads. */
	if (read_at(file->directory_fd) == getpid())
		unlinkat(file->directory_fd, FILE_NAME, 0);
	close(file->directory_fd);
	free(file);
}

pid_t hb_pidfile_read(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t pid;

	if (fd < 0)
		return 0;
	pid = read_at(fd);
	close(fd);
	return pid;
}
