/* SPDX-License-Identifier: BSD-2-Clause */
#include "contain.h"

#include "decide.h"
#include "life.h"

static enum hb_verdict judge(struct hb_core *core, struct hb_flow *flow,
			     const struct hb_packet *packet)
{
	bool denied = flow->target->policy->options.deny_hih_init;
	if (!denied && hb_decide_control(core, flow, packet) == HB_DECISION_ACCEPT)
		return HB_ACCEPT;
	core->counters.contained++;
	return HB_DROP;
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
	if (flow->protocol == HB_PROTO_TCP && packet->has_l4) {
		if (direction == HB_FROM_CLIENT)
			hb_track_client(&flow->track, packet);
		else
			hb_track_server(&flow->track, packet,
					hb_flow_age_ms(flow, core->now.mono_ns));
	}
	return direction == HB_FROM_CLIENT ? judge(core, flow, packet) : HB_ACCEPT;
}
