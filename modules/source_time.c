/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accepts a source for a span of time: from allow_after to deny_after seconds after it was first
 * seen, both ends included.
 */
#include <honeybrid/module.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define US_PER_S INT64_C(1000000)

static const char group[] = "source";

struct source_time {
	struct hb_store *store;
	int64_t allow_after_us, deny_after_us;
};

/* What is remembered of a source. */
struct source_record {
	uint64_t count; /* flows that were asked about */
	int64_t first_seen_us;
};

/* What update() needs to know. */
struct arrival {
	int64_t now_us;
	int64_t age_us; /* answer */
};

static void update(void *ctx, void *value, bool is_new)
{
	struct arrival *arrival = ctx;
	struct source_record *record = value;

	/* Also where the clock was set back: no source has been there since the future. */
	if (is_new || arrival->now_us < record->first_seen_us)
		record->first_seen_us = arrival->now_us;
	record->count++;
	arrival->age_us = arrival->now_us - record->first_seen_us;
}

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	const struct source_time *source_time = state;
	const struct hb_addr *source = &query->flow->client.addr;
	struct arrival arrival = { .now_us = query->now.wall_us };

	if (hb_store_update(source_time->store, group, source, sizeof(*source), arrival.now_us,
			    update, &arrival) < 0) {
		hb_query_note(query, "no memory to remember the source");
		return HB_DECISION_DEFER;
	}
	return arrival.age_us >= source_time->allow_after_us &&
			       arrival.age_us <= source_time->deny_after_us
		       ? HB_DECISION_ACCEPT
		       : HB_DECISION_REJECT;
}

static void destroy(void *state)
{
	struct source_time *source_time = state;

	hb_store_free(source_time->store);
	free(source_time);
}

static struct hb_store *store(void *state)
{
	const struct source_time *source_time = state;

	return source_time->store;
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

static int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	int64_t allow_after = hb_instance_integer(instance, "allow_after");
	int64_t deny_after = hb_instance_integer(instance, "deny_after");

	if (allow_after >= deny_after)
		return hb_error_set(err, HB_ERROR_CONFIG, 0,
				    "\"deny_after\" is %" PRId64
				    ": it must be above \"allow_after\", which is %" PRId64,
				    deny_after, allow_after);

	struct source_time *source_time = calloc(1, sizeof(*source_time));

	if (!source_time)
		return hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for module \"%s\"",
				    hb_instance_name(instance));
	source_time->allow_after_us = allow_after * US_PER_S;
	source_time->deny_after_us = deny_after * US_PER_S;
	source_time->store =
		hb_instance_new_store(instance, sizeof(struct source_record), &layout, err);
	if (!source_time->store) {
		destroy(source_time);
		return -ENOMEM;
	}
	*state = source_time;
	return 0;
}

#define SECONDS(param, from, standard, text)                                                       \
	{                                                                                          \
		.name = (param), .type = HB_PARAM_INTEGER, .min = (from), .max = 1000000000,       \
		.default_integer = (standard), .help = (text)                                      \
	}

static const struct hb_param params[] = {
	SECONDS("allow_after", 0, 0, "seconds after which a source is accepted"),
	{ .name = "backup", .type = HB_PARAM_PATH, .help = "state file" },
	SECONDS("deny_after", 1, 1200, "seconds after which a source is rejected"),
	SECONDS("expiration", 1, 86400,
		"seconds after which a source is forgotten that was not seen again"),
	{ .name = NULL },
};

HB_MODULE(source_time, .flags = HB_MODULE_KEEPS_ANSWER,
	  .summary = "accepts a source for a span of time after it was first seen",
	  .params = params, .create = create, .destroy = destroy, .decide = decide, .store = store)
