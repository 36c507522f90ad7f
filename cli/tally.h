/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts flows that have ended: by state, by target, by the backend that would have got them. */
#ifndef HB_TALLY_H
#define HB_TALLY_H

#include <honeybrid/event.h>
#include <honeybrid/policy.h>

#include <stdio.h>

/* A target has no more: each backend has a rule, and a target's rules have at most so many names.
 */
#define HB_TALLY_BACKENDS 32

struct hb_tally_target {
	uint64_t flows;
	uint64_t backends[HB_TALLY_BACKENDS + 1];               /* by number; 0: stayed */
	char tags[HB_TALLY_BACKENDS + 1][HB_CLONE_TAG_MAX + 1]; /* of clones */
};

struct hb_tally {
	uint64_t flows;
	uint64_t states[HB_STATE_COUNT];
	struct hb_tally_target *targets; /* by number; 0: none took the flow */
	size_t target_count;
};

/* Frees what it holds. One that is all zero is empty and needs nothing else. */
void hb_tally_fini(struct hb_tally *tally);

/* Counts a flow. @tag  of the clone that is its backend, else "". Returns 0, or -ENOMEM. */
int hb_tally_count(struct hb_tally *tally, const struct hb_flow_info *flow, const char *tag);

/* Prints it, a line for the states and one for each target that had flows. */
void hb_tally_print(const struct hb_tally *tally, const char *prefix, FILE *out);

#endif
