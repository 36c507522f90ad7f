/* SPDX-License-Identifier: BSD-2-Clause */
#include "options.h"

#include "unit.h"

#include <string.h>

#define ARGS_MAX 8

static int parse(const char *line, struct hb_cli_options *options, struct hb_cli_error *err)
{
	static char name[] = "honeybridd", copy[256];
	char *argv[ARGS_MAX + 1] = { name };
	int argc = 1;
	char *rest = copy;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word; argc < ARGS_MAX && (word = strsep(&rest, " "));) {
		if (*word)
			argv[argc++] = word;
	}
	return hb_cli_options_parse(argc, argv, options, err);
}

START_TEST(a_run_has_a_configuration_and_a_queue)
{
	struct hb_cli_options options;

	ck_assert_int_eq(parse("-c a.conf", &options, NULL), 0);
	ck_assert_int_eq(options.action, HB_ACTION_RUN);
	ck_assert_str_eq(options.config, "a.conf");
	ck_assert_uint_eq(options.queue, 0);
	ck_assert_uint_eq(options.workers, 0);
	ck_assert_int_eq(parse("-c a.conf -w 4", &options, NULL), 0);
	ck_assert_uint_eq(options.workers, 4);
	ck_assert_int_eq(parse("-c a.conf --workers=64", &options, NULL), 0);
	ck_assert_uint_eq(options.workers, 64);
	ck_assert_int_eq(parse("--config=b.conf --queue 65535", &options, NULL), 0);
	ck_assert_str_eq(options.config, "b.conf");
	ck_assert_uint_eq(options.queue, 65535);
}
END_TEST

START_TEST(each_action_has_two_names)
{
	static const struct {
		const char *line;
		enum hb_action action;
	} cases[] = {
		{ "-t -c x", HB_ACTION_CHECK },
		{ "--check --config x", HB_ACTION_CHECK },
		{ "-s", HB_ACTION_STATUS },
		{ "--status", HB_ACTION_STATUS },
		{ "-x 12", HB_ACTION_STOP },
		{ "--stop=12", HB_ACTION_STOP },
		{ "-V", HB_ACTION_VERSION },
		{ "--version", HB_ACTION_VERSION },
		{ "-h", HB_ACTION_HELP },
		{ "--help", HB_ACTION_HELP },
		{ "-tv -c x", HB_ACTION_CHECK },
		{ "-r y -c x", HB_ACTION_READ },
		{ "-c x --read=y", HB_ACTION_READ },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hb_cli_options options;

		ck_assert_int_eq(parse(cases[i].line, &options, NULL), 0);
		ck_assert_int_eq(options.action, cases[i].action);
		if (options.action == HB_ACTION_STOP)
			ck_assert_int_eq(options.stop_pid, 12);
		if (options.action == HB_ACTION_READ)
			ck_assert_str_eq(options.capture, "y");
		ck_assert_int_eq(options.verbose, strcmp(cases[i].line, "-tv -c x") == 0);
	}
}
END_TEST

START_TEST(mistakes_are_named)
{
	static const struct {
		const char *line, *message;
	} cases[] = {
		{ "", "a configuration is needed: honeybridd -c FILE" },
		{ "-t", "a configuration is needed: honeybridd -c FILE" },
		{ "-c", "-c needs an argument" },
		{ "-c x -z", "unknown option \"-z\"" },
		{ "-c x --quue 3", "unknown option \"--quue\"" },
		{ "-c x y", "unexpected argument \"y\"" },
		{ "-c x -w 0",
		  "the number of workers is \"0\": expected a whole number from 1 to 64" },
		{ "-c x -w 65",
		  "the number of workers is \"65\": expected a whole number from 1 to 64" },
		{ "-c x -q 65536",
		  "the queue's number is \"65536\": expected a whole number from 0 to 65535" },
		{ "-c x -q -1",
		  "the queue's number is \"-1\": expected a whole number from 0 to 65535" },
		{ "-x 0",
		  "the process to stop is \"0\": expected a whole number from 1 to 2147483647" },
		{ "-r x.pcap", "a configuration is needed: honeybridd -c FILE" },
		{ "-c x -r y -t", "-r, -t, -s, -x, -V and -h exclude each other" },
		{ "-s -V", "-r, -t, -s, -x, -V and -h exclude each other" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hb_cli_options options;
		struct hb_cli_error err = { 0 };

		ck_assert_int_eq(parse(cases[i].line, &options, &err), -1);
		ck_assert_str_eq(err.message, cases[i].message);
		ck_assert_int_eq(err.status, HB_EXIT_USAGE);
	}
}
END_TEST

UNIT_MAIN("options", a_run_has_a_configuration_and_a_queue, each_action_has_two_names,
	  mistakes_are_named)
