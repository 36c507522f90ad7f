/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy.h"

#include "copies.h"
#include "debt.h"
#include "decide.h"
#include "handover.h"
#include "life.h"
#include "reset.h"
#include "seq.h"
#include "state.h"

/* The record of a client's payload that passes to the frontend; at a limit the flow is PROXY. */
static void record(struct hb_core *core, struct hb_flow *flow, const struct hb_packet *packet)
{
	const uint8_t *payload = packet->data + packet->payload_offset;
	uint32_t limit = flow->target->policy->options.max_packet_buffer;
	if (flow->record == NULL)
		flow->record = hb_record_new(hb_core_budget(core, flow),
					     hb_flow_is_tcp(flow) ? flow->track.client_next : 0);
	if (flow->record == NULL) {
		hb_handover_decline(core, flow, "no memory for the recording");
		return;
	}
	hb_record_window(flow->record, (uint32_t)packet->window << flow->track.client_wscale);
	if (hb_flow_is_tcp(flow) && (packet->tcp_flags & HB_TCP_URG))
		hb_record_urgent(flow->record, packet->seq, packet->urgent);
	if (hb_flow_is_tcp(flow)) {
		hb_record_tcp(flow->record, hb_core_budget(core, flow), packet->seq, payload,
			      hb_track_usable(&flow->track, packet), packet->ack);
		hb_record_client_spoke(flow->record, core->now.mono_ns);
	} else {
		hb_record_udp(flow->record, hb_core_budget(core, flow), payload,
			      packet->payload_len);
	}
	if (flow->record->given_up || (limit != 0 && flow->record->segments > limit))
		hb_handover_decline(core, flow, "the recording was given up at a limit");
}

/* Data in order, no data at all, or a FIN: what the rules are asked on. */
static bool is_news(const struct hb_flow *flow, const struct hb_packet *packet)
{
	if (!hb_flow_is_tcp(flow))
		return true;
	if (!(flow->track.flags & HB_TRACK_SYN_ACK) ||
	    (packet->tcp_flags & (HB_TCP_SYN | HB_TCP_RST)) || !(packet->tcp_flags & HB_TCP_ACK))
		return false;
	return packet->payload_len == 0 || hb_track_in_order(&flow->track, packet);
}

/* Asks the backend rules. True if the packet was taken over by a handover. */
static bool redirect(struct hb_core *core, struct hb_flow *flow, struct hb_datagram *dgram,
		     const struct hb_packet *packet, enum hb_verdict *verdict)
{
	unsigned number = 0;
	if (!is_news(flow, packet))
		return false;
	switch (hb_decide_backend(core, flow, packet, &number)) {
	case HB_DECISION_ACCEPT:
		return hb_handover_begin(core, flow, dgram, packet, number, verdict);
	case HB_DECISION_REJECT:
		hb_record_free(flow->record, hb_core_budget(core, flow));
		flow->record = NULL;
		hb_life_advance(core, flow, HB_RESULT_REJECT);
		return false;
	default:
		return false;
	}
}

enum hb_verdict hb_proxy_unseen(const struct hb_flow *flow, struct hb_datagram *dgram,
				const struct hb_packet *packet)
{
	struct hb_translation translation = hb_translate_frontend(flow);
	struct hb_edit edit;
	if (flow->state == HB_STATE_FORWARD)
		translation = flow->redirect->translation;
	else if (flow->state != HB_STATE_DECISION && flow->state != HB_STATE_PROXY)
		return HB_DROP;
	hb_edit_begin(&edit, dgram, packet);
	hb_translate_to_honeypot(&edit, flow, &translation);
	return hb_edit_finish(&edit);
}

static enum hb_verdict show_frontend(const struct hb_flow *flow, struct hb_datagram *dgram,
				     const struct hb_packet *packet)
{
	struct hb_translation translation = hb_translate_frontend(flow);
	struct hb_edit edit;
	hb_edit_begin(&edit, dgram, packet);
	hb_translate_to_honeypot(&edit, flow, &translation);
	return hb_edit_finish(&edit);
}

enum hb_verdict hb_proxy_refused(const struct hb_flow *flow, struct hb_datagram *dgram,
				 const struct hb_packet *packet)
{
	return flow->state == HB_STATE_REPLAY ? show_frontend(flow, dgram, packet)
					      : hb_proxy_unseen(flow, dgram, packet);
}

enum hb_verdict hb_proxy_dying(const struct hb_flow *flow, struct hb_datagram *dgram,
			       const struct hb_packet *packet)
{
	bool here = packet->ttl <= 1; /* the kernel tells the sender */
	bool as_far = flow->state != HB_STATE_FORWARD ||
		      hb_track_hops(hb_handover_of(flow)->replay.ttl) >=
			      hb_track_hops(flow->track.server_ttl);
	if (flow->state == HB_STATE_REPLAY && here)
		return show_frontend(flow, dgram, packet);
	return here || as_far ? hb_proxy_unseen(flow, dgram, packet) : HB_DROP;
}

/*
 * Payload of the session. What a SYN carries is taken or not, and sent again if not; that of a RST
 * is nobody's. A datagram is one without payload, too: it may be answered.
 */
static bool carries_stream(const struct hb_packet *packet)
{
	if (packet->protocol != HB_PROTO_TCP)
		return true;
	return packet->payload_len > 0 && !(packet->tcp_flags & (HB_TCP_SYN | HB_TCP_RST));
}

