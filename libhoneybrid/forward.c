/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * After commit: the constant translation, and what must be seen to until the session has settled:
 * debt (debt.c), late answers of the backend's, clocks and windows that must not step back.
 */
#include "forward.h"

#include "answer.h"
#include "copies.h"
#include "debt.h"
#include "handover.h"
#include "out.h"
#include "seq.h"
#include "way.h"

#define MAX_BEHIND (UINT32_C(1) << 30)

static void count_dup_ack(const struct hb_flow *flow, const struct hb_packet *packet)
{
	struct hb_handover *handover = hb_handover_of(flow);
	if (packet->options.sack_offset != 0) /* it says what it misses: once is enough */
		handover->client_dup_acks = UINT8_MAX;
	else if (packet->payload_len > 0 || packet->ack != flow->track.client_ack)
		handover->client_dup_acks = 0;
	else if (handover->client_dup_acks < UINT8_MAX)
		handover->client_dup_acks++;
}

/*
 * A backend without timestamps cannot tell a very old segment, which the frontend would not have
 * taken: we do (handover rule 16). Bare ACKs do no harm, and may have been overtaken.
 */
static bool is_outdated(const struct hb_flow *flow, const struct hb_packet *packet)
{
	const struct hb_translation *translation = &flow->redirect->translation;
	return (translation->lacks & HB_TCPOPT_TIMESTAMP) && hb_track_segment_len(packet) > 0 &&
	       !(packet->tcp_flags & (HB_TCP_RST | HB_TCP_SYN)) &&
	       hb_track_clock_goes_back(&flow->track, packet);
}

/*
 * True if the client's clock is to be followed, for segments of our own or in the backend's place;
 * only by what was summed. It is not where the client acknowledged data of the backend's.
 */
static bool clock_matters(const struct hb_flow *flow, const struct hb_datagram *dgram,
			  const struct hb_packet *packet)
{
	const struct hb_translation *translation = &flow->redirect->translation;
	if (flow->record != NULL || (translation->lacks & HB_TCPOPT_TIMESTAMP))
		return true; /* the engine sums it then */
	bool settled = hb_seq_after(flow->track.client_ack,
				    translation->keep + translation->seq_difference);
	return !settled && (dgram->checksum != HB_CHECKSUM_COMPLETE || dgram->gso ||
			    hb_packet_checksum_ok(packet));
}

/* What is compared with a mark must not come to be 2^31 ahead of it: the mark follows at some distance. */
static uint32_t follow(uint32_t mark, uint32_t now)
{
	bool far = hb_seq_after(now, mark) && hb_seq_distance(mark, now) > MAX_BEHIND;
	return far ? now - MAX_BEHIND / 2 : mark;
}

/* An echo older than the handover would look like a very old packet's (rule 12). */
static void keep_echo(struct hb_handover *handover, struct hb_edit *edit)
{
	const struct hb_packet *packet = edit->packet;
	uint32_t echo = packet->options.tsecr - handover->redirect.translation.ts_difference;
	uint16_t at = packet->options.timestamp_offset;
	if (at == 0 || !(handover->replay.granted & HB_TCPOPT_TIMESTAMP) ||
	    !(packet->tcp_flags & HB_TCP_ACK))
		return;
	if (hb_seq_before(echo, handover->ts_floor))
		hb_edit_u32(edit, at + 6u, handover->ts_floor);
	else if (!hb_seq_after(packet->options.tsecr, handover->redirect.flow->track.server_ts))
		handover->ts_floor = follow(handover->ts_floor, echo);
}

/*
 * A RST that stands before bytes which were seen: the backend has them by then, and it means nothing.
 * They may have got lost, or be garbled, since nobody sums them here: so that is not sure.
 */
static bool is_overtaken(const struct hb_flow *flow, const struct hb_packet *packet)
{
	return (packet->tcp_flags & HB_TCP_RST) &&
	       hb_seq_before(packet->seq, hb_handover_of(flow)->client_end) &&
	       hb_seq_at_or_after(packet->seq, flow->track.server_ack);
}

