/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For backpick rules: picks one of the target's backends at random, each as often as the others, but
 * none that rests since it could not be reached. The number is drawn from the flow's own seed, so a
 * flow keeps its pick as long as none of them begins or ends to rest.
 */
#include <honeybrid/module.h>

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	unsigned ready = 0, number = 0;

	(void)state;
	for (unsigned i = 1; i <= query->backend_count; i++)
		ready += !hb_query_backend_rests(query, i);
	if (ready == 0)
		return query->backend_count > 0 ? HB_DECISION_DEFER : HB_DECISION_REJECT;
	for (unsigned place = (unsigned)(query->flow_random % ready) + 1; place > 0; number++)
		place -= !hb_query_backend_rests(query, number + 1);
	return hb_query_pick(query, number) == 0 ? HB_DECISION_ACCEPT : HB_DECISION_REJECT;
}

HB_MODULE(backpick_random, .flags = HB_MODULE_PICKS, .summary = "picks a backend at random",
	  .decide = decide)
