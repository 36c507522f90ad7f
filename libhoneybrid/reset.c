/* SPDX-License-Identifier: BSD-2-Clause */
#include "reset.h"

#include "debt.h"
#include "handover.h"
#include "life.h"
#include "out.h"
#include "seq.h"
#include "state.h"

bool hb_reset_is_sacked(const struct hb_flow *flow, const struct hb_packet *packet)
{
	const struct hb_record *record = flow->record;
	if (!(packet->tcp_flags & HB_TCP_RST) || record == NULL || record->early == NULL ||
	    !(flow->track.granted & HB_TCPOPT_SACK_OK))
		return false;
	const struct hb_early_piece *last = record->early;
	while (last->next != NULL)
		last = last->next;
	return packet->seq == last->seq + last->len;
}

/*
 * True if a RST has the number that a server would await by now. One in the window that has not is
 * answered: whoever means it sends another with the number that we acknowledge (RFC 5961, 3.2).
 */
static bool is_awaited_reset(struct hb_core *core, struct hb_flow *flow,
			     const struct hb_packet *packet)
{
	struct hb_handover *handover = hb_handover_of(flow);
	const struct hb_track *track = &flow->track;
	uint32_t owed = handover->owed, shown = hb_seq_max(owed, track->server_ack);
	if (packet->seq == hb_stream_end(&flow->record->stream) + (handover->client_fin ? 1 : 0) ||
	    hb_reset_is_sacked(flow, packet))
		return true;
	if (hb_seq_before(packet->seq, track->server_ack) || hb_seq_after(packet->seq, track->edge))
		return false;
	hb_debt_incur(core, flow);
	if (handover->owed == owed && packet->seq == shown)
		return true; /* we have no other number to tell */
	if (handover->owed == owed)
		hb_debt_acknowledge(core, flow);
	return false;
}

enum hb_verdict hb_reset_from_client(struct hb_core *core, struct hb_flow *flow,
				     const struct hb_packet *packet)
{
	struct hb_handover *handover = hb_handover_of(flow);
	if (!is_awaited_reset(core, flow, packet))
		return HB_DROP;
	struct hb_build_tcp spec = { .seq = handover->cut, .flags = HB_TCP_RST };
	hb_out_to_server(core, flow, HB_LEG_FRONTEND, &spec);
	hb_replay_reset(core, handover);
	flow->track.flags |= HB_TRACK_RESET;
	core->counters.handovers_failed++;
	hb_out_handover(core, flow, &handover->info, "the client reset the session");
	hb_life_advance(core, flow, HB_RESULT_UNDONE);
	hb_handover_retire(core, flow);
	return HB_DROP;
}
