/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accepts what a source sends as long as it stays below a limit: connections, packets, bytes or
 * different destinations in a window. For what honeypots start, where the source is the honeypot.
 */
#include "sources.h"

#include <errno.h>
#include <string.h>

#define PAIRS_MAX 65536

enum { CONNECTIONS, PACKETS, BYTES, DESTINATIONS };

static const char group[] = "pair";

struct rate {
	struct hb_sources sources;
	struct hb_store *pairs; /* DESTINATIONS: those that were counted, with their window */
	int64_t of, window_us;
	uint64_t max;
};

/* What update() needs to know. */
struct passage {
	const struct rate *rate;
	const struct hb_query *query;
	bool passes; /* answer */
};

/* What a destination needs to be counted. */
struct visit {
	int64_t window_start_us;
	bool room;
	bool known; /* answer */
};

static void update_pair(void *ctx, void *value, bool is_new)
{
	struct visit *visit = ctx;
	int64_t *counted_in_us = value;

	visit->known = !is_new && *counted_in_us == visit->window_start_us;
	if (!visit->known)
		*counted_in_us = visit->room ? visit->window_start_us : INT64_MIN;
}

/* What a packet adds to the count; more than there is room for if that cannot be told. */
static uint64_t cost(const struct passage *passage, const struct hb_source *source)
{
	const struct hb_query *query = passage->query;
	const struct rate *rate = passage->rate;
	struct visit visit = { .window_start_us = source->since_us,
			       .room = source->count < rate->max };
	struct hb_addr key[] = { query->flow->client.addr, query->flow->attacked.addr };

	if (rate->of == BYTES)
		return query->packet->len;
	if (rate->of != DESTINATIONS)
		return 1;
	if (hb_store_update(rate->pairs, group, key, sizeof(key), query->now.wall_us, update_pair,
			    &visit) < 0)
		return UINT64_MAX;
	return visit.known ? 0 : 1;
}

static void update(void *ctx, void *value, bool is_new)
{
	struct passage *passage = ctx;
	const struct rate *rate = passage->rate;

	hb_source_enter_window(value, is_new, passage->query->now.wall_us, rate->window_us);
	passage->passes = hb_source_take(value, cost(passage, value), rate->max);
}

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	const struct rate *rate = state;
	struct passage passage = { .rate = rate, .query = query };

	/* A connection counts when it begins. */
	if (rate->of == CONNECTIONS && query->previous == HB_DECISION_ACCEPT)
		return HB_DECISION_ACCEPT;
	if (hb_sources_update(state, query, update, &passage) < 0)
		return HB_DECISION_REJECT;
	return passage.passes ? HB_DECISION_ACCEPT : HB_DECISION_REJECT;
}

static void destroy(void *state)
{
	struct rate *rate = state;

	hb_store_free(rate->pairs);
	hb_sources_destroy(rate);
}

static int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	struct hb_store_options pairs = { .size = sizeof(pairs),
					  .value_size = sizeof(int64_t),
					  .max_entries = PAIRS_MAX };
	struct rate *rate = hb_sources_new(instance, sizeof(*rate), sizeof(struct hb_source), err);

	if (!rate)
		return -ENOMEM;
	rate->of = hb_instance_integer(instance, "of");
	rate->max = (uint64_t)hb_instance_integer(instance, "max");
	rate->window_us = hb_instance_integer(instance, "expiration") * US_PER_S;
	pairs.expiration_us = rate->window_us;
	memcpy(pairs.hash_key, hb_instance_random_key(instance), sizeof(pairs.hash_key));
	rate->pairs = hb_store_new(&pairs);
	if (!rate->pairs) {
		destroy(rate);
		return hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for module \"%s\"",
				    hb_instance_name(instance));
	}
	*state = rate;
	return 0;
}

static const struct hb_param_word words[] = { { "connections", CONNECTIONS },
					      { "packets", PACKETS },
					      { "bytes", BYTES },
					      { "destinations", DESTINATIONS },
					      { NULL, 0 } };

static const struct hb_param params[] = {
	BACKUP_PARAM,
	SECONDS_PARAM("expiration", 1, 60, "seconds that a window lasts"),
	{ .name = "max",
	  .type = HB_PARAM_INTEGER,
	  .required = true,
	  .max = INT64_C(1) << 40,
	  .help = "how many a source may send in a window" },
	{ .name = "of",
	  .type = HB_PARAM_WORD,
	  .required = true,
	  .max = DESTINATIONS,
	  .words = words,
	  .help = "what is counted" },
	{ .name = NULL },
};

HB_MODULE(rate, .summary = "accepts what a source sends, up to a limit in a time", .params = params,
	  .create = create, .destroy = destroy, .decide = decide, .store = hb_sources_store)
