/* SPDX-License-Identifier: BSD-2-Clause */
#include "contain.h"

#include "decide.h"
#include "life.h"

enum {
	ICMP_ECHO = 8, /* RFC 792 */
	ICMP_TIMESTAMP = 13,
	ICMP_ADDRESS_MASK = 17, /* RFC 950 */
	ICMPV6_ECHO = 128,      /* RFC 4443 */
};

static enum hb_verdict judge(struct hb_core *core, struct hb_flow *flow,
			     const struct hb_packet *packet)
{
	const struct hb_policy *policy = flow->target->policy;
	bool denied = policy->options.deny_hih_init && hb_policy_is_backend(policy, &flow->client);
	/* Without a SYN it is what is left of a session that is not known any more, with an attacker
	 * who knows the honeypot under another address. */
	denied = denied || (hb_flow_is_tcp(flow) && (flow->track.flags & HB_TRACK_MIDSTREAM));
	if (!denied && hb_decide_control(core, flow, packet) == HB_DECISION_ACCEPT) {
		flow->flags |= HB_FLOW_LET_OUT;
		return HB_ACCEPT;
	}
	core->counters.contained++;
	return HB_DROP;
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

enum hb_verdict hb_contain_start(struct hb_core *core, const struct hb_packet *packet,
				 const struct hb_target *target, uint32_t mark)
{
	struct hb_flow *flow = hb_life_start(core, packet, target, true, mark);
	if (flow == NULL) {
		core->counters.contained++;
		return HB_DROP;
	}
	hb_life_set_state(core, flow, HB_STATE_CONTROL);
	hb_life_arm(core, flow);
	return judge(core, flow, packet);
}

enum hb_verdict hb_contain_packet(struct hb_core *core, struct hb_flow *flow,
				  const struct hb_packet *packet, enum hb_direction direction)
{
	if (packet->protocol == HB_PROTO_TCP && packet->has_l4) { /* not an ICMP error about it */
		if (direction == HB_FROM_CLIENT)
			hb_track_client(&flow->track, packet);
		else
			hb_track_server(&flow->track, packet,
					hb_flow_age_ms(flow, core->now.mono_ns));
	}
	if (direction == HB_FROM_CLIENT)
		return judge(core, flow, packet);
	/* The other end may be a honeypot, too: only what was let out can be answered. */
	if (flow->flags & HB_FLOW_LET_OUT)
		return HB_ACCEPT;
	core->counters.contained++;
	return HB_DROP;
}
