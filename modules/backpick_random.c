/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For backpick rules: picks one of the target's backends at random, each as often as the others. The
 * number is drawn from the flow's own seed, so a flow has the same pick whenever it is asked about.
 */
#include <honeybrid/module.h>

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	(void)state;
	if (query->backend_count == 0)
		return HB_DECISION_REJECT;

	unsigned number = 1 + (unsigned)(query->flow_random % query->backend_count);

	return hb_query_pick(query, number) == 0 ? HB_DECISION_ACCEPT : HB_DECISION_REJECT;
}

HB_MODULE(backpick_random, .flags = HB_MODULE_PICKS, .summary = "picks a backend at random",
	  .decide = decide)
