/* SPDX-License-Identifier: BSD-2-Clause */
#include "way.h"

#include <stdio.h>

const struct hb_backend *hb_way_starter(const struct hb_flow *flow)
{
	bool known = (flow->flags & HB_FLOW_FROM_HONEYPOT) && flow->picked != 0;
	return known ? &flow->target->backends[flow->picked - 1] : NULL;
}

const char *hb_way_tag(const struct hb_flow *flow)
{
	const struct hb_backend *backend = hb_way_starter(flow);
	bool redirected = flow->state == HB_STATE_REPLAY || flow->state == HB_STATE_FORWARD;
	if (flow->redirect != NULL && redirected)
		backend = &flow->target->backends[flow->redirect->backend_number - 1];
	else if (flow->flags & HB_FLOW_SUPPOSED)
		backend = &flow->target->backends[flow->picked - 1];
	return backend != NULL && backend->tag != NULL ? backend->tag : "";
}

const char *hb_way_backend_name(const struct hb_flow *flow, char buf[HB_WAY_NAME_SIZE])
{
	const struct hb_redirect *redirect = flow->redirect;
	const char *tag = flow->target->backends[redirect->backend_number - 1].tag;
	char text[HB_ENDPOINT_TEXT_SIZE];
	hb_endpoint_format(&redirect->translation.honeypot, text);
	snprintf(buf, HB_WAY_NAME_SIZE, "%s%s%s%s", text, tag ? " (" : "", tag ? tag : "",
		 tag ? ")" : "");
	return buf;
}

const struct hb_uplink *hb_way_uplink(const struct hb_flow *flow, uint32_t mark)
{
	if (!hb_way_matters(flow))
		return NULL;
	return hb_policy_find_uplink(flow->target->policy, mark);
}

struct hb_way hb_way_to_client(const struct hb_flow *flow)
{
	if (!hb_way_matters(flow))
		return (struct hb_way){ 0 };
	if (flow->flags & HB_FLOW_FROM_HONEYPOT) {
		const struct hb_backend *clone = hb_way_starter(flow);
		return clone ? clone->way : (struct hb_way){ 0 };
	}
	const struct hb_uplink *uplink = hb_way_uplink(flow, flow->mark);
	return (struct hb_way){ .mark = uplink ? uplink->mark : 0 };
}

struct hb_way hb_way_to_server(const struct hb_flow *flow, enum hb_leg leg)
{
	if (leg != HB_LEG_BACKEND || flow->redirect == NULL)
		return (struct hb_way){ 0 };
	return flow->redirect->translation.way;
}

bool hb_way_take(const struct hb_flow *flow, const struct hb_way *way, struct hb_datagram *dgram)
{
	if (way->interface == 0 && way->mark == 0)
		return false;
	uint32_t mask = flow->target->policy->options.uplink_mask;
	dgram->out_interface = way->interface;
	dgram->mark = (dgram->mark & ~mask) | way->mark;
	return dgram->tracked && way->interface != 0;
}
