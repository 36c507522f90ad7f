/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accepts the first flow of a source.
 *
 * A rule may ask about one flow more than once: "source" may stand in the frontend's rule and in a
 * backend's. So the flow that was first is remembered with its source, and stays accepted. Only as
 * long as the program runs: after a restart there are other flows.
 */
#include <honeybrid/module.h>

#include <errno.h>

static const char group[] = "source";

/* What is remembered of a source. */
struct source_record {
	uint64_t count; /* flows that were asked about */
	int64_t first_seen_us;
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
	struct source_record *record = value;
	const struct hb_flow_info *flow = arrival->query->flow;

	if (is_new) {
		record->first_seen_us = arrival->query->now.wall_us;
		record->first_flow = flow->id;
		record->first_flow_started_ns = flow->started.mono_ns;
	}
	arrival->is_first = record->first_flow == flow->id &&
			    record->first_flow_started_ns == flow->started.mono_ns;
	if (is_new || !arrival->is_first)
		record->count++;
}

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	const struct hb_addr *source = &query->flow->client.addr;
	struct arrival arrival = { .query = query };

	if (hb_store_update(state, group, source, sizeof(*source), query->now.wall_us, update,
			    &arrival) < 0) {
		hb_query_note(query, "no memory to remember the source");
		return HB_DECISION_DEFER;
	}
	return arrival.is_first ? HB_DECISION_ACCEPT : HB_DECISION_REJECT;
}

static const struct hb_field fields[] = {
	HB_FIELD("the count", HB_FIELD_NUMBER, struct source_record, count),
	HB_FIELD("the time", HB_FIELD_FIRST_SEEN, struct source_record, first_seen_us),
	{ .name = "the duration", .type = HB_FIELD_DURATION },
	{ .name = NULL },
};

static const struct hb_store_layout layout = {
	.group = group,
	.key = HB_KEY_ADDRESS,
	.key_len = sizeof(struct hb_addr),
	.fields = fields,
};

/* The state is the store. */
static int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	*state = hb_instance_new_store(instance, sizeof(struct source_record), &layout, err);
	return *state ? 0 : -ENOMEM;
}

static void destroy(void *state)
{
	hb_store_free(state);
}

static struct hb_store *store(void *state)
{
	return state;
}

static const struct hb_param params[] = {
	{
		.name = "backup",
		.type = HB_PARAM_PATH,
		.help = "state file",
	},
	{
		.name = "expiration",
		.type = HB_PARAM_INTEGER,
		.min = 1,
		.max = 1000000000,
		.default_integer = 86400,
		.help = "seconds after which a source is forgotten that was not seen again",
	},
	{ .name = NULL },
};

HB_MODULE(source, .flags = HB_MODULE_KEEPS_ANSWER, .summary = "accepts the first flow of a source",
	  .params = params, .create = create, .destroy = destroy, .decide = decide, .store = store)
