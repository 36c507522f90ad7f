/* SPDX-License-Identifier: BSD-2-Clause */
/* A file that grows at its end and can be put aside under a dated name. */
#ifndef HB_LOGFILE_H
#define HB_LOGFILE_H

#include "exit.h"

#include <time.h>

struct hb_logfile;

/*
 * Opens a file, or makes it with mode 0640. The directory must exist; it is held open, so that the
 * process may change its own.
 *
 * Returns  the file, given: free with hb_logfile_close(). NULL with *err filled in.
 */
struct hb_logfile *hb_logfile_open(const char *directory, const char *name,
				   struct hb_cli_error *err);

/* Closes the file; NULL is fine. */
void hb_logfile_close(struct hb_logfile *file);

/* To write to. Changes with each rotation. */
int hb_logfile_fd(const struct hb_logfile *file);

/*
 * Renames the file to NAME.YYYYMMDD_HHMM (and a number behind it if that exists) and starts a new
 * one. If that fails the old one goes on.
 *
 * @now     for the name, in local time.
 * Returns  0, or -1 with *err filled in.
 */
int hb_logfile_rotate(struct hb_logfile *file, time_t now, struct hb_cli_error *err);

/*
 * Opens the file anew under its name, for somebody may have renamed it. If that fails the one that is
 * open goes on.
 *
 * Returns  0, or -1 with *err filled in.
 */
int hb_logfile_reopen(struct hb_logfile *file, struct hb_cli_error *err);

#endif
