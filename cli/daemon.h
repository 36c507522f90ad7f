/* SPDX-License-Identifier: BSD-2-Clause */
/* The running program: a worker that handles packets, and this thread, which does all the rest. */
#ifndef HB_DAEMON_H
#define HB_DAEMON_H

#include "config.h"

/*
 * Runs until a signal stops it: SIGTERM, SIGINT, SIGQUIT. Errors are printed.
 *
 * @queue   the kernel queue's number.
 * Returns  the status to end with.
 */
enum hb_exit hb_daemon_run(struct hb_config *config, uint16_t queue);

#endif
