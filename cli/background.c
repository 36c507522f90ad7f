/* SPDX-License-Identifier: BSD-2-Clause */
#include "background.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* A child that dies without a word is a system error. */
static void wait_and_exit(int fd)
{
	uint8_t status = HB_EXIT_SYSTEM;
	ssize_t length;

	do
		length = read(fd, &status, 1);
	while (length < 0 && errno == EINTR);
	_exit(status);
}

int hb_background_enter(struct hb_background *background, struct hb_cli_error *err)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return hb_cli_error_set(err, HB_EXIT_SYSTEM, "cannot make a pipe: %s",
					strerror(errno));
	pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return hb_cli_error_set(err, HB_EXIT_SYSTEM, "cannot go into the background: %s",
					strerror(errno));
	}
	if (pid > 0) {
		close(fds[1]);
		wait_and_exit(fds[0]);
	}
	close(fds[0]);
	background->report_fd = fds[1];
	if (setsid() < 0 || chdir("/") < 0)
		return hb_cli_error_set(err, HB_EXIT_SYSTEM, "cannot leave the terminal: %s",
					strerror(errno));
	return 0;
}

/* A parent that was killed meanwhile does not matter. */
static void report(struct hb_background *background, uint8_t status)
{
	ssize_t written;

	if (background->report_fd < 0)
		return;
	written = write(background->report_fd, &status, 1);
	(void)written;
	close(background->report_fd);
	background->report_fd = -1;
}

int hb_background_ready(struct hb_background *background, struct hb_cli_error *err)
{
	int fd;

	if (background->report_fd < 0)
		return 0;
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0 ||
	    dup2(fd, STDERR_FILENO) < 0)
		return hb_cli_error_set(err, HB_EXIT_SYSTEM, "cannot leave the terminal: %s",
					strerror(errno));
	if (fd > STDERR_FILENO)
		close(fd);
	report(background, HB_EXIT_OK);
	return 0;
}

void hb_background_fail(struct hb_background *background, enum hb_exit status)
{
	report(background, (uint8_t)status);
}