/* A FIN that leaves a hole before it; not that of a SYN or RST, which no server takes. */
static bool fin_is_early(const struct hb_flow *flow, const struct hb_packet *packet)
{
	uint32_t end = packet->seq + (uint32_t)packet->payload_len;
	return hb_flow_is_tcp(flow) &&
	       (packet->tcp_flags & (HB_TCP_FIN | HB_TCP_SYN | HB_TCP_RST)) == HB_TCP_FIN &&
	       hb_seq_after(packet->seq, flow->track.client_next) &&
	       !hb_seq_after(end, flow->track.edge);
}

/* A hole was filled, and what came early before is in order now, a FIN too. */
static void follow_joined(struct hb_flow *flow, const struct hb_packet *packet)
{
	struct hb_record *record = flow->record;
	struct hb_track *track = &flow->track;
	if (!hb_flow_records(flow) || record == NULL || (track->flags & HB_TRACK_CLIENT_FIN))
		return;
	track->client_next = hb_seq_max(track->client_next, hb_stream_end(&record->stream));
	if (fin_is_early(flow, packet)) {
		record->fin_early = true;
		record->fin_at = packet->seq + (uint32_t)packet->payload_len;
	}
	if (record->fin_early && record->fin_at == track->client_next)
		hb_track_client_ends(track);
}

static enum hb_verdict pass_to_frontend(struct hb_core *core, struct hb_flow *flow,
					struct hb_datagram *dgram, const struct hb_packet *packet)
{
	struct hb_translation translation = hb_translate_frontend(flow);
	struct hb_edit edit;
	if (flow->redirect != NULL && !hb_debt_from_client(core, flow, packet))
		return HB_DROP;
	hb_edit_begin(&edit, dgram, packet);
	hb_translate_to_honeypot(&edit, flow, &translation);
	if (hb_flow_is_tcp(flow) && carries_stream(packet))
		hb_copies_unify(flow->record, &edit);
	if (hb_flow_records(flow) && (carries_stream(packet) || fin_is_early(flow, packet)))
		record(core, flow, packet);
	if (hb_flow_is_tcp(flow)) {
		hb_track_client(&flow->track, packet);
		follow_joined(flow, packet);
		if (hb_flow_records(flow) && hb_reset_is_sacked(flow, packet))
			flow->track.flags |= HB_TRACK_RESET;
	}
	return hb_edit_finish(&edit);
}

bool hb_proxy_shares_leg(const struct hb_flow *flow, const struct hb_datagram *dgram,
			 const struct hb_packet *packet)
{
	bool opens = packet->has_l4 && hb_flow_is_tcp(flow) &&
		     (packet->tcp_flags & (HB_TCP_SYN | HB_TCP_ACK | HB_TCP_RST)) == HB_TCP_SYN;
	return dgram->tracked && opens && packet->seq != flow->track.client_isn;
}

enum hb_verdict hb_proxy_client(struct hb_core *core, struct hb_flow *flow,
				struct hb_datagram *dgram, const struct hb_packet *packet)
{
	enum hb_verdict verdict;
	if (hb_proxy_shares_leg(flow, dgram, packet))
		flow->flags |= HB_FLOW_SHARED;
	if (flow->state == HB_STATE_DECISION && (flow->flags & HB_FLOW_SHARED))
		hb_handover_decline(core, flow, "the client's port has more than one session here");
	bool deciding = flow->state == HB_STATE_DECISION;
	/* What the frontend will refuse is no record and no reason to decide (rule 25). */
	if (deciding && hb_flow_is_tcp(flow) && !hb_track_acceptable(&flow->track, packet))
		return hb_proxy_unseen(flow, dgram, packet);
	if (deciding && redirect(core, flow, dgram, packet, &verdict))
		return verdict;
	return pass_to_frontend(core, flow, dgram, packet);
}

enum hb_verdict hb_proxy_frontend(struct hb_core *core, struct hb_flow *flow,
				  struct hb_datagram *dgram, const struct hb_packet *packet)
{
	struct hb_translation translation = hb_translate_frontend(flow);
	struct hb_edit edit;
	if (hb_flow_is_tcp(flow)) {
		if (flow->state == HB_STATE_DECISION && hb_track_took_unseen(&flow->track, packet))
			hb_handover_decline(core, flow, "the frontend took what was not recorded");
		uint32_t end = packet->seq + (uint32_t)packet->payload_len;
		if (flow->record != NULL && packet->payload_len > 0 &&
		    hb_seq_after(end, flow->track.server_next))
			hb_record_frontend_spoke(flow->record, core->now.mono_ns);
		hb_track_server(&flow->track, packet, hb_flow_age_ms(flow, core->now.mono_ns));
	} else {
		flow->track.server_ttl = packet->ttl;
		hb_iplook_follow(&flow->track.look, packet, 1);
		if (flow->record != NULL)
			hb_record_udp_answer(flow->record, packet->payload_len);
	}
	hb_edit_begin(&edit, dgram, packet);
	hb_translate_to_client(&edit, flow, &translation);
	if (flow->redirect != NULL && flow->record != NULL) {
		struct hb_packet shown = *packet;
		bool passes = hb_debt_from_honeypot(hb_handover_of(flow), &edit, &shown);
		hb_replay_acknowledged(core, hb_handover_of(flow), packet);
		hb_debt_settle(core, flow);
		hb_debt_cancel(core, flow);
		if (flow->record == NULL)
			hb_handover_retire(core, flow);
		if (!passes)
			return HB_DROP;
	}
	return hb_edit_finish(&edit);
}