static void follow_client(struct hb_flow *flow, const struct hb_packet *packet)
{
	struct hb_handover *handover = hb_handover_of(flow);
	uint32_t end = packet->seq + (uint32_t)packet->payload_len;
	bool carries = packet->payload_len > 0 && !(packet->tcp_flags & (HB_TCP_SYN | HB_TCP_RST));
	if (carries && !hb_seq_after(end, flow->track.edge))
		handover->client_end = hb_seq_max(handover->client_end, end);
	if (is_overtaken(flow, packet))
		flow->track.flags |= HB_TRACK_RESET_UNSURE;
	else
		hb_track_client(&flow->track, packet);
}

enum hb_verdict hb_forward_client(struct hb_core *core, struct hb_flow *flow,
				  struct hb_datagram *dgram, const struct hb_packet *packet)
{
	struct hb_handover *handover = hb_handover_of(flow);
	struct hb_edit edit;
	if (hb_flow_is_tcp(flow) && !hb_debt_from_client(core, flow, packet))
		return HB_DROP;
	if (hb_flow_is_tcp(flow) && is_outdated(flow, packet)) {
		hb_debt_acknowledge(core, flow); /* as a server does (RFC 7323, 5.3, R1) */
		return HB_DROP;
	}
	if (hb_flow_is_tcp(flow) && clock_matters(flow, dgram, packet))
		hb_track_client_clock(&flow->track, packet);
	hb_edit_begin(&edit, dgram, packet);
	hb_translate_to_honeypot(&edit, flow, &handover->redirect.translation);
	dgram->segment_bytes = handover->replay.mss; /* 0 for UDP */
	if (hb_flow_is_tcp(flow)) {
		count_dup_ack(flow, packet);
		hb_copies_unify(flow->record, &edit);
		follow_client(flow, packet);
		struct hb_translation *translation = &handover->redirect.translation;
		translation->keep = follow(translation->keep,
					   flow->track.client_ack - translation->seq_difference);
		keep_echo(handover, &edit);
	}
	return hb_edit_finish(&edit);
}

/*
 * A piece of an answer that the client had from the frontend, sent before the backend knew the
 * trigger packet: swallowed, as long as no byte of the backend's has been shown (handover rule 4).
 */
static bool is_late_answer(const struct hb_core *core, const struct hb_handover *handover,
			   const struct hb_packet *packet)
{
	/* Counted from the session's start: an upload may be 2 GiB ahead of cut by now. */
	uint32_t isn = handover->redirect.flow->track.client_isn;
	bool replayed = hb_seq_distance(isn, packet->ack) <= hb_seq_distance(isn, handover->cut);
	return !handover->passed_byte && packet->payload_len > 0 && replayed &&
	       (handover->late_until_ns == 0 || core->now.mono_ns < handover->late_until_ns);
}

static void swallow(struct hb_core *core, struct hb_handover *handover,
		    const struct hb_packet *packet)
{
	struct hb_translation *translation = &handover->redirect.translation;
	uint32_t end = packet->seq + (uint32_t)packet->payload_len;
	if (hb_seq_at_or_before(packet->seq, translation->keep) &&
	    hb_seq_after(end, translation->keep)) {
		uint32_t fresh = hb_seq_distance(translation->keep, end);
		translation->keep += fresh;
		translation->seq_difference -= fresh;
		handover->replay.rcv_nxt = translation->keep;
		handover->info.discarded_bytes += fresh;
		handover->replay.last_answer_bytes += fresh;
	}
	hb_replay_ack(core, handover);
}

/*
 * The backend measured the way to the gateway, which acknowledged the replay, and not the one to the
 * client: until the client has acknowledged a byte of the backend's, that repeats what a server in
 * the client's distance would still wait for (handover rule 23). Such a server would probe for a loss
 * after two round trips at the earliest (RFC 8985, 7.2).
 */
static bool is_hasty_repeat(const struct hb_core *core, const struct hb_handover *handover,
			    const struct hb_packet *packet)
{
	const struct hb_flow *flow = handover->redirect.flow;
	const struct hb_translation *translation = &handover->redirect.translation;
	uint32_t first = translation->keep + translation->seq_difference;
	uint32_t end = packet->seq + (uint32_t)packet->payload_len + translation->seq_difference;
	uint64_t round_trip_ns = flow->client_rtt_4ms * 4 * HB_NS_PER_MS;
	return packet->payload_len > 0 && handover->passed_ns != 0 &&
	       hb_seq_at_or_before(end, flow->track.server_next) &&
	       hb_seq_at_or_before(flow->track.client_ack, first) &&
	       !hb_seq_after(packet->ack, flow->track.server_ack) && !hb_debt_is_open(handover) &&
	       handover->client_dup_acks < 3 &&
	       core->now.mono_ns < handover->passed_ns + 2 * round_trip_ns;
}

