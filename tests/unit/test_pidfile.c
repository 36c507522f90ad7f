/* SPDX-License-Identifier: BSD-2-Clause */
#include "pidfile.h"

#include "running.h"
#include "scratch.h"

#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

START_TEST(the_number_is_ours_until_removed)
{
	struct scratch dir = scratch_make();
	struct hb_pidfile *file;
	struct stat st;

	umask(077);
	ck_assert_int_eq(hb_pidfile_read(dir.path), 0);
	file = hb_pidfile_write(dir.path, NULL);
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(hb_pidfile_read(dir.path), getpid());
	ck_assert_int_eq(stat(scratch_file(&dir, "honeybrid.pid"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0644);
	hb_pidfile_remove(file);
	ck_assert_int_eq(access(scratch_file(&dir, "honeybrid.pid"), F_OK), -1);
	scratch_remove(&dir);
}
END_TEST

static void put(const struct scratch *dir, const char *text)
{
	FILE *file = fopen(scratch_file(dir, "honeybrid.pid"), "we");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

START_TEST(the_file_of_another_stays)
{
	struct scratch dir = scratch_make();
	struct hb_pidfile *file = hb_pidfile_write(dir.path, NULL);

	put(&dir, "1\n");
	hb_pidfile_remove(file);
	ck_assert_int_eq(hb_pidfile_read(dir.path), 1);
	scratch_remove(&dir);
}
END_TEST

START_TEST(nonsense_is_no_number)
{
	struct scratch dir = scratch_make();

	put(&dir, "");
	ck_assert_int_eq(hb_pidfile_read(dir.path), 0);
	put(&dir, "12x\n");
	ck_assert_int_eq(hb_pidfile_read(dir.path), 0);
	put(&dir, "99999999999\n");
	ck_assert_int_eq(hb_pidfile_read(dir.path), 0);
	put(&dir, "123");
	ck_assert_int_eq(hb_pidfile_read(dir.path), 123);
	scratch_remove(&dir);
}
END_TEST

START_TEST(a_missing_directory_is_named)
{
	struct hb_cli_error err;

	ck_assert_ptr_null(hb_pidfile_write("/nonexistent", &err));
	ck_assert_str_eq(err.message, "cannot write \"/nonexistent/honeybrid.pid\": "
				      "No such file or directory: create the directory");
}
END_TEST

START_TEST(stopping_waits_for_the_end)
{
	pid_t child;
	int status;

	signal(SIGTERM, SIG_DFL); /* the test runner's handler would end all of the group */
	child = fork();
	ck_assert_int_ge(child, 0);
	while (child == 0)
		pause();
	ck_assert(hb_running_check(child));
	ck_assert_int_eq(hb_running_stop(child, 60000, NULL), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}
END_TEST

/* A process that runs another program until it is let go. */
static pid_t start_other(int *let_go)
{
	int fds[2];
	pid_t child;

	ck_assert_int_eq(pipe(fds), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		dup2(fds[0], STDIN_FILENO);
		close(fds[0]);
		close(fds[1]);
		execlp("cat", "cat", (char *)NULL);
		_exit(127);
	}
	close(fds[0]);
	*let_go = fds[1];
	return child;
}

static void wait_for_exec(pid_t child)
{
	while (hb_running_check(child))
		sched_yield();
}

START_TEST(only_our_program_is_stopped)
{
	struct hb_cli_error err;
	char expected[64];
	int let_go, status;
	pid_t other = start_other(&let_go);

	wait_for_exec(other);
	ck_assert_int_eq(hb_running_stop(other, 0, &err), -1);
	snprintf(expected, sizeof(expected), "process %d is no honeybridd", (int)other);
	ck_assert_str_eq(err.message, expected);
	close(let_go);
	ck_assert_int_eq(waitpid(other, &status, 0), other);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

START_TEST(no_process_is_no_daemon)
{
	struct hb_cli_error err;

	ck_assert(!hb_running_check(0));
	ck_assert_int_eq(hb_running_stop(0x7ffffffe, 0, &err), -1);
	ck_assert_str_eq(err.message, "there is no process 2147483646: No such process");
}
END_TEST

UNIT_MAIN("pidfile", the_number_is_ours_until_removed, the_file_of_another_stays,
	  nonsense_is_no_number, a_missing_directory_is_named, stopping_waits_for_the_end,
	  only_our_program_is_stopped, no_process_is_no_daemon)
