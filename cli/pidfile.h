/* SPDX-License-Identifier: BSD-2-Clause */
/* honeybrid.pid: which process is the daemon. */
#ifndef HB_PIDFILE_H
#define HB_PIDFILE_H

#include "exit.h"

#include <sys/types.h>

struct hb_pidfile;

/*
 * Writes this process's number into DIRECTORY/honeybrid.pid, mode 0644; one that is there is
 * replaced.
 *
 * Returns  the file, given: hb_pidfile_remove() frees it. NULL with *err filled in.
 */
struct hb_pidfile *hb_pidfile_write(const char *directory, struct hb_cli_error *err);

/* Removes the file, unless another daemon has replaced it by its own. NULL is fine. */
void hb_pidfile_remove(struct hb_pidfile *file);

/* The number in DIRECTORY/honeybrid.pid; 0 if there is no such file or no number in it. */
pid_t hb_pidfile_read(const char *directory);

#endif
