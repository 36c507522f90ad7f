/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each packet that a honeypot sends on a flow of its own is asked about. A control rule may lead the
 * flow to somebody else (hb_query_divert): then it has a second leg, and addresses and ports are
 * translated as for a session that a frontend behind a darknet serves. Nothing of such a flow goes to
 * whom the honeypot meant.
 */
#include "contain.h"

#include "decide.h"
#include "life.h"
#include "out.h"
#include "seq.h"
#include "translate.h"
#include "way.h"

enum {
	ICMP_ECHO = 8, /* RFC 792 */
	ICMP_TIMESTAMP = 13,
	ICMP_ADDRESS_MASK = 17, /* RFC 950 */
	ICMPV6_ECHO = 128,      /* RFC 4443 */
};

static bool is_let_out(struct hb_core *core, struct hb_flow *flow, const struct hb_packet *packet)
{
	const struct hb_policy *policy = flow->target->policy;
	if (policy->options.deny_hih_init && hb_policy_is_backend(policy, &flow->client))
		return false;
	/* Without a SYN it is what is left of a session that is not known any more, with an attacker
	 * who knows the honeypot under another address. */
	if (hb_flow_is_tcp(flow) && (flow->track.flags & HB_TRACK_MIDSTREAM))
		return false;
	if (hb_decide_control(core, flow, packet) != HB_DECISION_ACCEPT)
		return false;
	return hb_flow_diverted(flow) == NULL || hb_life_enter_diverted(core, flow);
}

/* The other end may be a honeypot, too: only what was let out can be answered, by who got it. */
static bool is_answer(const struct hb_match *match)
{
	bool from_asked = hb_flow_diverted(match->flow) != NULL && match->leg == HB_LEG_CLIENT;
	return (match->flow->flags & HB_FLOW_LET_OUT) && !from_asked;
}

bool hb_contain_passes(struct hb_core *core, const struct hb_match *match,
		       const struct hb_packet *packet)
{
	bool passes = match->direction == HB_FROM_CLIENT ? is_let_out(core, match->flow, packet)
							 : is_answer(match);
	if (passes)
		match->flow->flags |= HB_FLOW_LET_OUT;
	else
		core->counters.contained++;
	return passes;
}

enum hb_verdict hb_contain_lead(const struct hb_match *match, struct hb_datagram *dgram,
				const struct hb_packet *packet)
{
	struct hb_way way = hb_way_to_client(match->flow);
	struct hb_edit edit;
	hb_edit_begin(&edit, dgram, packet);
	if (match->direction == HB_FROM_SERVER)
		edit.changed |= hb_way_take(match->flow, &way, dgram);
	return hb_edit_finish(&edit);
}

static enum hb_verdict judge(struct hb_core *core, const struct hb_match *match,
			     struct hb_datagram *dgram, const struct hb_packet *packet)
{
	struct hb_flow *flow = match->flow;
	if (!hb_contain_passes(core, match, packet))
		return HB_DROP;
	if (!hb_flow_is_rewritten(flow))
		return hb_contain_lead(match, dgram, packet);
	struct hb_translation translation = hb_translate_frontend(flow);
	struct hb_edit edit;
	hb_edit_begin(&edit, dgram, packet);
	if (match->direction == HB_FROM_CLIENT)
		hb_translate_to_honeypot(&edit, flow, &translation);
	else
		hb_translate_to_client(&edit, flow, &translation);
	return hb_edit_finish(&edit);
}

/* Payload bytes that the peer takes in one segment, and that a link carries. */
static size_t segment_bytes(const struct hb_core *core, const struct hb_flow *flow,
			    const struct hb_packet *packet)
{
	size_t room = core->mtu - packet->payload_offset;
	size_t taken = hb_track_client_payload(&flow->track);
	return taken < room ? taken : room;
}

/*
 * How many packets a device makes of a super-packet, its sender has chosen and we are not told. So
 * segments are made here, and each of them is asked about; other protocols have none that could be
 * made alike.
 */
static enum hb_verdict judge_segments(struct hb_core *core, const struct hb_match *match,
				      const struct hb_datagram *dgram,
				      const struct hb_packet *packet)
{
	size_t each = segment_bytes(core, match->flow, packet);
	uint8_t *buf = core->scratch + HB_SCRATCH_SIZE;
	size_t i = 0, len;
	for (; (len = hb_packet_segment(packet, each, i, buf, HB_SCRATCH_SIZE)) > 0; i++) {
		struct hb_datagram piece = {
			.data = buf,
			.len = len,
			.cap = HB_SCRATCH_SIZE,
			.in_interface = dgram->in_interface,
			.mark = dgram->mark,
			.tracked = dgram->tracked,
		};
		struct hb_packet segment;
		if (hb_packet_parse(buf, len, &segment) == 0 &&
		    judge(core, match, &piece, &segment) != HB_DROP)
			hb_out_copy(core, &piece);
	}
	if (i == 0)
		core->counters.contained++;
	return HB_DROP;
}

