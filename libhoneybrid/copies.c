/* SPDX-License-Identifier: BSD-2-Clause */
#include "copies.h"

#include "seq.h"

/* Makes what of the payload lies in a known run of bytes equal to it. */
static void unify_with(struct hb_edit *edit, uint32_t seq, const uint8_t *known, size_t len)
{
	const struct hb_packet *packet = edit->packet;
	uint32_t packet_end = packet->seq + (uint32_t)packet->payload_len;
	uint32_t at = hb_seq_max(packet->seq, seq);
	uint32_t end = hb_seq_min(packet_end, seq + (uint32_t)len);
	for (; hb_seq_before(at, end); at++) {
		size_t offset = packet->payload_offset + hb_seq_distance(packet->seq, at);
		uint8_t first = known[hb_seq_distance(seq, at)];
		if (edit->dgram->data[offset] != first)
			hb_edit_u8(edit, offset, first);
	}
}

/*
 * Behind a hole Linux lets the segment win that starts first; of two that start at one number the
 * longer; else the older. But pieces that follow one another may have become one there, and may not:
 * so they are looked at as one run, and where the older wins in one case it is made to win in both.
 */
static void unify_early(const struct hb_record *record, struct hb_edit *edit)
{
	uint32_t seq = edit->packet->seq, end = seq + (uint32_t)edit->packet->payload_len;
	const struct hb_early_piece *piece = record->early;
	while (piece != NULL) {
		const struct hb_early_piece *last = piece;
		while (last->next != NULL && last->next->seq == last->seq + last->len)
			last = last->next;
		bool newer = hb_seq_before(seq, piece->seq) ||
			     (seq == piece->seq && hb_seq_after(end, last->seq + last->len));
		const struct hb_early_piece *behind = last->next;
		for (; piece != behind; piece = piece->next)
			if (!newer)
				unify_with(edit, piece->seq, piece->data, piece->len);
	}
}

void hb_copies_unify(const struct hb_record *record, struct hb_edit *edit)
{
	if (record == NULL || record->given_up || edit->packet->payload_len == 0)
		return;
	unify_with(edit, record->stream.base, record->stream.data, record->stream.len);
	unify_early(record, edit);
}
