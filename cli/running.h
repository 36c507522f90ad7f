/* SPDX-License-Identifier: BSD-2-Clause */
/* A daemon that runs already, seen from another process of the same program. */
#ifndef HB_RUNNING_H
#define HB_RUNNING_H

#include "exit.h"

#include <stdbool.h>
#include <sys/types.h>

/* True if the process exists and runs this program. */
bool hb_running_check(pid_t pid);

/*
 * Asks a daemon to stop and waits until it is gone.
 *
 * @timeout_ms  how long to wait.
 * Returns      0, or -1 with *err filled in.
 */
int hb_running_stop(pid_t pid, int timeout_ms, struct hb_cli_error *err);

#endif
