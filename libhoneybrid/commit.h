/* SPDX-License-Identifier: BSD-2-Clause */
/* How a handover of a TCP session ends; undo is for UDP as well. */
#ifndef HB_COMMIT_H
#define HB_COMMIT_H

#include "handover.h"

/*
 * How long the frontend must be silent before its answer counts as complete, if nothing else says
 * so. Data that does not end with PSH has more behind it, which may have got lost.
 */
#define HB_COMMIT_QUIET_NS (40 * HB_NS_PER_MS)
#define HB_COMMIT_STALLED_NS (1500 * HB_NS_PER_MS)

/* When its silence is long enough; UINT64_MAX: it waits for the client. */
uint64_t hb_commit_quiet_at(const struct hb_flow *flow);

/* True if all is there that handover rule 5 asks for. */
bool hb_commit_ready(const struct hb_core *core, const struct hb_flow *flow);

/* Commits if it is ready: the backend serves from here on. Nothing happens to a flow without
 * handover. */
void hb_commit_try(struct hb_core *core, struct hb_flow *flow);

/* Gives up: the frontend goes on (or nobody, as the target says). */
void hb_commit_undo(struct hb_core *core, struct hb_flow *flow, const char *reason);

#endif
