/* SPDX-License-Identifier: BSD-2-Clause */
/* Where flow records end: the sinks that the configuration asks for. */
#ifndef HB_OUTPUT_H
#define HB_OUTPUT_H

#include "config.h"
#include "logqueue.h"
#include "notice.h"

#include <time.h>

struct hb_output;

/*
 * Opens the sinks.
 *
 * @config  read, not kept. @notice  borrowed until the output is closed.
 * @flows   how many may be open at a time, in all.
 * Returns  the output, given: free with hb_output_close(). NULL with *err filled in.
 */
struct hb_output *hb_output_open(const struct hb_config *config, size_t flows,
				 const struct hb_notice *notice, struct hb_cli_error *err);

/* Writes what waits and closes the sinks; NULL is fine. */
void hb_output_close(struct hb_output *output);

/* The kinds of event that are needed, for hb_logqueue_new(). */
unsigned hb_output_kinds(const struct hb_config *config);

/* Takes one record. ctx is the output, as in hb_logqueue_drain(). Lines wait for the flush. */
void hb_output_take(void *ctx, const struct hb_log_record *record);

/* Writes the lines that wait, in one piece for each sink. */
void hb_output_flush(struct hb_output *output);

/* Opens the log file anew, in case that somebody has renamed it. */
void hb_output_reopen(struct hb_output *output);

/* Starts a new log file and puts the old one aside. */
void hb_output_rotate(struct hb_output *output, time_t now);

#endif