static enum hb_verdict judge_all(struct hb_core *core, const struct hb_match *match,
				 struct hb_datagram *dgram, const struct hb_packet *packet)
{
	return dgram->gso && match->direction == HB_FROM_CLIENT
		       ? judge_segments(core, match, dgram, packet)
		       : judge(core, match, dgram, packet);
}

/* What is sent must suit both ends: a smaller segment than either takes is never wrong. */
static void note_server_mss(struct hb_track *track, const struct hb_packet *packet)
{
	uint16_t mss = packet->options.mss;
	if ((packet->tcp_flags & HB_TCP_SYN) && mss > 0 &&
	    (track->client_mss == 0 || mss < track->client_mss))
		track->client_mss = mss;
}

bool hb_contain_is_question(const struct hb_packet *packet)
{
	if (!packet->has_l4)
		return false;
	if (packet->protocol == HB_PROTO_ICMPV6)
		return packet->icmp_type == ICMPV6_ECHO;
	return packet->protocol == HB_PROTO_ICMP &&
	       (packet->icmp_type == ICMP_ECHO || packet->icmp_type == ICMP_TIMESTAMP ||
		packet->icmp_type == ICMP_ADDRESS_MASK);
}

/*
 * SYN-ACKs, RSTs and bare ACKs; data only for who could know the number that a SYN-ACK had. Where no
 * SYN was seen a single packet may be forged: one window, as it says, may be answered to it. Where
 * sessions look like one, each has sent a SYN, and who follows only one knows no numbers of the others.
 */
static bool is_part_of_session(const struct hb_flow *flow, const struct hb_packet *packet)
{
	const struct hb_track *track = &flow->track;
	uint32_t end = packet->seq + (uint32_t)packet->payload_len;
	bool took_early = track->granted & HB_TCPOPT_FOREIGN; /* fast open: it may answer */
	if ((packet->tcp_flags & (HB_TCP_SYN | HB_TCP_ACK)) == HB_TCP_SYN)
		return false;
	if (packet->payload_len == 0 ||
	    (track->flags & (HB_TRACK_ESTABLISHED | HB_TRACK_CLIENT_REAL)))
		return true;
	if (!(track->flags & HB_TRACK_MIDSTREAM) && !(flow->flags & HB_FLOW_SHARED))
		return took_early;
	return flow->client_packets > 1 ||
	       (hb_seq_at_or_after(packet->seq, track->client_ack) &&
		hb_seq_at_or_before(end, track->client_ack + track->client_window));
}

bool hb_contain_is_own_idea(const struct hb_flow *flow, const struct hb_packet *packet)
{
	if (hb_contain_is_question(packet))
		return true;
	/* A capture may lack what made it an answer, and nobody is let out there. */
	unsigned exempt = HB_FLOW_FROM_HONEYPOT | HB_FLOW_DRY_RUN;
	return hb_flow_is_tcp(flow) && packet->has_l4 && !(flow->flags & exempt) &&
	       !is_part_of_session(flow, packet);
}

enum hb_verdict hb_contain_start(struct hb_core *core, struct hb_datagram *dgram,
				 const struct hb_packet *packet, const struct hb_target *target)
{
	struct hb_origin origin = { .target = target, .mark = dgram->mark, .from_honeypot = true };
	struct hb_flow *flow = NULL;
	/* One that has the address of clones, and comes from where none of them is, is nobody's. */
	if (hb_policy_tell_clone(core->policy, &packet->src, dgram->in_interface, &origin.target,
				 &origin.clone))
		flow = hb_life_start(core, packet, &origin);
	if (flow == NULL) {
		core->counters.contained++;
		return HB_DROP;
	}
	hb_life_set_state(core, flow, HB_STATE_CONTROL);
	hb_life_arm(core, flow);
	struct hb_match match = { flow, HB_LEG_CLIENT, HB_FROM_CLIENT };
	return judge_all(core, &match, dgram, packet);
}

enum hb_verdict hb_contain_packet(struct hb_core *core, const struct hb_match *match,
				  struct hb_datagram *dgram, const struct hb_packet *packet)
{
	struct hb_flow *flow = match->flow;
	if (packet->protocol == HB_PROTO_TCP && packet->has_l4) { /* not an ICMP error about it */
		if (match->direction == HB_FROM_CLIENT) {
			hb_track_client(&flow->track, packet);
		} else {
			note_server_mss(&flow->track, packet);
			hb_track_server(&flow->track, packet,
					hb_flow_age_ms(flow, core->now.mono_ns));
		}
	}
	return judge_all(core, match, dgram, packet);
}
