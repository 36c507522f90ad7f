/* SPDX-License-Identifier: BSD-2-Clause */
#include "output.h"

#include "history.h"
#include "logfile.h"
#include "sink_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define BUFFER_SIZE 65536

struct hb_output {
	unsigned sinks; /* enum hb_output_kind */
	bool debug;
	const struct hb_notice *notice;
	struct hb_history *history; /* NULL: short lines */
	struct hb_logfile *file;    /* NULL: not asked for */
	bool is_failing;            /* the last write failed, and was reported */
	size_t used;
	char buffer[BUFFER_SIZE];
};

static bool wants(const struct hb_output *output, enum hb_output_kind kind)
{
	return (output->sinks & kind) != 0;
}

static int open_sinks(struct hb_output *output, const struct hb_config *config, size_t flows,
		      struct hb_cli_error *err)
{
	if (config->log_verbose) {
		output->history = hb_history_new(flows);
		if (!output->history)
			return hb_cli_error_set(err, HB_EXIT_SYSTEM, "no memory for the log");
	}
	if (wants(output, HB_OUTPUT_FILES)) {
		output->file = hb_logfile_open(config->log_directory, config->log_file, err);
		if (!output->file)
			return -1;
	}
	return 0;
}

struct hb_output *hb_output_open(const struct hb_config *config, size_t flows,
				 const struct hb_notice *notice, struct hb_cli_error *err)
{
	struct hb_output *output = calloc(1, sizeof(*output));

	if (!output) {
		hb_cli_error_set(err, HB_EXIT_SYSTEM, "no memory for the log");
		return NULL;
	}
	output->sinks = config->outputs;
	output->debug = config->debug;
	output->notice = notice;
	if (open_sinks(output, config, flows, err) == 0)
		return output;
	hb_output_close(output);
	return NULL;
}

void hb_output_close(struct hb_output *output)
{
	if (!output)
		return;
	hb_output_flush(output);
	hb_history_free(output->history);
	hb_logfile_close(output->file);
	free(output);
}

unsigned hb_output_kinds(const struct hb_config *config)
{
	unsigned kinds = 1u << HB_EVENT_FLOW_END;

	if (config->log_verbose)
		kinds |= 1u << HB_EVENT_FLOW_NEW | 1u << HB_EVENT_FLOW_STATE |
			 1u << HB_EVENT_HANDOVER | 1u << HB_EVENT_HANDOVER_FAILED;
	if (config->debug)
		kinds |= 1u << HB_EVENT_HANDOVER_FAILED | 1u << HB_EVENT_MODULE_NOTE;
	return kinds;
}

static int write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		text += written;
		length -= (size_t)written;
	}
	return 0;
}

/* A full disk is reported once, not with every line. */
static void report_write(struct hb_output *output, bool failed)
{
	if (failed && !output->is_failing)
		hb_notice_say(output->notice, "flow records are lost: cannot write them: %s",
			      strerror(errno));
	output->is_failing = failed;
}

void hb_output_flush(struct hb_output *output)
{
	bool failed = false;

	if (output->used == 0)
		return;
	if (wants(output, HB_OUTPUT_STDOUT))
		failed |= write_all(STDOUT_FILENO, output->buffer, output->used) < 0;
	if (output->file)
		failed |= write_all(hb_logfile_fd(output->file), output->buffer, output->used) < 0;
	report_write(output, failed);
	output->used = 0;
}

static void add_line(struct hb_output *output, const char *line, size_t length)
{
	if (output->used + length + 1 > sizeof(output->buffer))
		hb_output_flush(output);
	memcpy(output->buffer + output->used, line, length);
	output->buffer[output->used + length] = '\n';
	output->used += length + 1;
}

static void log_flow(struct hb_output *output, const struct hb_log_record *record,
		     const struct hb_flow_history *history)
{
	char line[HB_SINK_TEXT_SIZE];
	size_t length = hb_sink_text_format(record, history, line);

	if (wants(output, HB_OUTPUT_SYSLOG))
		syslog(LOG_DAEMON | LOG_INFO, "%s", line);
	if (wants(output, HB_OUTPUT_STDOUT) || output->file)
		add_line(output, line, length);
}

static void say_debug(const struct hb_output *output, const struct hb_log_record *record)
{
	char client[HB_ENDPOINT_TEXT_SIZE], attacked[HB_ENDPOINT_TEXT_SIZE];

	hb_endpoint_format(&record->flow.client, client);
	hb_endpoint_format(&record->flow.attacked, attacked);
	if (record->kind == HB_EVENT_HANDOVER_FAILED)
		hb_notice_say(output->notice, "flow %llu %s -> %s: no handover to backend %u: %s",
			      (unsigned long long)record->flow.id, client, attacked,
			      record->flow.backend, record->reason);
	if (record->kind == HB_EVENT_MODULE_NOTE)
		hb_notice_say(output->notice, "flow %llu %s -> %s: module %s: %s",
			      (unsigned long long)record->flow.id, client, attacked, record->module,
			      record->note);
}

void hb_output_take(void *ctx, const struct hb_log_record *record)
{
	struct hb_output *output = ctx;
	const struct hb_flow_history *history = NULL;

	if (output->debug)
		say_debug(output, record);
	if (output->history && record->kind != HB_EVENT_MODULE_NOTE)
		history = hb_history_note(output->history, record);
	if (record->kind == HB_EVENT_FLOW_END)
		log_flow(output, record, history);
}

void hb_output_reopen(struct hb_output *output)
{
	struct hb_cli_error err;

	hb_output_flush(output);
	if (output->file && hb_logfile_reopen(output->file, &err) < 0)
		hb_notice_say(output->notice, "%s", err.message);
}

void hb_output_rotate(struct hb_output *output, time_t now)
{
	struct hb_cli_error err;

	hb_output_flush(output);
	if (output->file && hb_logfile_rotate(output->file, now, &err) < 0)
		hb_notice_say(output->notice, "%s", err.message);
}
