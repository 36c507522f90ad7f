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
}

static void list_append(struct hb_flow_list *list, struct hb_flow *flow)
{
	flow->older = list->newest;
	flow->newer = NULL;
	*(flow->older ? &flow->older->newer : &list->oldest) = flow;
	list->newest = flow;
}

static enum hb_rank rank_of(const struct hb_flow *flow)
{
	if (flow->state == HB_STATE_NONE)
		return HB_RANK_NONE;
	if ((flow->flags & HB_FLOW_REPORTED) || flow->state == HB_STATE_DROPPED)
		return HB_RANK_SHORT;
	bool tcp = hb_flow_is_tcp(flow);
	if (flow->state == HB_STATE_REPLAY || flow->state == HB_STATE_FORWARD)
		return tcp ? HB_RANK_REDIRECTED
			   : HB_RANK_SESSION; /* a datagram's source may be forged */
	bool established = tcp && (flow->track.flags & HB_TRACK_ESTABLISHED);
	return established ? HB_RANK_SESSION : HB_RANK_SHORT;
}

void hb_flow_rank(struct hb_flow_ranks *ranks, struct hb_flow *flow)
{
	enum hb_rank rank = rank_of(flow), before = hb_flow_rank_now(flow);
	if (rank == before)
		return;
	if (before != HB_RANK_NONE)
		list_remove(&ranks->lists[before], flow);
	flow->flags &= (uint8_t) ~(HB_FLOW_RANK_LOW | HB_FLOW_RANK_HIGH);
	if (rank & 1)
		flow->flags |= HB_FLOW_RANK_LOW;
	if (rank & 2)
		flow->flags |= HB_FLOW_RANK_HIGH;
	if (rank != HB_RANK_NONE)
		list_append(&ranks->lists[rank], flow);
}

void hb_flow_requeue(struct hb_flow_ranks *ranks, struct hb_flow *flow)
{
	struct hb_flow_list *list = &ranks->lists[hb_flow_rank_now(flow)];
	list_remove(list, flow);
	list_append(list, flow);
}

struct hb_flow *hb_flow_first_to_go(const struct hb_flow_ranks *ranks)
{
	struct hb_flow *flow = NULL;
	for (unsigned rank = HB_RANK_SHORT; rank < HB_RANK_COUNT && flow == NULL; rank++)
		flow = ranks->lists[rank].oldest;
	return flow;
}

void hb_flow_set_state(struct hb_flow_ranks *ranks, struct hb_flow *flow, enum hb_flow_state state)
{
	flow->state = (uint8_t)state;
	if (state == HB_STATE_PROXY || state == HB_STATE_FORWARD)
		flow->track.flags |= HB_TRACK_LOOSE;
	hb_flow_rank(ranks, flow);
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
	bool has_ports = flow->protocol == HB_PROTO_TCP || flow->protocol == HB_PROTO_UDP;
	if (flow->target == NULL || flow->state == HB_STATE_CONTROL ||
	    (flow->flags & (HB_FLOW_FROM_HONEYPOT | HB_FLOW_DRY_RUN))) {
		if (!has_ports)
			attacked.port = flow->leg_port;
		return attacked;
	}
	struct hb_endpoint frontend = flow->target->frontend;
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
