/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What modules have in common that remember sources: an entry for each address, how it stands in a
 * state file, and a fixed window in which something is counted.
 */
#ifndef HB_SOURCES_H
#define HB_SOURCES_H

#include <honeybrid/module.h>

#define US_PER_S INT64_C(1000000)

/* A module's state begins with this. */
struct hb_sources {
	struct hb_store *store;
};

/* What is remembered of a source. A module's record begins with this. */
struct hb_source {
	uint64_t count;
	int64_t since_us; /* first seen, or where the window begins; wall clock */
};

/*
 * Makes a module's state, zeroed but for its store; for create(). NULL with *err filled in.
 *
 * @state_size, @record_size  bytes of the module's structs.
 */
void *hb_sources_new(const struct hb_instance *instance, size_t state_size, size_t record_size,
		     struct hb_error *err);

/* A module's destroy() and its store(). */
void hb_sources_destroy(void *state);
struct hb_store *hb_sources_store(void *state);

/* As hb_store_update(), for the query's source. Where memory is short it is noted. */
int hb_sources_update(void *state, const struct hb_query *query,
		      void (*update)(void *ctx, void *value, bool is_new), void *ctx);

/*
 * Begins a window with the first packet, and the next one with the first packet after its end. Where
 * the clock was set back nobody gets more for that, nor waits for longer than a window.
 */
void hb_source_enter_window(struct hb_source *source, bool is_new, int64_t now_us,
			    int64_t window_us);

/* Counts what is asked for if there is room up to max: what was refused does not count. */
bool hb_source_take(struct hb_source *source, uint64_t asked, uint64_t max);

/* Rows of a module's parameters. */
#define BACKUP_PARAM                                                                               \
	{                                                                                          \
		.name = "backup", .type = HB_PARAM_PATH, .help = "state file"                      \
	}
#define SECONDS_PARAM(param, from, standard, text)                                                 \
	{                                                                                          \
		.name = (param), .type = HB_PARAM_INTEGER, .min = (from), .max = 1000000000,       \
		.default_integer = (standard), .help = (text)                                      \
	}

#endif
