/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow.h"

#include "core.h"
#include "handover.h"
#include "out.h"
#include "target.h"

static const char *const state_names[] = {
	[HB_STATE_NONE] = "NONE",	  [HB_STATE_INIT] = "INIT",
	[HB_STATE_DECISION] = "DECISION", [HB_STATE_REPLAY] = "REPLAY",
	[HB_STATE_FORWARD] = "FORWARD",	  [HB_STATE_PROXY] = "PROXY",
	[HB_STATE_DROPPED] = "DROPPED",	  [HB_STATE_CONTROL] = "CONTROL",
};
static_assert(sizeof(state_names) / sizeof(*state_names) == HB_STATE_COUNT, "a name a state");

const char *hb_flow_state_name(enum hb_flow_state state)
{
	return (unsigned)state < HB_STATE_COUNT ? state_names[state] : state_names[HB_STATE_NONE];
}

static void list_remove(struct hb_core *core, struct hb_flow *flow)
{
	*(flow->older ? &flow->older->newer : &core->oldest_undecided) = flow->newer;
	*(flow->newer ? &flow->newer->older : &core->newest_undecided) = flow->older;
	flow->older = NULL;
	flow->newer = NULL;
	flow->flags &= (uint8_t)~HB_FLOW_UNDECIDED;
}

static void list_append(struct hb_core *core, struct hb_flow *flow)
{
	flow->older = core->newest_undecided;
	flow->newer = NULL;
	*(flow->older ? &flow->older->newer : &core->oldest_undecided) = flow;
	core->newest_undecided = flow;
	flow->flags |= HB_FLOW_UNDECIDED;
}

/* Which flows give way first at a limit: all but those that a honeypot really serves. */
static bool is_undecided(enum hb_flow_state state)
{
	return state == HB_STATE_INIT || state == HB_STATE_DECISION || state == HB_STATE_DROPPED;
}

void hb_flow_set_state(struct hb_core *core, struct hb_flow *flow, enum hb_flow_state state)
{
	enum hb_flow_state from = flow->state;
	bool listed = flow->flags & HB_FLOW_UNDECIDED;
	flow->state = (uint8_t)state;
	if (listed && !is_undecided(state))
		list_remove(core, flow);
	else if (!listed && is_undecided(state))
		list_append(core, flow);
	if (from != state && from != HB_STATE_NONE && state != HB_STATE_NONE)
		hb_out_state(core, flow, from);
}

uint32_t hb_flow_age_ms(const struct hb_core *core, const struct hb_flow *flow)
{
	return (uint32_t)((core->now.mono_ns - flow->started_ns) / HB_NS_PER_MS);
}

bool hb_flow_records(const struct hb_flow *flow)
{
	return flow->state == HB_STATE_DECISION && !(flow->record && flow->record->given_up);
}

/* Who serves the flow as long as no backend does. */
static struct hb_endpoint frontend_of(const struct hb_flow *flow)
{
	struct hb_endpoint attacked = { flow->attacked, flow->attacked_port };
	if (flow->target == NULL || flow->state == HB_STATE_CONTROL ||
	    (flow->flags & HB_FLOW_FROM_HONEYPOT))
		return attacked;
	struct hb_endpoint frontend = flow->target->frontend;
	if (frontend.port == 0 || flow->protocol == HB_PROTO_ICMP ||
	    flow->protocol == HB_PROTO_ICMPV6)
		frontend.port = flow->attacked_port;
	return frontend;
}

struct hb_leg_key hb_flow_leg(const struct hb_flow *flow, enum hb_leg leg)
{
	struct hb_leg_key key = { flow->client, flow->attacked, flow->client_port,
				  flow->attacked_port, flow->protocol };
	if (leg == HB_LEG_CLIENT)
		return key;
	struct hb_endpoint server = frontend_of(flow);
	key.client_port = flow->leg_port;
	if (leg == HB_LEG_BACKEND && flow->handover != NULL) {
		server = flow->handover->translation.honeypot;
		key.client_port = flow->handover->translation.client_port;
	}
	key.server = server.addr;
	key.server_port = server.port;
	return key;
}

bool hb_flow_is_identity(const struct hb_flow *flow)
{
	struct hb_endpoint frontend = frontend_of(flow);
	return frontend.port == flow->attacked_port && flow->leg_port == flow->client_port &&
	       hb_addr_equal(&frontend.addr, &flow->attacked);
}