/* Neither the clock nor the window's edge that the client knows goes back (rules 10 and 12). */
static void keep_monotonic(struct hb_flow *flow, struct hb_edit *edit, struct hb_packet *shown)
{
	struct hb_track *track = &flow->track;
	uint16_t at = shown->options.timestamp_offset;
	if (at != 0 && hb_seq_before(shown->options.tsval, track->server_ts) &&
	    hb_seq_at_or_after(shown->seq, track->server_next)) {
		shown->options.tsval = track->server_ts;
		hb_edit_u32(edit, at + 2u, shown->options.tsval);
	}
	uint32_t edge = shown->ack + ((uint32_t)shown->window << track->server_wscale);
	if (hb_seq_before(edge, track->edge) && hb_seq_at_or_before(shown->ack, track->edge)) {
		shown->window = hb_track_keep_edge(track, shown->ack);
		hb_edit_window(edit, shown->window);
	}
}

static struct hb_packet as_shown(const struct hb_handover *handover, const struct hb_packet *packet)
{
	const struct hb_translation *translation = &handover->redirect.translation;
	struct hb_packet shown = *packet;
	shown.seq += translation->seq_difference;
	shown.options.tsval += translation->ts_difference;
	shown.ttl = handover->redirect.flow->track.server_ttl;
	if (translation->look.changes && packet->ip_version == 4) {
		shown.ip_id = (uint16_t)(packet->ip_id + translation->look.id_difference);
		shown.tos = (uint8_t)(translation->look.dscp << 2);
	}
	shown.flow_label = translation->look.flow_label;
	shown.window = hb_translate_window((uint32_t)packet->window << translation->honeypot_shift,
					   translation->shown_shift);
	return shown;
}

/* What does not fit into the datagram any more goes out as packets of our own (rule 21). */
static void send_anew(struct hb_core *core, struct hb_flow *flow, const struct hb_packet *shown)
{
	size_t each = hb_out_client_payload(core, flow);
	for (size_t at = 0; at < shown->payload_len; at += each) {
		size_t left = shown->payload_len - at;
		bool last = left <= each;
		struct hb_build_tcp spec = {
			.seq = shown->seq + (uint32_t)at,
			.ack = shown->ack,
			.flags = shown->tcp_flags,
			.window = shown->window,
			.options = shown->options,
			.payload = shown->data + shown->payload_offset + at,
			.payload_len = last ? left : each,
		};
		if (!last)
			spec.flags &= (uint8_t) ~(HB_TCP_FIN | HB_TCP_PSH);
		hb_out_to_client(core, flow, &spec);
	}
}

/*
 * The backend does no timestamps, and the client expects one in every segment (handover rule 16):
 * the frontend's clock goes on, and echoes what RFC 7323, 4.3, says. False: it found no room, or no
 * link on the way would take it so long.
 */
static bool add_timestamp(const struct hb_core *core, const struct hb_flow *flow,
			  struct hb_edit *edit, struct hb_packet *shown)
{
	shown->options.present &= HB_TCPOPT_SACK;
	shown->options.present |= HB_TCPOPT_TIMESTAMP;
	shown->options.tsval =
		hb_track_server_ts_at(&flow->track, hb_flow_age_ms(flow, core->now.mono_ns));
	shown->options.tsecr = flow->track.client_ts;
	if (hb_handover_of(flow)->narrow &&
	    shown->payload_len > hb_track_client_payload(&flow->track))
		return false;
	return hb_edit_options(edit, &shown->options);
}

/*
 * It takes a SYN of the client's for a new session: it does not know this one any more. That is over;
 * the client's next SYN begins where sessions do, at the frontend.
 */
static void abandon(struct hb_core *core, struct hb_flow *flow, const struct hb_packet *packet)
{
	hb_out_reset_reply(core, packet, &flow->redirect->translation.way);
	flow->track.flags |= HB_TRACK_RESET;
	hb_debt_cancel(core, flow);
}

