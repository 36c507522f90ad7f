/* SPDX-License-Identifier: BSD-2-Clause */
#include "history.h"

#include <stdlib.h>
#include <string.h>

/* Identifiers are the engine's own count, no attacker chooses them: spreading them is enough. */
static unsigned spread(const uint64_t *id)
{
	return (unsigned)(*id * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

#define HASH_FUNCTION(key, length, hash) ((hash) = spread(key))
/* Out of memory: the flow's line is logged without its history. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct entry {
	uint64_t id;
	enum hb_flow_state state;
	uint64_t entered_ns, packets, bytes; /* when state was entered */
	struct hb_flow_history known;
	UT_hash_handle hh;
};

struct hb_history {
	struct entry *entries; /* by id; in the order of their making */
	size_t max;
	struct hb_flow_history ended; /* what hb_history_note() lends out */
};

struct hb_history *hb_history_new(size_t max)
{
	struct hb_history *history = calloc(1, sizeof(*history));

	if (history)
		history->max = max;
	return history;
}

static void forget(struct hb_history *history, struct entry *entry)
{
	HASH_DEL(history->entries, entry);
	free(entry);
}

void hb_history_free(struct hb_history *history)
{
	if (!history)
		return;
	while (history->entries)
		forget(history, history->entries);
	free(history);
}

static struct entry *find(struct hb_history *history, uint64_t id)
{
	struct entry *entry;

	HASH_FIND(hh, history->entries, &id, sizeof(id), entry);
	return entry;
}

static struct entry *add(struct hb_history *history, const struct hb_log_record *record)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	if (HASH_COUNT(history->entries) >= history->max)
		forget(history, history->entries);
	entry->id = record->flow.id;
	entry->state =
		record->kind == HB_EVENT_FLOW_STATE ? record->from_state : record->flow.state;
	entry->entered_ns = record->flow.started.mono_ns;
	HASH_ADD(hh, history->entries, id, sizeof(entry->id), entry);
	/* HASH_ADD() leaves no table behind where it found no memory. */
	if (!entry->hh.tbl) {
		free(entry);
		return NULL;
	}
	entry->known.stays[entry->state].reached = true;
	return entry;
}

static void leave_state(struct entry *entry, const struct hb_log_record *record, uint64_t now_ns)
{
	struct hb_stay *stay = &entry->known.stays[entry->state];

	if (now_ns > entry->entered_ns)
		stay->duration_ns += now_ns - entry->entered_ns;
	stay->packets += record->flow.packets - entry->packets;
	stay->bytes += record->flow.bytes - entry->bytes;
	entry->entered_ns = now_ns;
	entry->packets = record->flow.packets;
	entry->bytes = record->flow.bytes;
}

static void enter_state(struct entry *entry, const struct hb_log_record *record)
{
	leave_state(entry, record, record->time.mono_ns);
	entry->state = record->flow.state;
	entry->known.stays[entry->state].reached = true;
}

static const struct hb_flow_history *end(struct hb_history *history, struct entry *entry,
					 const struct hb_log_record *record)
{
	history->ended = (struct hb_flow_history){ 0 };
	if (!entry)
		return &history->ended;
	leave_state(entry, record, record->flow.last_packet.mono_ns);
	history->ended = entry->known;
	forget(history, entry);
	return &history->ended;
}

const struct hb_flow_history *hb_history_note(struct hb_history *history,
					      const struct hb_log_record *record)
{
	struct entry *entry = find(history, record->flow.id);

	if (record->kind == HB_EVENT_FLOW_END)
		return end(history, entry, record);
	if (!entry)
		entry = add(history, record);
	if (!entry)
		return NULL;
	if (record->kind == HB_EVENT_FLOW_STATE)
		enter_state(entry, record);
	if (record->kind != HB_EVENT_HANDOVER && record->kind != HB_EVENT_HANDOVER_FAILED)
		return NULL;
	entry->known.handover = record->handover;
	entry->known.handed_over = record->kind == HB_EVENT_HANDOVER;
	entry->known.failed = record->kind == HB_EVENT_HANDOVER_FAILED;
	memcpy(entry->known.failure, record->reason, sizeof(entry->known.failure));
	return NULL;
}
