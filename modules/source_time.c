/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accepts a source for a span of time: from allow_after to deny_after seconds after it was first
 * seen, both ends included.
 */
#include "sources.h"

#include <errno.h>
#include <inttypes.h>

struct source_time {
	struct hb_sources sources;
	int64_t allow_after_us, deny_after_us;
};

/* What update() needs to know. */
struct arrival {
	int64_t now_us;
	int64_t age_us; /* answer */
};

static void update(void *ctx, void *value, bool is_new)
{
	struct arrival *arrival = ctx;
	struct hb_source *source = value;

	/* Also where the clock was set back: no source has been there since the future. */
	if (is_new || arrival->now_us < source->since_us)
		source->since_us = arrival->now_us;
	source->count++;
	arrival->age_us = arrival->now_us - source->since_us;
}

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	const struct source_time *source_time = state;
	struct arrival arrival = { .now_us = query->now.wall_us };

	if (hb_sources_update(state, query, update, &arrival) < 0)
		return HB_DECISION_DEFER;
	return arrival.age_us >= source_time->allow_after_us &&
			       arrival.age_us <= source_time->deny_after_us
		       ? HB_DECISION_ACCEPT
		       : HB_DECISION_REJECT;
}

static int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	int64_t allow_after = hb_instance_integer(instance, "allow_after");
	int64_t deny_after = hb_instance_integer(instance, "deny_after");
	struct source_time *source_time;

	if (allow_after >= deny_after)
		return hb_error_set(err, HB_ERROR_CONFIG, 0,
				    "\"deny_after\" is %" PRId64
				    ": it must be above \"allow_after\", which is %" PRId64,
				    deny_after, allow_after);
	source_time = hb_sources_new(instance, sizeof(*source_time), sizeof(struct hb_source), err);
	if (!source_time)
		return -ENOMEM;
	source_time->allow_after_us = allow_after * US_PER_S;
	source_time->deny_after_us = deny_after * US_PER_S;
	*state = source_time;
	return 0;
}

static const struct hb_param params[] = {
	SECONDS_PARAM("allow_after", 0, 0, "seconds after which a source is accepted"),
	BACKUP_PARAM,
	SECONDS_PARAM("deny_after", 1, 1200, "seconds after which a source is rejected"),
	SECONDS_PARAM("expiration", 1, 86400,
		      "seconds after which a source is forgotten that was not seen again"),
	{ .name = NULL },
};

HB_MODULE(source_time, .flags = HB_MODULE_KEEPS_ANSWER,
	  .summary = "accepts a source for a span of time after it was first seen",
	  .params = params, .create = create, .destroy = hb_sources_destroy, .decide = decide,
	  .store = hb_sources_store)
