/* SPDX-License-Identifier: BSD-2-Clause */
/* The running program: workers that handle packets, and this thread, which does all the rest. */
#ifndef HB_DAEMON_H
#define HB_DAEMON_H

#include "config.h"
#include "options.h"

/*
 * Runs until a signal stops it: SIGTERM, SIGINT, SIGQUIT. Errors are printed.
 *
 * @config   taken.
 * @options  where it was read from, and what the command line says.
 * Returns   the status to end with.
 */
enum hb_exit hb_daemon_run(struct hb_config *config, const struct hb_cli_options *options);

#endif
