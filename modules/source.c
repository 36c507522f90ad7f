/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accepts the first flow of a source.
 *
 * A rule may ask about one flow more than once: "source" may stand in the frontend's rule and in a
 * backend's. So the flow that was first is remembered with its source, and stays accepted. Only as
 * long as the program runs: after a restart there are other flows.
 */
#include "sources.h"

#include <errno.h>

/* What is remembered of a source. */
struct record {
	struct hb_source source;
	uint64_t first_flow; /* its number, which counts from 1; 0 if it was before this run */
	uint64_t first_flow_started_ns;
};

/* What update() needs to know. */
struct arrival {
	const struct hb_query *query;
	bool is_first; /* answer */
};

static void update(void *ctx, void *value, bool is_new)
{
	struct arrival *arrival = ctx;
	struct record *record = value;
	const struct hb_flow_info *flow = arrival->query->flow;

	if (is_new) {
		record->source.since_us = arrival->query->now.wall_us;
		record->first_flow = flow->id;
		record->first_flow_started_ns = flow->started.mono_ns;
	}
	arrival->is_first = record->first_flow == flow->id &&
			    record->first_flow_started_ns == flow->started.mono_ns;
	if (is_new || !arrival->is_first)
		record->source.count++;
}

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	struct arrival arrival = { .query = query };

	if (hb_sources_update(state, query, update, &arrival) < 0)
		return HB_DECISION_DEFER;
	return arrival.is_first ? HB_DECISION_ACCEPT : HB_DECISION_REJECT;
}

static int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	*state = hb_sources_new(instance, sizeof(struct hb_sources), sizeof(struct record), err);
	return *state ? 0 : -ENOMEM;
}

static const struct hb_param params[] = {
	BACKUP_PARAM,
	SECONDS_PARAM("expiration", 1, 86400,
		      "seconds after which a source is forgotten that was not seen again"),
	{ .name = NULL },
};

HB_MODULE(source, .flags = HB_MODULE_KEEPS_ANSWER, .summary = "accepts the first flow of a source",
	  .params = params, .create = create, .destroy = hb_sources_destroy, .decide = decide,
	  .store = hb_sources_store)
