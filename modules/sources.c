/* SPDX-License-Identifier: BSD-2-Clause */
#include "sources.h"

#include <stdlib.h>

static const char group[] = "source";

static const struct hb_field fields[] = {
	HB_FIELD("the count", HB_FIELD_NUMBER, struct hb_source, count),
	HB_FIELD("the time", HB_FIELD_FIRST_SEEN, struct hb_source, since_us),
	{ .name = "the duration", .type = HB_FIELD_DURATION },
	{ .name = NULL },
};

static const struct hb_store_layout layout = {
	.group = group,
	.key = HB_KEY_ADDRESS,
	.key_len = sizeof(struct hb_addr),
	.fields = fields,
};

void *hb_sources_new(const struct hb_instance *instance, size_t state_size, size_t record_size,
		     struct hb_error *err)
{
	struct hb_sources *sources = calloc(1, state_size);

	if (!sources) {
		hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for module \"%s\"",
			     hb_instance_name(instance));
		return NULL;
	}
	sources->store = hb_instance_new_store(instance, record_size, &layout, err);
	if (sources->store)
		return sources;
	free(sources);
	return NULL;
}

void hb_sources_destroy(void *state)
{
	hb_store_free(hb_sources_store(state));
	free(state);
}

struct hb_store *hb_sources_store(void *state)
{
	const struct hb_sources *sources = state;

	return sources->store;
}

int hb_sources_update(void *state, const struct hb_query *query,
		      void (*update)(void *ctx, void *value, bool is_new), void *ctx)
{
	const struct hb_addr *source = &query->flow->client.addr;
	int ret = hb_store_update(hb_sources_store(state), group, source, sizeof(*source),
				  query->now.wall_us, update, ctx);

	if (ret < 0)
		hb_query_note(query, "no memory to remember the source");
	return ret;
}

void hb_source_enter_window(struct hb_source *source, bool is_new, int64_t now_us,
			    int64_t window_us)
{
	if (is_new || now_us - source->since_us >= window_us)
		*source = (struct hb_source){ .since_us = now_us };
	if (now_us < source->since_us)
		source->since_us = now_us;
}

bool hb_source_take(struct hb_source *source, uint64_t asked, uint64_t max)
{
	/* A file may say that there was more than a configuration allows now. */
	bool fits = source->count <= max && asked <= max - source->count;

	if (fits)
		source->count += asked;
	return fits;
}
