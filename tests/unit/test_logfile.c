/* SPDX-License-Identifier: BSD-2-Clause */
#include "logfile.h"

#include "scratch.h"

#include <sys/stat.h>

/* 2009-08-13 12:24:14 UTC */
#define NOW 1250166254

static void say(const struct hb_logfile *file, const char *text)
{
	ssize_t length = (ssize_t)strlen(text);

	ck_assert_int_eq(write(hb_logfile_fd(file), text, strlen(text)), length);
}

START_TEST(a_file_grows_at_its_end)
{
	struct scratch dir = scratch_make();
	struct hb_logfile *file;
	struct stat st;

	umask(0);
	file = hb_logfile_open(dir.path, "x.log", NULL);
	say(file, "one\n");
	hb_logfile_close(file);
	file = hb_logfile_open(dir.path, "x.log", NULL);
	say(file, "two\n");
	hb_logfile_close(file);
	ck_assert_str_eq(scratch_read(&dir, "x.log"), "one\ntwo\n");
	ck_assert_int_eq(stat(scratch_file(&dir, "x.log"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	scratch_remove(&dir);
}
END_TEST

START_TEST(rotation_loses_no_file)
{
	struct scratch dir = scratch_make();
	struct hb_logfile *file;

	setenv("TZ", "UTC", 1);
	file = hb_logfile_open(dir.path, "x.log", NULL);
	say(file, "one\n");
	ck_assert_int_eq(hb_logfile_rotate(file, NOW, NULL), 0);
	say(file, "two\n");
	ck_assert_int_eq(hb_logfile_rotate(file, NOW + 1, NULL), 0);
	say(file, "three\n");
	ck_assert_int_eq(hb_logfile_rotate(file, NOW + 60, NULL), 0);
	say(file, "four\n");
	hb_logfile_close(file);
	ck_assert_str_eq(scratch_read(&dir, "x.log.20090813_1224"), "one\n");
	ck_assert_str_eq(scratch_read(&dir, "x.log.20090813_1224.1"), "two\n");
	ck_assert_str_eq(scratch_read(&dir, "x.log.20090813_1225"), "three\n");
	ck_assert_str_eq(scratch_read(&dir, "x.log"), "four\n");
	scratch_remove(&dir);
}
END_TEST

START_TEST(a_renamed_file_is_made_anew)
{
	struct scratch dir = scratch_make();
	struct hb_logfile *file = hb_logfile_open(dir.path, "x.log", NULL);
	char renamed[512];

	snprintf(renamed, sizeof(renamed), "%s", scratch_file(&dir, "x.log.1"));
	say(file, "one\n");
	ck_assert_int_eq(rename(scratch_file(&dir, "x.log"), renamed), 0);
	say(file, "two\n");
	ck_assert_int_eq(hb_logfile_reopen(file, NULL), 0);
	say(file, "three\n");
	ck_assert_int_eq(hb_logfile_reopen(file, NULL), 0);
	say(file, "four\n");
	hb_logfile_close(file);
	ck_assert_str_eq(scratch_read(&dir, "x.log.1"), "one\ntwo\n");
	ck_assert_str_eq(scratch_read(&dir, "x.log"), "three\nfour\n");
	scratch_remove(&dir);
}
END_TEST

START_TEST(a_failed_rotation_goes_on_with_the_old_file)
{
	struct scratch dir = scratch_make();
	struct hb_logfile *file = hb_logfile_open(dir.path, "x.log", NULL);
	struct hb_cli_error err;

	setenv("TZ", "UTC", 1);
	unlink(scratch_file(&dir, "x.log"));
	ck_assert_int_eq(hb_logfile_rotate(file, NOW, &err), -1);
	ck_assert_str_eq(err.message, "cannot rename \"x.log\" to \"x.log.20090813_1224\": "
				      "No such file or directory");
	say(file, "still open\n");
	hb_logfile_close(file);
	scratch_remove(&dir);
}
END_TEST

START_TEST(a_missing_directory_is_named)
{
	struct hb_cli_error err;

	ck_assert_ptr_null(hb_logfile_open("/nonexistent/dir", "x.log", &err));
	ck_assert_int_eq(err.status, HB_EXIT_SYSTEM);
	ck_assert_str_eq(err.message, "cannot open the log directory \"/nonexistent/dir\": "
				      "No such file or directory: create it");
	ck_assert_ptr_null(hb_logfile_open("/", "nonexistent/x.log", &err));
	ck_assert_str_eq(err.message,
			 "cannot open \"nonexistent/x.log\" in \"/\": No such file or directory");
}
END_TEST

UNIT_MAIN("logfile", a_file_grows_at_its_end, rotation_loses_no_file, a_renamed_file_is_made_anew,
	  a_failed_rotation_goes_on_with_the_old_file, a_missing_directory_is_named)
