/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accepts a limited number of packets from each source, and rejects the rest: for what honeypots
 * start, where the source is the honeypot.
 */
#include "sources.h"

#include <errno.h>

struct control {
	struct hb_sources sources;
	int64_t window_us;
	uint64_t max_packets;
};

/* What update() needs to know. */
struct passage {
	const struct control *control;
	int64_t now_us;
	bool passes; /* answer */
};

static void update(void *ctx, void *value, bool is_new)
{
	struct passage *passage = ctx;
	const struct control *control = passage->control;

	hb_source_enter_window(value, is_new, passage->now_us, control->window_us);
	passage->passes = hb_source_take(value, 1, control->max_packets);
}

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	struct passage passage = { .control = state, .now_us = query->now.wall_us };

	if (hb_sources_update(state, query, update, &passage) < 0)
		return HB_DECISION_REJECT;
	return passage.passes ? HB_DECISION_ACCEPT : HB_DECISION_REJECT;
}

static int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	struct control *control =
		hb_sources_new(instance, sizeof(*control), sizeof(struct hb_source), err);

	if (!control)
		return -ENOMEM;
	control->window_us = hb_instance_integer(instance, "expiration") * US_PER_S;
	control->max_packets = (uint64_t)hb_instance_integer(instance, "max_packet");
	*state = control;
	return 0;
}

static const struct hb_param params[] = {
	BACKUP_PARAM,
	SECONDS_PARAM("expiration", 1, 600, "seconds that a window lasts"),
	{ .name = "max_packet",
	  .type = HB_PARAM_INTEGER,
	  .max = 1000000000,
	  .default_integer = 1000,
	  .help = "packets that a source may send in a window" },
	{ .name = NULL },
};

HB_MODULE(control, .summary = "accepts a limited number of packets from each source",
	  .params = params, .create = create, .destroy = hb_sources_destroy, .decide = decide,
	  .store = hb_sources_store)
