/* SPDX-License-Identifier: BSD-2-Clause */
#include "out.h"

#include "broken.h"
#include "decide.h"
#include "handover.h"
#include "seq.h"
#include "target.h"
#include "tcpopt.h"
#include "way.h"

static void emit_one(struct hb_core *core, const struct hb_datagram *dgram)
{
	core->counters.emitted++;
	core->ops->emit(core->ctx, dgram);
}

/* In pieces of at most so many bytes, all on the datagram's way. */
static void emit_pieces(struct hb_core *core, const struct hb_datagram *dgram, uint32_t id,
			size_t piece_bytes)
{
	struct hb_packet packet;
	struct hb_datagram piece = { .data = core->scratch + HB_SCRATCH_SIZE,
				     .cap = HB_SCRATCH_SIZE,
				     .out_interface = dgram->out_interface,
				     .mark = dgram->mark };
	if (hb_broken(hb_packet_parse(dgram->data, dgram->len, &packet) != 0)) {
		core->counters.broken++;
		return;
	}
	for (size_t i = 0;; i++) {
		piece.len = hb_packet_fragment(&packet, id, piece_bytes, i, piece.data, piece.cap);
		if (piece.len == 0)
			return;
		emit_one(core, &piece);
	}
}

/* Counts up from a random start; 0 is none (a raw socket would fill in a number a piece). */
static uint32_t next_fragment_id(struct hb_core *core)
{
	core->last_fragment_id++;
	if ((core->last_fragment_id & UINT16_MAX) == 0)
		core->last_fragment_id++;
	return core->last_fragment_id;
}

static void emit(struct hb_core *core, size_t len, const struct hb_way *way)
{
	if (len == 0 || core->dry_run)
		return;
	struct hb_datagram dgram = { .data = core->scratch,
				     .len = len,
				     .cap = HB_SCRATCH_SIZE,
				     .out_interface = way->interface,
				     .mark = way->mark };
	if (len <= core->mtu)
		emit_one(core, &dgram);
	else
		emit_pieces(core, &dgram, next_fragment_id(core), core->mtu);
}

void hb_out_copy(struct hb_core *core, const struct hb_datagram *dgram)
{
	if (!core->dry_run)
		emit_one(core, dgram);
}

void hb_out_whole(struct hb_core *core, const struct hb_whole *whole)
{
	if (core->dry_run)
		return;
	size_t longest = whole->piece_bytes < core->mtu ? whole->piece_bytes : core->mtu;
	emit_pieces(core, &whole->dgram, whole->id, longest);
}

/* The next number where the host counts; the honeypot's own packets count on from there. */
static uint16_t next_ip_id(struct hb_flow *flow)
{
	struct hb_iplook *look = &flow->track.look;
	if (look->ids != HB_IP_IDS_COUNT_UP)
		return 0;
	if (flow->redirect != NULL)
		flow->redirect->translation.look.id_difference++;
	return ++look->ip_id;
}

size_t hb_out_client_payload(const struct hb_core *core, const struct hb_flow *flow)
{
	size_t takes = hb_track_client_payload(&flow->track);
	uint16_t room = (uint16_t)(core->mtu - hb_flow_header_bytes(flow));
	size_t fits = hb_tcpopt_payload(room, flow->track.granted);
	return takes < fits ? takes : fits;
}

void hb_out_to_client(struct hb_core *core, struct hb_flow *flow, struct hb_build_tcp *spec)
{
	const struct hb_iplook *look = &flow->track.look;
	spec->ip.tos = (uint8_t)(look->dscp << 2);
	if (hb_addr_is_ipv4(&flow->client))
		spec->ip.ip_id = next_ip_id(flow);
	else
		spec->ip.flow_label = hb_iplook_flow_label(look);
	spec->ip.src = (struct hb_endpoint){ flow->attacked, flow->attacked_port };
	spec->ip.dst = (struct hb_endpoint){ flow->client, flow->client_port };
	spec->ip.ttl = flow->track.server_ttl;
	spec->ip.dont_fragment = true;
	struct hb_way way = hb_way_to_client(flow);
	emit(core, hb_build_tcp(core->scratch, HB_SCRATCH_SIZE, spec), &way);
}

static void address_to_server(const struct hb_flow *flow, enum hb_leg leg, struct hb_build_ip *ip)
{
	struct hb_leg_key key = hb_flow_leg(flow, leg);
	ip->src = (struct hb_endpoint){ key.client, key.client_port };
	ip->dst = (struct hb_endpoint){ key.server, key.server_port };
	ip->ttl = flow->track.client_ttl;
	ip->dont_fragment = true;
}

void hb_out_to_server(struct hb_core *core, const struct hb_flow *flow, enum hb_leg leg,
		      struct hb_build_tcp *spec)
{
	struct hb_way way = hb_way_to_server(flow, leg);
	address_to_server(flow, leg, &spec->ip);
	emit(core, hb_build_tcp(core->scratch, HB_SCRATCH_SIZE, spec), &way);
}

void hb_out_udp_to_server(struct hb_core *core, const struct hb_flow *flow, enum hb_leg leg,
			  const uint8_t *payload, size_t len)
{
	struct hb_way way = hb_way_to_server(flow, leg);
	struct hb_build_ip ip = { 0 };
	address_to_server(flow, leg, &ip);
	ip.dont_fragment = false;
	emit(core, hb_build_udp(core->scratch, HB_SCRATCH_SIZE, &ip, payload, len), &way);
}

