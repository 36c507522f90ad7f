/* SPDX-License-Identifier: BSD-2-Clause */
#include "record.h"

#include "seq.h"

#include <stdlib.h>
#include <string.h>

/* Longer dialogues are not replayed. */
#define TURNS_MAX 4096
#define FIRST_TURNS 4
#define NS_PER_MS 1000000

struct hb_record *hb_record_new(struct hb_budget *budget, uint32_t base)
{
	if (!hb_budget_take(budget, sizeof(struct hb_record)))
		return NULL;
	struct hb_record *record = calloc(1, sizeof(*record));
	if (record == NULL) {
		hb_budget_give(budget, sizeof(*record));
		return NULL;
	}
	hb_stream_init(&record->stream, base);
	return record;
}

static void free_early(struct hb_record *record, struct hb_budget *budget,
		       struct hb_early_piece *piece)
{
	size_t bytes = sizeof(*piece) + piece->len;
	record->early = piece->next;
	record->early_bytes -= bytes;
	hb_budget_give(budget, bytes);
	free(piece);
}

static void drop_memory(struct hb_record *record, struct hb_budget *budget)
{
	while (record->early != NULL)
		free_early(record, budget, record->early);
	hb_stream_fini(&record->stream, budget);
	hb_budget_give(budget, record->turn_cap * sizeof(*record->turns));
	free(record->turns);
	record->turns = NULL;
	record->turn_count = 0;
	record->turn_cap = 0;
}

void hb_record_free(struct hb_record *record, struct hb_budget *budget)
{
	if (record == NULL)
		return;
	drop_memory(record, budget);
	hb_budget_give(budget, sizeof(*record));
	free(record);
}

void hb_record_give_up(struct hb_record *record, struct hb_budget *budget)
{
	drop_memory(record, budget);
	record->given_up = true;
}

/* Makes room for another turn. Turns of a byte take more than their payload: they count as well. */
static bool grow_turns(struct hb_record *record, struct hb_budget *budget)
{
	size_t size = sizeof(*record->turns);
	size_t cap = record->turn_cap ? (size_t)record->turn_cap * 2 : FIRST_TURNS;
	if (cap > TURNS_MAX)
		cap = TURNS_MAX;
	if (cap > hb_budget_each(budget) / size)
		cap = hb_budget_each(budget) / size;
	if (cap <= record->turn_cap)
		return false;
	size_t more = (cap - record->turn_cap) * size;
	if (!hb_budget_take(budget, more))
		return false;
	struct hb_turn *turns = realloc(record->turns, cap * size);
	if (turns == NULL) {
		hb_budget_give(budget, more);
		return false;
	}
	record->turns = turns;
	record->turn_cap = (uint32_t)cap;
	return true;
}

/* The turn that bytes with this ACK belong to: the last one, or a new one. NULL: no room. */
static struct hb_turn *turn_for(struct hb_record *record, struct hb_budget *budget, uint32_t ack,
				bool always_new)
{
	if (record->turn_count > 0 && !always_new) {
		struct hb_turn *last = &record->turns[record->turn_count - 1];
		/* An older ACK is a chunk that was delayed: the client had seen more by then. */
		if (hb_seq_at_or_before(ack, last->ack))
			return last;
	}
	if (record->turn_count == record->turn_cap && !grow_turns(record, budget))
		return NULL;
	struct hb_turn *turn = &record->turns[record->turn_count++];
	*turn = (struct hb_turn){ .end = hb_stream_end(&record->stream), .ack = ack };
	return turn;
}

static void append(struct hb_record *record, struct hb_budget *budget, const uint8_t *data,
		   size_t len, uint32_t ack, bool always_new)
{
	struct hb_turn *turn = turn_for(record, budget, ack, always_new);
	if (turn == NULL || hb_stream_append(&record->stream, budget, data, len) < len) {
		hb_record_give_up(record, budget);
		return;
	}
	turn->end = hb_stream_end(&record->stream);
}

/* A piece where there is none yet, before *at. False: no room. */
static bool add_early(struct hb_record *record, struct hb_budget *budget,
		      struct hb_early_piece **at, uint32_t seq, const uint8_t *payload, size_t len)
{
	size_t bytes = sizeof(struct hb_early_piece) + len;
	size_t most = hb_budget_each(budget);
	if (record->early_bytes + bytes > most ||
	    hb_seq_distance(record->stream.base, seq) + len > most ||
	    !hb_budget_take(budget, bytes))
		return false;
	struct hb_early_piece *piece = malloc(bytes);
	if (piece == NULL) {
		hb_budget_give(budget, bytes);
		return false;
	}
	piece->next = *at;
	piece->seq = seq;
	piece->len = (uint32_t)len;
	memcpy(piece->data, payload, len);
	record->early_bytes += bytes;
	*at = piece;
	return true;
}

/* Pieces do not overlap: what is there already is written over, the rest is added. */
static void keep_early(struct hb_record *record, struct hb_budget *budget, uint32_t seq,
		       const uint8_t *payload, size_t len)
{
	uint32_t from = seq, end = seq + (uint32_t)len;
	struct hb_early_piece **at = &record->early;
	while (hb_seq_before(from, end)) {
		while (*at != NULL && hb_seq_at_or_before((*at)->seq + (*at)->len, from))
			at = &(*at)->next;
		const uint8_t *bytes = payload + hb_seq_distance(seq, from);
		struct hb_early_piece *piece = *at;
		uint32_t until = end;
		if (piece != NULL && hb_seq_at_or_before(piece->seq, from)) {
			until = hb_seq_min(end, piece->seq + piece->len);
			memcpy(piece->data + hb_seq_distance(piece->seq, from), bytes,
			       hb_seq_distance(from, until));
		} else {
			if (piece != NULL)
				until = hb_seq_min(end, piece->seq);
			if (!add_early(record, budget, at, from, bytes,
				       hb_seq_distance(from, until))) {
				hb_record_give_up(record, budget);
				return;
			}
		}
		from = until;
	}
}