static enum hb_verdict tcp_from_backend(struct hb_core *core, struct hb_flow *flow,
					struct hb_edit *edit, const struct hb_packet *packet)
{
	struct hb_handover *handover = hb_handover_of(flow);
	if (packet->tcp_flags & HB_TCP_SYN) {
		if (packet->ack == flow->track.client_isn + 1)
			hb_replay_ack(core, handover); /* our ACK of its SYN-ACK was lost */
		else
			abandon(core, flow, packet);
		return HB_DROP;
	}
	if (is_late_answer(core, handover, packet)) {
		swallow(core, handover, packet);
		return HB_DROP;
	}
	if (is_hasty_repeat(core, handover, packet))
		return HB_DROP;
	hb_translate_to_client(edit, flow, &handover->redirect.translation);
	struct hb_packet shown = as_shown(handover, packet);
	bool owed = hb_debt_is_open(handover);
	bool passes = hb_debt_from_honeypot(handover, edit, &shown);
	if (owed) {
		hb_replay_acknowledged(core, handover, packet);
		hb_debt_settle(core, flow);
	}
	if (!(packet->tcp_flags & HB_TCP_RST))
		keep_monotonic(flow, edit, &shown);
	if ((handover->redirect.translation.lacks & HB_TCPOPT_TIMESTAMP) && passes &&
	    !(packet->tcp_flags & HB_TCP_RST) && !add_timestamp(core, flow, edit, &shown)) {
		send_anew(core, flow, &shown);
		passes = false;
	}
	uint32_t before = flow->track.server_next;
	hb_track_server(&flow->track, &shown, hb_flow_age_ms(flow, core->now.mono_ns));
	if (flow->track.server_next != before)
		handover->passed_ns = core->now.mono_ns;
	hb_debt_cancel(core, flow);
	if (packet->payload_len > 0 && !handover->passed_byte) {
		handover->passed_byte = true;
		hb_answer_learn(core, handover);
	}
	handover->heard |= passes;
	return passes ? hb_edit_finish(edit) : HB_DROP;
}

enum hb_verdict hb_forward_backend(struct hb_core *core, struct hb_flow *flow,
				   struct hb_datagram *dgram, const struct hb_packet *packet)
{
	struct hb_edit edit;
	hb_edit_begin(&edit, dgram, packet);
	if (hb_flow_is_tcp(flow))
		return tcp_from_backend(core, flow, &edit, packet);
	hb_handover_udp_hear(core, flow, packet);
	hb_translate_to_client(&edit, flow, &flow->redirect->translation);
	return hb_edit_finish(&edit);
}

/* An answer to something that the client sent before commit, and the client knows of no later one. */
static bool is_last_ack(const struct hb_flow *flow, const struct hb_packet *packet)
{
	const struct hb_handover *handover = hb_handover_of(flow);
	return hb_flow_is_tcp(flow) && packet->tcp_flags == HB_TCP_ACK &&
	       packet->payload_len == 0 && !handover->heard && !hb_debt_is_open(handover) &&
	       packet->seq == flow->track.server_next && packet->ack == handover->cut;
}

enum hb_verdict hb_forward_frontend(struct hb_core *core, struct hb_flow *flow,
				    struct hb_datagram *dgram, const struct hb_packet *packet)
{
	struct hb_way way = hb_way_to_server(flow, HB_LEG_FRONTEND);
	if (packet->protocol == HB_PROTO_TCP)
		hb_out_reset_reply(core, packet, &way);
	if (!is_last_ack(flow, packet))
		return HB_DROP;
	struct hb_translation translation = hb_translate_frontend(flow);
	struct hb_edit edit;
	hb_edit_begin(&edit, dgram, packet);
	hb_translate_to_client(&edit, flow, &translation);
	/* Its window and its clock are the backend's by now (rules 10 and 12). */
	uint16_t window = hb_track_keep_edge(&flow->track, packet->ack);
	if (window != packet->window)
		hb_edit_window(&edit, window);
	if (packet->options.timestamp_offset != 0)
		hb_edit_u32(&edit, packet->options.timestamp_offset + 2u, flow->track.server_ts);
	return hb_edit_finish(&edit);
}
