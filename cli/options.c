/* SPDX-License-Identifier: BSD-2-Clause */
#include "options.h"

#include "config.h"
#include "value.h"

#include <getopt.h>
#include <limits.h>
#include <string.h>

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "queue", required_argument, NULL, 'q' },
	{ "check", no_argument, NULL, 't' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "status", no_argument, NULL, 's' },
	{ "stop", required_argument, NULL, 'x' },
	{ "read", required_argument, NULL, 'r' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ "workers", required_argument, NULL, 'w' },
	{ 0 },
};

void hb_cli_options_print_help(FILE *out)
{
	fputs("usage: honeybridd -c FILE [-q N] [-w N] | -c FILE -t [-v] | -c FILE -r CAPTURE | -s "
	      "[-c "
	      "FILE] | -x PID | -V | -h\n"
	      "  -c, --config FILE  the configuration\n"
	      "  -q, --queue N      the kernel queue's number (0)\n"
	      "  -w, --workers N    so many threads with a queue each, from -q on (1)\n"
	      "  -t, --check        check the configuration and exit\n"
	      "  -r, --read CAPTURE run over a pcap or pcapng file (- for standard input) and say\n"
	      "                     what would have happened\n"
	      "  -v, --verbose      with -t: print the rules as they are understood\n"
	      "  -s, --status       say whether a daemon runs\n"
	      "  -x, --stop PID     stop a running daemon\n"
	      "  -V, --version      print the version\n"
	      "  -h, --help         print this\n",
	      out);
}

static int read_number(const char *what, const char *text, uint64_t min, uint64_t max,
		       uint64_t *number, struct hb_cli_error *err)
{
	if (hb_value_read_number(text, number) && *number >= min && *number <= max)
		return 0;
	return hb_cli_error_set(err, HB_EXIT_USAGE,
				"%s is \"%s\": expected a whole number from %llu to %llu", what,
				text, (unsigned long long)min, (unsigned long long)max);
}

static int set_action(struct hb_cli_options *options, enum hb_action action,
		      struct hb_cli_error *err)
{
	if (options->action != HB_ACTION_RUN && options->action != action)
		return hb_cli_error_set(err, HB_EXIT_USAGE,
					"-r, -t, -s, -x, -V and -h exclude each other");
	options->action = action;
	return 0;
}

static int set_number(struct hb_cli_options *options, int option, struct hb_cli_error *err)
{
	uint64_t number;

	if (option == 'q') {
		if (read_number("the queue's number", optarg, 0, UINT16_MAX, &number, err) < 0)
			return -1;
		options->queue = (uint16_t)number;
		return 0;
	}
	if (option == 'w') {
		if (read_number("the number of workers", optarg, 1, HB_CONFIG_WORKERS_MAX, &number,
				err) < 0)
			return -1;
		options->workers = (unsigned)number;
		return 0;
	}
	if (read_number("the process to stop", optarg, 1, INT_MAX, &number, err) < 0)
		return -1;
	options->stop_pid = (pid_t)number;
	return set_action(options, HB_ACTION_STOP, err);
}

/* @word  the argument that getopt_long() could not use. */
static int refuse(int option, const char *word, struct hb_cli_error *err)
{
	if (option == ':')
		return hb_cli_error_set(err, HB_EXIT_USAGE, "%s needs an argument", word);
	if (optopt != 0 && strncmp(word, "--", 2) != 0)
		return hb_cli_error_set(err, HB_EXIT_USAGE, "unknown option \"-%c\"", optopt);
	return hb_cli_error_set(err, HB_EXIT_USAGE, "unknown option \"%s\"", word);
}

static int take(struct hb_cli_options *options, int option, const char *word,
		struct hb_cli_error *err)
{
	switch (option) {
	case 'c':
		options->config = optarg;
		return 0;
	case 'q':
	case 'w':
	case 'x':
		return set_number(options, option, err);
	case 'v':
		options->verbose = true;
		return 0;
	case 't':
		return set_action(options, HB_ACTION_CHECK, err);
	case 's':
		return set_action(options, HB_ACTION_STATUS, err);
	case 'V':
		return set_action(options, HB_ACTION_VERSION, err);
	case 'h':
		return set_action(options, HB_ACTION_HELP, err);
	case 'r':
		options->capture = optarg;
		return set_action(options, HB_ACTION_READ, err);
	default:
		return refuse(option, word, err);
	}
}

static bool needs_config(enum hb_action action)
{
	return action == HB_ACTION_RUN || action == HB_ACTION_CHECK || action == HB_ACTION_READ;
}

int hb_cli_options_parse(int argc, char *const argv[], struct hb_cli_options *options,
			 struct hb_cli_error *err)
{
	int option;

	*options = (struct hb_cli_options){ 0 };
	optind = 0; /* start anew, whoever called getopt before */
	while ((option = getopt_long(argc, argv, ":c:q:w:tvsx:r:Vh", long_options, NULL)) != -1) {
		if (take(options, option, argv[optind - 1], err) < 0)
			return -1;
	}
	if (optind < argc)
		return hb_cli_error_set(err, HB_EXIT_USAGE, "unexpected argument \"%s\"",
					argv[optind]);
	if (!options->config && needs_config(options->action))
		return hb_cli_error_set(err, HB_EXIT_USAGE,
					"a configuration is needed: honeybridd -c FILE");
	return 0;
}
