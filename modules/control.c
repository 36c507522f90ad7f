/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accepts a limited number of packets from each source, and rejects the rest: for what honeypots
 * start, where the source is the honeypot.
 *
 * The window is fixed: it begins with the first packet, and the next one begins with the first
 * packet after its end. What was refused does not count.
 */
#include <honeybrid/module.h>

#include <errno.h>
#include <stdlib.h>

#define US_PER_S INT64_C(1000000)

static const char group[] = "source";

struct control {
	struct hb_store *store;
	int64_t window_us;
	uint64_t max_packets;
};

/* What is remembered of a source. */
struct source_record {
	uint64_t count; /* packets let out in this window */
	int64_t window_start_us;
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
	struct source_record *record = value;

	if (is_new || passage->now_us - record->window_start_us >= passage->control->window_us)
		*record = (struct source_record){ .window_start_us = passage->now_us };
	/* The clock was set back: nobody gets more for that, nor waits for longer than a window. */
	if (passage->now_us < record->window_start_us)
		record->window_start_us = passage->now_us;
	passage->passes = record->count < passage->control->max_packets;
	if (passage->passes)
		record->count++;
}

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	const struct control *control = state;
	const struct hb_addr *source = &query->flow->client.addr;
	struct passage passage = { .control = control, .now_us = query->now.wall_us };

	if (hb_store_update(control->store, group, source, sizeof(*source), passage.now_us, update,
			    &passage) < 0) {
		hb_query_note(query, "no memory to count the packets of the source");
		return HB_DECISION_REJECT;
	}
	return passage.passes ? HB_DECISION_ACCEPT : HB_DECISION_REJECT;
}

static void destroy(void *state)
{
	struct control *control = state;

	hb_store_free(control->store);
	free(control);
}

static struct hb_store *store(void *state)
{
	const struct control *control = state;

	return control->store;
}

static const struct hb_field fields[] = {
	HB_FIELD("the count", HB_FIELD_NUMBER, struct source_record, count),
	HB_FIELD("the time", HB_FIELD_FIRST_SEEN, struct source_record, window_start_us),
	{ .name = "the duration", .type = HB_FIELD_DURATION },
	{ .name = NULL },
};

static const struct hb_store_layout layout = {
	.group = group,
	.key = HB_KEY_ADDRESS,
	.key_len = sizeof(struct hb_addr),
	.fields = fields,
};

static int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	struct control *control = calloc(1, sizeof(*control));

	if (!control)
		return hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for module \"%s\"",
				    hb_instance_name(instance));
	control->window_us = hb_instance_integer(instance, "expiration") * US_PER_S;
	control->max_packets = (uint64_t)hb_instance_integer(instance, "max_packet");
	control->store =
		hb_instance_new_store(instance, sizeof(struct source_record), &layout, err);
	if (!control->store) {
		destroy(control);
		return -ENOMEM;
	}
	*state = control;
	return 0;
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
		.default_integer = 600,
		.help = "seconds that a window lasts",
	},
	{
		.name = "max_packet",
		.type = HB_PARAM_INTEGER,
		.max = 1000000000,
		.default_integer = 1000,
		.help = "packets that a source may send in a window",
	},
	{ .name = NULL },
};

HB_MODULE(control, .summary = "accepts a limited number of packets from each source",
	  .params = params, .create = create, .destroy = destroy, .decide = decide, .store = store)
