/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policies of an engine: the one in force, and those under which flows started that still live.
 * After a reload there are two, rarely more.
 */
#ifndef HB_POLICIES_H
#define HB_POLICIES_H

#include "flow.h"
#include "target.h"

struct hb_policy_use;

struct hb_policies {
	struct hb_policy_use *uses; /* the last one is in force */
	size_t count;
};

/*
 * Puts a policy in force, with a reference of its own; the one before goes unless flows have it.
 * Returns 0, or -ENOMEM: nothing has changed.
 */
int hb_policies_add(struct hb_policies *policies, struct hb_policy *policy);

/* A flow that has a target begins, and ends: an old policy goes with the last of its flows. */
void hb_policies_enter(struct hb_policies *policies, const struct hb_flow *flow);
void hb_policies_leave(struct hb_policies *policies, const struct hb_flow *flow);

/* Gives all of them back. */
void hb_policies_fini(struct hb_policies *policies);

#endif
