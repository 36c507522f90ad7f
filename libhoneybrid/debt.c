/* SPDX-License-Identifier: BSD-2-Clause */
#include "debt.h"

#include "seq.h"

#define RETRY_NS (20 * HB_NS_PER_MS)

bool hb_debt_is_open(const struct hb_handover *handover)
{
	uint32_t delivered =
		handover->phase >= HB_PHASE_COMMITTED ? handover->replay.una : handover->cut;
	return hb_seq_after(handover->owed, delivered);
}

void hb_debt_stamp(const struct hb_flow *flow, struct hb_build_tcp *spec)
{
	const struct hb_track *track = &flow->track;
	if (!(track->granted & HB_TCPOPT_TIMESTAMP))
		return;
	spec->options.present |= HB_TCPOPT_TIMESTAMP;
	spec->options.tsval = track->server_ts;
	spec->options.tsecr = track->client_ts;
}

void hb_debt_acknowledge(struct hb_core *core, struct hb_flow *flow)
{
	const struct hb_handover *handover = hb_handover_of(flow);
	uint32_t ack = hb_debt_is_open(handover) ? handover->owed : flow->track.server_ack;
	struct hb_build_tcp spec = {
		.seq = flow->track.server_next,
		.ack = ack,
		.flags = HB_TCP_ACK,
		/* What is held takes of the window. */
		.window = hb_track_keep_edge(&flow->track, ack),
	};
	hb_debt_stamp(flow, &spec);
	hb_out_to_client(core, flow, &spec);
}

void hb_debt_incur(struct hb_core *core, struct hb_flow *flow)
{
	struct hb_handover *handover = hb_handover_of(flow);
	handover->early_ack_ns = 0;
	uint32_t held_end = hb_stream_end(&flow->record->stream);
	/* What the frontend still lacks the client must send again: no ACK may cover that. */
	if (flow->track.server_ack != handover->cut) {
		handover->early_ack_ns = core->now.mono_ns + RETRY_NS;
		return;
	}
	if (!hb_seq_after(held_end, handover->owed))
		return;
	handover->owed = held_end;
	hb_debt_acknowledge(core, flow);
}

bool hb_debt_from_honeypot(struct hb_handover *handover, struct hb_edit *edit,
			   struct hb_packet *shown)
{
	const struct hb_packet *packet = edit->packet;
	struct hb_track *track = &handover->redirect.flow->track;
	/* A repeated SYN-ACK goes on as it is: the client's answer to it is what it asks for. */
	if (!hb_debt_is_open(handover) || !(packet->tcp_flags & HB_TCP_ACK) ||
	    (packet->tcp_flags & HB_TCP_SYN) || !hb_seq_before(packet->ack, handover->owed))
		return true;
	/* A probe asks the client for an ACK, or the honeypot will take it for dead. */
	bool probe = hb_seq_before(shown->seq, track->server_next);
	bool bare = packet->payload_len == 0 && !probe &&
		    !(packet->tcp_flags & (HB_TCP_FIN | HB_TCP_RST));
	uint32_t edge = shown->ack + ((uint32_t)shown->window << track->server_wscale);
	track->edge = hb_seq_max(track->edge, edge);
	shown->ack = handover->owed;
	if (bare)
		return false;
	hb_edit_ack(edit, handover->owed);
	if (!(packet->tcp_flags & HB_TCP_RST)) {
		shown->window = hb_track_keep_edge(track, handover->owed);
		hb_edit_window(edit, shown->window);
	}
	if (packet->options.sack_offset != 0)
		hb_edit_erase_option(edit, packet->options.sack_offset);
	return true;
}

bool hb_debt_is_question(const struct hb_flow *flow, const struct hb_packet *packet)
{
	const struct hb_handover *handover = hb_handover_of(flow);
	uint32_t shown = hb_debt_is_open(handover) ? handover->owed : flow->track.server_ack;
	if (packet->tcp_flags & HB_TCP_SYN)
		return true;
	return hb_seq_before(packet->seq, shown) &&
	       !hb_seq_after(packet->seq + hb_track_segment_len(packet), shown);
}

/* A RST counts where the client would have been told that its number is the next. */
static void reset_behind_debt(struct hb_core *core, struct hb_flow *flow,
			      const struct hb_packet *packet)
{
	struct hb_handover *handover = hb_handover_of(flow);
	uint32_t end = hb_stream_end(&flow->record->stream) + (handover->client_fin ? 1 : 0);
	if (packet->seq == handover->owed || packet->seq == end ||
	    packet->seq == flow->track.client_next)
		handover->client_reset = true;
	else if (hb_seq_after(packet->seq, handover->owed) &&
		 hb_seq_before(packet->seq, flow->track.edge))
		hb_debt_acknowledge(core, flow); /* a challenge (RFC 5961, 3.2) */
}

