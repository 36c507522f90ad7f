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

void hb_copies_unify(const struct hb_record *record, struct hb_edit *edit)
{
	if (record == NULL || record->given_up || edit->packet->payload_len == 0)
		return;
	unify_with(edit, record->stream.base, record->stream.data, record->stream.len);
	for (const struct hb_early_piece *piece = record->early; piece != NULL; piece = piece->next)
		unify_with(edit, piece->seq, piece->data, piece->len);
}
