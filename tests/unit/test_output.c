/* SPDX-License-Identifier: BSD-2-Clause */
#include "output.h"

#include "scratch.h"

#include <fcntl.h>

static const struct hb_notice notice = { .to_syslog = false };

static struct hb_config make_config(const struct scratch *dir, unsigned outputs)
{
	struct hb_config config = { .outputs = outputs,
				    .log_directory = dir->path,
				    .log_file = "flows",
				    .options.max_flows = 100 };

	setenv("TZ", "UTC", 1);
	return config;
}

static struct hb_log_record make(enum hb_event_kind kind, uint64_t id)
{
	struct hb_log_record record = { .kind = kind };

	record.flow.id = id;
	record.flow.protocol = 6;
	record.flow.state = HB_STATE_PROXY;
	ck_assert_int_eq(hb_endpoint_parse("192.0.2.7:1", &record.flow.client), 0);
	record.flow.honeypot_client_port = 1;
	ck_assert_int_eq(hb_endpoint_parse("192.0.2.8:2", &record.flow.attacked), 0);
	return record;
}

static void take(struct hb_output *output, enum hb_event_kind kind, uint64_t id)
{
	struct hb_log_record record = make(kind, id);

	hb_output_take(output, &record);
}

/* What is written to a descriptor goes to a file of the directory instead. */
static void redirect(const struct scratch *dir, int fd, const char *name)
{
	int file = open(scratch_file(dir, name), O_WRONLY | O_CREAT | O_APPEND, 0600);

	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(dup2(file, fd), fd);
	close(file);
}

#define LINE "1970-01-01 00:00:00.000000 0.000 TCP 192.0.2.7:1 -> 192.0.2.8:2 0 0 PROXY"

START_TEST(every_sink_gets_each_flow_that_ended)
{
	struct scratch dir = scratch_make();
	struct hb_config config = make_config(&dir, HB_OUTPUT_FILES | HB_OUTPUT_STDOUT);
	struct hb_output *output = hb_output_open(&config, 100, &notice, NULL);

	redirect(&dir, STDOUT_FILENO, "stdout");
	take(output, HB_EVENT_FLOW_NEW, 1);
	take(output, HB_EVENT_FLOW_END, 1);
	take(output, HB_EVENT_HANDOVER_FAILED, 2);
	take(output, HB_EVENT_FLOW_END, 2);
	ck_assert_str_eq(scratch_read(&dir, "flows"), "");
	hb_output_flush(output);
	ck_assert_str_eq(scratch_read(&dir, "flows"), LINE "\n" LINE "\n");
	ck_assert_str_eq(scratch_read(&dir, "stdout"), LINE "\n" LINE "\n");
	hb_output_close(output);
	scratch_remove(&dir);
}
END_TEST

START_TEST(the_verbose_log_remembers)
{
	struct scratch dir = scratch_make();
	struct hb_config config = make_config(&dir, HB_OUTPUT_FILES);
	struct hb_output *output;

	config.log_verbose = true;
	output = hb_output_open(&config, 100, &notice, NULL);
	take(output, HB_EVENT_FLOW_NEW, 7);
	take(output, HB_EVENT_FLOW_END, 7);
	hb_output_close(output);
	ck_assert_str_eq(scratch_read(&dir, "flows"),
			 LINE " ** 7 .|.|. .|. .|.|. .|.|. 0.000|0|0\n");
	scratch_remove(&dir);
}
END_TEST

START_TEST(more_than_the_buffer_holds_is_written)
{
	struct scratch dir = scratch_make();
	struct hb_config config = make_config(&dir, HB_OUTPUT_FILES);
	struct hb_output *output = hb_output_open(&config, 100, &notice, NULL);
	off_t size;
	int fd;

	for (uint64_t id = 1; id <= 5000; id++)
		take(output, HB_EVENT_FLOW_END, id);
	hb_output_close(output);
	fd = open(scratch_file(&dir, "flows"), O_RDONLY);
	size = lseek(fd, 0, SEEK_END);
	close(fd);
	ck_assert_int_eq(size, 5000 * (off_t)sizeof(LINE));
	scratch_remove(&dir);
}
END_TEST

