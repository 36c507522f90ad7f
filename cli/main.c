/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"
#include "daemon.h"
#include "offline.h"
#include "options.h"
#include "pidfile.h"
#include "running.h"

#include <honeybrid/version.h>

#include <string.h>

/* Long enough for a million open flows to be logged. */
#define STOP_TIMEOUT_MS 30000

static int fail(const struct hb_cli_error *err)
{
	fprintf(stderr, "honeybridd: %s\n", err->message);
	return (int)err->status;
}

static int check(const struct hb_cli_options *options)
{
	enum hb_exit status;
	struct hb_cli_error err;
	struct hb_config *config =
		hb_config_load(options->config, HB_INTERFACES_REAL, stderr, &status);

	if (!config)
		return (int)status;
	if (hb_config_load_state(config, &err) < 0) {
		hb_config_free(config);
		return fail(&err);
	}
	printf("%s: ok\n", options->config);
	if (options->verbose)
		hb_config_explain(config, stdout);
	hb_config_free(config);
	return HB_EXIT_OK;
}

static int try_capture(const struct hb_cli_options *options)
{
	enum hb_exit status;
	struct hb_config *config =
		hb_config_load(options->config, HB_INTERFACES_SUPPOSED, stderr, &status);

	if (!config)
		return (int)status;
	status = hb_offline_run(config, options->capture);
	hb_config_free(config);
	return (int)status;
}

static int run(const struct hb_cli_options *options)
{
	enum hb_exit status;
	struct hb_config *config =
		hb_config_load(options->config, HB_INTERFACES_REAL, stderr, &status);

	if (!config)
		return (int)status;
	return (int)hb_daemon_run(config, options);
}

/* Without a configuration: where a daemon without one in its configuration puts its pid file. */
static int say_status(const struct hb_cli_options *options)
{
	enum hb_exit status = HB_EXIT_OK;
	struct hb_config *config = NULL;
	pid_t pid;

	if (options->config) {
		config = hb_config_load(options->config, HB_INTERFACES_SUPPOSED, stderr, &status);
		if (!config)
			return (int)status;
	}
	pid = hb_pidfile_read(config ? config->exec_directory : HB_CONFIG_EXEC_DIRECTORY);
	if (hb_running_check(pid)) {
		printf("honeybridd runs: process %d\n", (int)pid);
	} else {
		printf("honeybridd does not run\n");
		status = HB_EXIT_NOT_RUNNING;
	}
	hb_config_free(config);
	return (int)status;
}

static int stop(const struct hb_cli_options *options)
{
	struct hb_cli_error err;

	if (hb_running_stop(options->stop_pid, STOP_TIMEOUT_MS, &err) < 0)
		return fail(&err);
	return HB_EXIT_OK;
}

int main(int argc, char *argv[])
{
	struct hb_cli_options options;
	struct hb_cli_error err;

	if (hb_cli_options_parse(argc, argv, &options, &err) < 0) {
		fail(&err);
		fputs("honeybridd: -h says what it takes\n", stderr);
		return (int)err.status;
	}
	switch (options.action) {
	case HB_ACTION_CHECK:
		return check(&options);
	case HB_ACTION_READ:
		return try_capture(&options);
	case HB_ACTION_STATUS:
		return say_status(&options);
	case HB_ACTION_STOP:
		return stop(&options);
	case HB_ACTION_VERSION:
		printf("honeybridd %s\n", hb_version());
		return HB_EXIT_OK;
	case HB_ACTION_HELP:
		hb_cli_options_print_help(stdout);
		return HB_EXIT_OK;
	case HB_ACTION_RUN:
		break;
	}
	return run(&options);
}