size_t hb_record_join_early(struct hb_record *record, struct hb_budget *budget)
{
	size_t joined = 0;
	while (record->early != NULL) {
		struct hb_early_piece *piece = record->early;
		uint32_t end = hb_stream_end(&record->stream);
		if (hb_seq_after(piece->seq, end))
			break;
		uint32_t known = hb_seq_distance(piece->seq, end);
		if (known < piece->len) {
			size_t want = piece->len - known;
			size_t got = hb_stream_append(&record->stream, budget, piece->data + known,
						      want);
			joined += got;
			record->cut_short |= got < want;
		}
		free_early(record, budget, piece);
	}
	return joined;
}

/* What of a segment follows ahead bytes behind the stream's end; returns how many these are then. */
static size_t preview(struct hb_record *record, struct hb_budget *budget, size_t ahead,
		      uint32_t seq, const uint8_t *payload, size_t len)
{
	uint32_t end = hb_stream_end(&record->stream) + (uint32_t)ahead;
	uint32_t known = hb_seq_distance(seq, end);
	if (hb_seq_after(seq, end) || known >= len)
		return ahead;
	return ahead +
	       hb_stream_preview(&record->stream, budget, ahead, payload + known, len - known);
}

const uint8_t *hb_record_preview(struct hb_record *record, struct hb_budget *budget, uint32_t seq,
				 const uint8_t *payload, size_t payload_len, size_t *len)
{
	size_t ahead = 0;
	if (!record->given_up && payload_len > 0)
		ahead = preview(record, budget, 0, seq, payload, payload_len);
	for (const struct hb_early_piece *piece = record->early; piece != NULL; piece = piece->next)
		ahead = preview(record, budget, ahead, piece->seq, piece->data, piece->len);
	*len = record->stream.len + ahead;
	return record->stream.data;
}

void hb_record_tcp(struct hb_record *record, struct hb_budget *budget, uint32_t seq,
		   const uint8_t *payload, size_t len, uint32_t ack)
{
	if (record->given_up || len == 0)
		return;
	record->segments++;
	uint32_t end = hb_stream_end(&record->stream);
	if (hb_seq_after(seq, end)) {
		keep_early(record, budget, seq, payload, len);
		return;
	}
	uint32_t known = hb_seq_distance(seq, end);
	if (known >= len)
		return;
	append(record, budget, payload + known, len - known, ack, false);
	if (!record->given_up && hb_record_join_early(record, budget) > 0)
		record->turns[record->turn_count - 1].end = hb_stream_end(&record->stream);
	if (record->cut_short)
		hb_record_give_up(record, budget);
}

void hb_record_window(struct hb_record *record, uint32_t window)
{
	if (window > record->largest_window)
		record->largest_window = window;
}

void hb_record_urgent(struct hb_record *record, uint32_t seq, uint16_t pointer)
{
	uint32_t mark = seq + pointer - 1;
	if (pointer == 0 || hb_seq_before(mark, hb_stream_end(&record->stream)))
		return;
	uint32_t at = record->urgent_count;
	while (at > 0 && hb_seq_after(record->urgent[at - 1], mark))
		at--;
	if (at > 0 && record->urgent[at - 1] == mark)
		return;
	if (record->urgent_count == HB_URGENT_MAX) {
		record->cut_short = true;
		return;
	}
	memmove(record->urgent + at + 1, record->urgent + at,
		(record->urgent_count - at) * sizeof(mark));
	record->urgent[at] = mark;
	record->urgent_count++;
}

bool hb_record_find_urgent(const struct hb_record *record, uint32_t seq, uint32_t end,
			   uint32_t *mark)
{
	for (uint32_t i = 0; i < record->urgent_count; i++) {
		*mark = record->urgent[i];
		if (hb_seq_at_or_after(*mark, seq) && hb_seq_before(*mark, end))
			return true;
	}
	return false;
}

void hb_record_client_spoke(struct hb_record *record, uint64_t now_ns)
{
	record->spoke_ns = now_ns;
}

void hb_record_frontend_spoke(struct hb_record *record, uint64_t now_ns)
{
	if (record->turn_count == 0)
		return;
	struct hb_turn *last = &record->turns[record->turn_count - 1];
	uint64_t silence_ms = (now_ns - record->spoke_ns) / NS_PER_MS;
	if (silence_ms > last->silence_ms)
		last->silence_ms = silence_ms < UINT32_MAX ? (uint32_t)silence_ms : UINT32_MAX;
	record->spoke_ns = now_ns;
}

void hb_record_udp(struct hb_record *record, struct hb_budget *budget, const uint8_t *payload,
		   size_t len)
{
	if (record->given_up)
		return;
	record->segments++;
	append(record, budget, payload, len, 0, true);
}

void hb_record_udp_answer(struct hb_record *record, size_t len)
{
	if (record->turn_count == 0)
		return;
	struct hb_turn *last = &record->turns[record->turn_count - 1];
	last->answers++;
	last->answer_bytes += (uint32_t)len;
}

const uint8_t *hb_record_datagram(const struct hb_record *record, uint32_t i, size_t *len)
{
	uint32_t start = i > 0 ? record->turns[i - 1].end : record->stream.base;
	*len = hb_seq_distance(start, record->turns[i].end);
	if (record->stream.data == NULL)
		return NULL; /* all are empty so far */
	return record->stream.data + hb_seq_distance(record->stream.base, start);
}