START_TEST(rotation_cuts_between_lines)
{
	struct scratch dir = scratch_make();
	struct hb_config config = make_config(&dir, HB_OUTPUT_FILES);
	struct hb_output *output = hb_output_open(&config, 100, &notice, NULL);

	take(output, HB_EVENT_FLOW_END, 1);
	hb_output_rotate(output, 0);
	take(output, HB_EVENT_FLOW_END, 2);
	hb_output_close(output);
	ck_assert_str_eq(scratch_read(&dir, "flows.19700101_0000"), LINE "\n");
	ck_assert_str_eq(scratch_read(&dir, "flows"), LINE "\n");
	scratch_remove(&dir);
}
END_TEST

START_TEST(a_full_disk_is_reported_once)
{
	struct scratch dir = scratch_make();
	struct hb_config config = make_config(&dir, HB_OUTPUT_STDOUT);
	struct hb_output *output = hb_output_open(&config, 100, &notice, NULL);
	int full = open("/dev/full", O_WRONLY);

	redirect(&dir, STDERR_FILENO, "stderr");
	ck_assert_int_eq(dup2(full, STDOUT_FILENO), STDOUT_FILENO);
	for (int i = 0; i < 3; i++) {
		take(output, HB_EVENT_FLOW_END, 1);
		hb_output_flush(output);
	}
	hb_output_close(output);
	close(full);
	ck_assert_str_eq(scratch_read(&dir, "stderr"),
			 "honeybridd: flow records are lost: cannot write them: "
			 "No space left on device\n");
	scratch_remove(&dir);
}
END_TEST

START_TEST(debug_tells_of_failures_and_notes)
{
	struct scratch dir = scratch_make();
	struct hb_config config = make_config(&dir, HB_OUTPUT_FILES);
	struct hb_log_record record = make(HB_EVENT_HANDOVER_FAILED, 3);
	struct hb_output *output;

	config.debug = true;
	output = hb_output_open(&config, 100, &notice, NULL);
	redirect(&dir, STDERR_FILENO, "stderr");
	record.flow.backend = 2;
	strcpy(record.reason, "no answer");
	hb_output_take(output, &record);
	record = make(HB_EVENT_MODULE_NOTE, 3);
	strcpy(record.module, "hash");
	strcpy(record.note, "full");
	hb_output_take(output, &record);
	hb_output_close(output);
	ck_assert_str_eq(scratch_read(&dir, "stderr"),
			 "honeybridd: flow 3 192.0.2.7:1 -> 192.0.2.8:2: "
			 "no handover to backend 2: no answer\n"
			 "honeybridd: flow 3 192.0.2.7:1 -> 192.0.2.8:2: module hash: full\n");
	ck_assert_str_eq(scratch_read(&dir, "flows"), "");
	scratch_remove(&dir);
}
END_TEST

START_TEST(only_what_is_used_is_asked_for)
{
	struct hb_config config = { .log_verbose = false };
	const unsigned end = 1u << HB_EVENT_FLOW_END;

	ck_assert_uint_eq(hb_output_kinds(&config), end);
	config.debug = true;
	ck_assert_uint_eq(hb_output_kinds(&config),
			  end | 1u << HB_EVENT_HANDOVER_FAILED | 1u << HB_EVENT_MODULE_NOTE);
	config.log_verbose = true;
	ck_assert_uint_eq(hb_output_kinds(&config), (1u << HB_EVENT_COUNT) - 1 - 1);
}
END_TEST

UNIT_MAIN("output", every_sink_gets_each_flow_that_ended, the_verbose_log_remembers,
	  more_than_the_buffer_holds_is_written, rotation_cuts_between_lines,
	  a_full_disk_is_reported_once, debug_tells_of_failures_and_notes,
	  only_what_is_used_is_asked_for)
