/* SPDX-License-Identifier: BSD-2-Clause */
/* The main thread's loop: signals, the log's queue, rotation by the clock, saving what modules
 * know. */
#ifndef HB_MANAGE_H
#define HB_MANAGE_H

#include "notice.h"
#include "output.h"
#include "reload.h"
#include "workers.h"

#include <signal.h>

struct hb_manage {
	const struct hb_notice *notice;
	struct hb_output *output;
	struct hb_workers *workers; /* started */
	struct hb_reload *reload;
	bool rotate_hourly;
};

/* The signals that hb_manage_run() takes; they may be blocked until then. */
void hb_manage_signals(sigset_t *set);

/*
 * Runs until a signal stops it, then stops the workers, writes the last records and saves what the
 * modules remember.
 *
 * @manage  borrowed for the call.
 * Returns  0, or -1 with *err filled in.
 */
int hb_manage_run(const struct hb_manage *manage, struct hb_cli_error *err);

#endif