bool hb_debt_from_client(struct hb_core *core, struct hb_flow *flow, const struct hb_packet *packet)
{
	struct hb_handover *handover = hb_handover_of(flow);
	if (!hb_debt_is_open(handover))
		return true;
	bool acceptable = hb_track_acceptable(&flow->track, packet);
	if (acceptable && (packet->tcp_flags & HB_TCP_RST)) {
		reset_behind_debt(core, flow, packet);
		return false;
	}
	if (!acceptable || hb_debt_is_question(flow, packet)) {
		if (hb_track_answers(&flow->track, packet))
			hb_debt_acknowledge(core, flow);
		return false;
	}
	bool bare_fin = (packet->tcp_flags & HB_TCP_FIN) && packet->payload_len == 0;
	if (!bare_fin || packet->seq != hb_stream_end(&flow->record->stream))
		return true;
	handover->client_fin = true; /* goes out with the last of what is owed */
	return false;
}

static enum hb_leg serving_leg(const struct hb_handover *handover)
{
	return handover->phase == HB_PHASE_UNDONE ? HB_LEG_FRONTEND : HB_LEG_BACKEND;
}

void hb_debt_settle(struct hb_core *core, struct hb_flow *flow)
{
	struct hb_handover *handover = hb_handover_of(flow);
	if (flow->record == NULL || hb_debt_is_open(handover))
		return;
	handover->replay.resend_ns = 0;
	hb_record_free(flow->record, hb_core_budget(core, flow));
	flow->record = NULL;
	if (handover->client_reset) {
		struct hb_build_tcp spec = { .seq = handover->replay.una, .flags = HB_TCP_RST };
		hb_out_to_server(core, flow, serving_leg(handover), &spec);
		flow->track.flags |= HB_TRACK_RESET;
	}
}

void hb_debt_cancel(struct hb_core *core, struct hb_flow *flow)
{
	struct hb_handover *handover = hb_handover_of(flow);
	if (flow->record == NULL || !(flow->track.flags & HB_TRACK_RESET))
		return;
	handover->owed = handover->replay.una;
	handover->client_reset = false;
	hb_debt_settle(core, flow);
}

void hb_debt_write_off(struct hb_core *core, struct hb_flow *flow)
{
	struct hb_handover *handover = hb_handover_of(flow);
	struct hb_build_tcp to_honeypot = { .seq = handover->replay.una, .flags = HB_TCP_RST };
	struct hb_build_tcp to_client = { .seq = flow->track.server_next, .flags = HB_TCP_RST };
	hb_out_to_server(core, flow, serving_leg(handover), &to_honeypot);
	hb_out_to_client(core, flow, &to_client);
	flow->track.flags |= HB_TRACK_RESET;
	handover->owed = handover->replay.una;
	handover->client_reset = false;
	hb_debt_settle(core, flow);
}

static void send_bare(struct hb_core *core, struct hb_flow *flow, enum hb_leg leg, uint8_t flags,
		      uint32_t ack)
{
	const struct hb_handover *handover = hb_handover_of(flow);
	const struct hb_track *track = &flow->track;
	bool scaled = leg == HB_LEG_FRONTEND || (handover->replay.granted & HB_TCPOPT_WSCALE);
	struct hb_build_tcp spec = {
		.seq = hb_stream_end(&flow->record->stream),
		.ack = ack,
		.flags = flags,
		.window = hb_translate_window(hb_track_client_window_bytes(track),
					      scaled ? track->client_wscale : 0),
	};
	if (handover->replay.granted & HB_TCPOPT_TIMESTAMP) {
		spec.options.present = HB_TCPOPT_TIMESTAMP;
		spec.options.tsval = track->client_ts;
		spec.options.tsecr = leg == HB_LEG_BACKEND ? handover->replay.ts : track->server_ts;
	}
	hb_out_to_server(core, flow, leg, &spec);
}

void hb_debt_send_fin(struct hb_core *core, struct hb_flow *flow, enum hb_leg leg, uint32_t ack)
{
	send_bare(core, flow, leg, HB_TCP_FIN | HB_TCP_ACK, ack);
}

void hb_debt_send_ack(struct hb_core *core, struct hb_flow *flow, enum hb_leg leg, uint32_t ack)
{
	send_bare(core, flow, leg, HB_TCP_ACK, ack);
}
