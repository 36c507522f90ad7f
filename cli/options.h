/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line. */
#ifndef HB_OPTIONS_H
#define HB_OPTIONS_H

#include "exit.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum hb_action {
	HB_ACTION_RUN = 0,
	HB_ACTION_CHECK,
	HB_ACTION_READ,
	HB_ACTION_STATUS,
	HB_ACTION_STOP,
	HB_ACTION_VERSION,
	HB_ACTION_HELP,
};

struct hb_cli_options {
	enum hb_action action;
	const char *config;  /* NULL if not given: allowed with STATUS, STOP, VERSION, HELP */
	const char *capture; /* READ: the file, "-" for standard input */
	uint16_t queue;
	unsigned workers; /* 0 if not given: as the configuration says */
	bool verbose;
	pid_t stop_pid;
};

/*
 * Reads the command line.
 *
 * @argv    borrowed as long as options is used.
 * Returns  0, or -1 with *err filled in, status HB_EXIT_USAGE.
 */
int hb_cli_options_parse(int argc, char *const argv[], struct hb_cli_options *options,
			 struct hb_cli_error *err);

/* Prints what the program takes. */
void hb_cli_options_print_help(FILE *out);

#endif
