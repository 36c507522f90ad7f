/* SPDX-License-Identifier: BSD-2-Clause */
/* The text log's line for a flow that has ended. */
#ifndef HB_SINK_TEXT_H
#define HB_SINK_TEXT_H

#include "history.h"

/* Room for any line. */
#define HB_SINK_TEXT_SIZE 1536

/*
 * Writes a flow's line, without a newline:
 *
 *	2009-08-13 12:24:14.507182 1.069 TCP 192.0.2.7:40312 -> 198.51.100.9:80 1 76 INIT
 *
 * and, with a history, " ** ", the flow's id, a field for each of the states INIT to PROXY, and
 * what became of its handover.
 *
 * @end      a FLOW_END record.
 * @history  NULL for the short form.
 * Returns   the line's length.
 */
size_t hb_sink_text_format(const struct hb_log_record *end, const struct hb_flow_history *history,
			   char buf[HB_SINK_TEXT_SIZE]);

#endif