void hb_out_reset_reply(struct hb_core *core, const struct hb_packet *packet,
			const struct hb_way *way)
{
	if (packet->tcp_flags & HB_TCP_RST)
		return;
	struct hb_build_tcp spec = {
		.ip = { .src = { packet->dst, packet->dst_port },
			.dst = { packet->src, packet->src_port },
			.ttl = 64,
			.dont_fragment = true },
		.flags = HB_TCP_RST,
		.seq = packet->ack,
	};
	if (!(packet->tcp_flags & HB_TCP_ACK)) {
		spec.flags |= HB_TCP_ACK;
		spec.seq = 0;
		spec.ack = packet->seq + hb_track_segment_len(packet);
	}
	emit(core, hb_build_tcp(core->scratch, HB_SCRATCH_SIZE, &spec), way);
}

/* The client's first turn says what it had seen of the server when it spoke. */
static bool server_spoke_first(const struct hb_flow *flow)
{
	if (flow->state != HB_STATE_DECISION || !(flow->track.flags & HB_TRACK_SYN_ACK))
		return false;
	if (flow->record != NULL && flow->record->turn_count > 0)
		return hb_seq_after(flow->record->turns[0].ack, flow->track.server_isn + 1);
	return hb_seq_after(flow->track.server_next, flow->track.server_isn + 1);
}

void hb_out_flow_info(const struct hb_core *core, const struct hb_flow *flow,
		      struct hb_flow_info *info)
{
	struct hb_leg_key leg = hb_flow_leg(flow, HB_LEG_FRONTEND);
	bool forward = flow->state == HB_STATE_FORWARD && flow->redirect != NULL;
	bool tried = forward || (flow->state == HB_STATE_REPLAY && flow->redirect != NULL);
	if (forward)
		leg = hb_flow_leg(flow, HB_LEG_BACKEND);
	if (flow->state == HB_STATE_DROPPED)
		leg = hb_flow_leg(flow, HB_LEG_CLIENT);
	int64_t wall_offset_us = core->now.wall_us - (int64_t)(core->now.mono_ns / 1000);
	*info = (struct hb_flow_info){
		.id = flow->id,
		.state = flow->state,
		.protocol = flow->protocol,
		.client = { flow->client, flow->client_port },
		.attacked = { flow->attacked, flow->attacked_port },
		.honeypot = { leg.server, leg.server_port },
		.started = { flow->started_ns,
			     (int64_t)(flow->started_ns / 1000) + wall_offset_us },
		.last_packet = { flow->last_ns, (int64_t)(flow->last_ns / 1000) + wall_offset_us },
		.packets = flow->packets,
		.bytes = flow->bytes,
		.client_packets = flow->client_packets,
		.mark = flow->mark,
		.honeypot_client_port = leg.client_port,
		.target = flow->target ? flow->target->number : 0,
	};
	if (tried)
		info->backend = flow->redirect->backend_number;
	else if (flow->flags & HB_FLOW_SUPPOSED)
		info->backend = flow->picked;
	if (!hb_flow_is_tcp(flow))
		return;
	info->client_stream_bytes = hb_track_client_bytes(&flow->track);
	info->server_stream_bytes = hb_track_server_bytes(&flow->track);
	info->server_spoke_first = server_spoke_first(flow);
}

static void event(struct hb_core *core, const struct hb_flow *flow, struct hb_event *event)
{
	if (core->ops->event == NULL)
		return;
	char trace[HB_DECIDE_TRACE_SIZE];
	event->size = sizeof(*event);
	event->time = core->now;
	hb_out_flow_info(core, flow, &event->flow);
	event->trace = hb_decide_trace(flow, trace);
	event->reason = event->reason ? event->reason : "";
	event->note = event->note ? event->note : "";
	event->module = event->module ? event->module : "";
	event->tag = hb_way_matters(flow) ? hb_way_tag(flow) : "";
	core->ops->event(core->ctx, event);
}

void hb_out_flow(struct hb_core *core, const struct hb_flow *flow, enum hb_event_kind kind,
		 const char *reason)
{
	event(core, flow, &(struct hb_event){ .kind = kind, .reason = reason });
}

void hb_out_state(struct hb_core *core, const struct hb_flow *flow, enum hb_flow_state from)
{
	event(core, flow, &(struct hb_event){ .kind = HB_EVENT_FLOW_STATE, .from_state = from });
}

void hb_out_handover(struct hb_core *core, const struct hb_flow *flow,
		     const struct hb_handover_info *info, const char *failure)
{
	struct hb_event report = { .kind = failure ? HB_EVENT_HANDOVER_FAILED : HB_EVENT_HANDOVER,
				   .reason = failure };
	if (info != NULL)
		report.handover = *info;
	event(core, flow, &report);
}

void hb_out_note(struct hb_core *core, const struct hb_flow *flow, const char *module,
		 const char *text)
{
	event(core, flow,
	      &(struct hb_event){ .kind = HB_EVENT_MODULE_NOTE, .note = text, .module = module });
}
