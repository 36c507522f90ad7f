/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accepts what a source sends as long as it stays below a limit: connections, packets, bytes or
 * different destinations in a window. For what honeypots start, where the source is the honeypot.
 *
 * The window is fixed: it begins with the first packet, and the next one begins with the first
 * packet after its end. What was refused does not count.
 */
#include <honeybrid/module.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define US_PER_S INT64_C(1000000)
#define PAIRS_MAX 65536

enum { CONNECTIONS, PACKETS, BYTES, DESTINATIONS };

static const char group[] = "source";

struct rate {
	struct hb_store *sources;
	struct hb_store *pairs; /* DESTINATIONS: those that were counted, with their window */
	int64_t of, window_us;
	uint64_t max;
};

/* What is remembered of a source. */
struct source_record {
	uint64_t count; /* what was let out in this window */
	int64_t window_start_us;
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
static uint64_t cost(const struct passage *passage, const struct source_record *record)
{
	const struct hb_query *query = passage->query;
	const struct rate *rate = passage->rate;
	struct visit visit = { .window_start_us = record->window_start_us,
			       .room = record->count < rate->max };
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
	struct source_record *record = value;
	int64_t now_us = passage->query->now.wall_us;

	if (is_new || now_us - record->window_start_us >= passage->rate->window_us)
		*record = (struct source_record){ .window_start_us = now_us };
	/* The clock was set back: nobody gets more for that, nor waits for longer than a window. */
	if (now_us < record->window_start_us)
		record->window_start_us = now_us;

	uint64_t added = cost(passage, record);

	passage->passes =
		record->count <= passage->rate->max && added <= passage->rate->max - record->count;
	if (passage->passes)
		record->count += added;
}

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	const struct rate *rate = state;
	const struct hb_addr *source = &query->flow->client.addr;
	struct passage passage = { .rate = rate, .query = query };

	/* A connection counts when it begins. */
	if (rate->of == CONNECTIONS && query->previous == HB_DECISION_ACCEPT)
		return HB_DECISION_ACCEPT;
	if (hb_store_update(rate->sources, group, source, sizeof(*source), query->now.wall_us,
			    update, &passage) < 0) {
		hb_query_note(query, "no memory to count what the source sends");
		return HB_DECISION_REJECT;
	}
	return passage.passes ? HB_DECISION_ACCEPT : HB_DECISION_REJECT;
}

static void destroy(void *state)
{
	struct rate *rate = state;

	hb_store_free(rate->sources);
	hb_store_free(rate->pairs);
	free(rate);
}

static struct hb_store *store(void *state)
{
	const struct rate *rate = state;

	return rate->sources;
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
	struct hb_store_options pairs = { .size = sizeof(pairs),
					  .value_size = sizeof(int64_t),
					  .max_entries = PAIRS_MAX };
	struct rate *rate = calloc(1, sizeof(*rate));

	if (!rate)
		return hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for module \"%s\"",
				    hb_instance_name(instance));
	rate->of = hb_instance_integer(instance, "of");
	rate->max = (uint64_t)hb_instance_integer(instance, "max");
	rate->window_us = hb_instance_integer(instance, "expiration") * US_PER_S;
	pairs.expiration_us = rate->window_us;
	memcpy(pairs.hash_key, hb_instance_random_key(instance), sizeof(pairs.hash_key));
	rate->sources = hb_instance_new_store(instance, sizeof(struct source_record), &layout, err);
	rate->pairs = hb_store_new(&pairs);
	if (!rate->sources || !rate->pairs) {
		destroy(rate);
		return -ENOMEM;
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
	{ .name = "backup", .type = HB_PARAM_PATH, .help = "state file" },
	{ .name = "expiration",
	  .type = HB_PARAM_INTEGER,
	  .min = 1,
	  .max = 1000000000,
	  .default_integer = 60,
	  .help = "seconds that a window lasts" },
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
	  .create = create, .destroy = destroy, .decide = decide, .store = store)
