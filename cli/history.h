/* SPDX-License-Identifier: BSD-2-Clause */
/* How long each flow stayed in each state, for the verbose log. */
#ifndef HB_HISTORY_H
#define HB_HISTORY_H

#include "logqueue.h"

/* What a flow did in one state. */
struct hb_stay {
	bool reached;
	uint64_t duration_ns, packets, bytes;
};

struct hb_flow_history {
	struct hb_stay stays[HB_STATE_COUNT];
	bool handed_over, failed;
	struct hb_handover_info handover; /* of the last handover that was tried */
	char failure[128];                /* why it was undone or declined */
};

struct hb_history;

/*
 * Makes an empty history, given: free with hb_history_free(). NULL if memory is short.
 *
 * @max  how many flows it holds: beyond, the oldest gives way. Only lost records lead there.
 */
struct hb_history *hb_history_new(size_t max);
void hb_history_free(struct hb_history *history);

/*
 * Takes note of a record.
 *
 * Returns  for the end of a flow: what is known of it, borrowed until the next call; all zero if
 *          its other records were lost. NULL for any other record.
 */
const struct hb_flow_history *hb_history_note(struct hb_history *history,
					      const struct hb_log_record *record);

#endif
