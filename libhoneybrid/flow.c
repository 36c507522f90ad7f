/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow.h"

#include "target.h"

#define NS_PER_MS UINT64_C(1000000)

static const char *const state_names[] = {
	[HB_STATE_NONE] = "NONE",         [HB_STATE_INIT] = "INIT",
	[HB_STATE_DECISION] = "DECISION", [HB_STATE_REPLAY] = "REPLAY",
	[HB_STATE_FORWARD] = "FORWARD",   [HB_STATE_PROXY] = "PROXY",
	[HB_STATE_DROPPED] = "DROPPED",   [HB_STATE_CONTROL] = "CONTROL",
};
static_assert(sizeof(state_names) / sizeof(*state_names) == HB_STATE_COUNT, "a name a state");

const char *hb_flow_state_name(enum hb_flow_state state)
{
	return (unsigned)state < HB_STATE_COUNT ? state_names[state] : state_names[HB_STATE_NONE];
}

static void list_remove(struct hb_flow_list *list, struct hb_flow *flow)
{
	*(flow->older ? &flow->older->newer : &list->oldest) = flow->newer;
	*(flow->newer ? &flow->newer->older : &list->newest) = flow->older;
	flow->older = NULL;
	flow->newer = NULL;
	flow->flags &= (uint8_t)~HB_FLOW_UNDECIDED;
}

static void list_append(struct hb_flow_list *list, struct hb_flow *flow)
{
	flow->older = list->newest;
	flow->newer = NULL;
	*(flow->older ? &flow->older->newer : &list->oldest) = flow;
	list->newest = flow;
	flow->flags |= HB_FLOW_UNDECIDED;
}

/* Which flows may give way at a limit: a session that is or was handed over cannot be rebuilt. */
static bool is_undecided(enum hb_flow_state state)
{
	return state != HB_STATE_NONE && state != HB_STATE_REPLAY && state != HB_STATE_FORWARD;
}

void hb_flow_set_state(struct hb_flow_list *undecided, struct hb_flow *flow,
		       enum hb_flow_state state)
{
	bool listed = flow->flags & HB_FLOW_UNDECIDED;
	flow->state = (uint8_t)state;
	if (state == HB_STATE_PROXY || state == HB_STATE_FORWARD)
		flow->track.flags |= HB_TRACK_LOOSE;
	if (listed && !is_undecided(state))
		list_remove(undecided, flow);
	else if (!listed && is_undecided(state))
		list_append(undecided, flow);
}

uint32_t hb_flow_age_ms(const struct hb_flow *flow, uint64_t now_ns)
{
	return (uint32_t)((now_ns - flow->started_ns) / NS_PER_MS);
}

bool hb_flow_records(const struct hb_flow *flow)
{
	return flow->state == HB_STATE_DECISION && !(flow->record && flow->record->given_up);
}

/* Who serves the flow as long as no backend does. */
static struct hb_endpoint frontend_of(const struct hb_flow *flow)
{
	struct hb_endpoint attacked = { flow->attacked, flow->attacked_port };
	const struct hb_endpoint *diverted = hb_flow_diverted(flow);
	if (diverted != NULL) {
		uint16_t port = diverted->port ? diverted->port : flow->attacked_port;
		return (struct hb_endpoint){ diverted->addr, port };
	}
	if (flow->target == NULL || flow->state == HB_STATE_CONTROL ||
	    (flow->flags & (HB_FLOW_FROM_HONEYPOT | HB_FLOW_DRY_RUN)))
		return attacked;
	struct hb_endpoint frontend = flow->target->frontend;
	bool has_ports = flow->protocol == HB_PROTO_TCP || flow->protocol == HB_PROTO_UDP;
	if (!has_ports)
		frontend.port = flow->leg_port; /* an echo's identifier: both sides have the same */
	else if (frontend.port == 0)
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
	if (leg == HB_LEG_BACKEND && flow->redirect != NULL) {
		server = flow->redirect->translation.honeypot;
		key.client_port = flow->redirect->translation.client_port;
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
