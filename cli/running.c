/* SPDX-License-Identifier: BSD-2-Clause */
#include "running.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool read_name(const char *process, char *name, int size)
{
	char path[64];
	FILE *file;
	bool read;

	snprintf(path, sizeof(path), "/proc/%s/comm", process);
	file = fopen(path, "re");
	if (!file)
		return false;
	read = fgets(name, size, file) != NULL;
	fclose(file);
	return read;
}

bool hb_running_check(pid_t pid)
{
	char process[16], theirs[64], ours[64];

	if (pid <= 0)
		return false;
	snprintf(process, sizeof(process), "%d", (int)pid);
	return read_name(process, theirs, sizeof(theirs)) &&
	       read_name("self", ours, sizeof(ours)) && strcmp(theirs, ours) == 0;
}

static int stop(int pidfd, pid_t pid, int timeout_ms, struct hb_cli_error *err)
{
	struct pollfd wait = { .fd = pidfd, .events = POLLIN };

	if (!hb_running_check(pid))
		return hb_cli_error_set(err, HB_EXIT_USAGE, "process %d is no honeybridd",
					(int)pid);
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) < 0)
		return hb_cli_error_set(err, HB_EXIT_PRIVILEGE, "cannot stop process %d: %s",
					(int)pid, strerror(errno));
	if (poll(&wait, 1, timeout_ms) <= 0)
		return hb_cli_error_set(err, HB_EXIT_SYSTEM,
					"process %d has not stopped after %d seconds", (int)pid,
					timeout_ms / 1000);
	return 0;
}

int hb_running_stop(pid_t pid, int timeout_ms, struct hb_cli_error *err)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int rc;

	if (pidfd < 0)
		return hb_cli_error_set(err, HB_EXIT_USAGE, "there is no process %d: %s", (int)pid,
					strerror(errno));
	rc = stop(pidfd, pid, timeout_ms, err);
	close(pidfd);
	return rc;
}
