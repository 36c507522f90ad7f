/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where packets come from and how they leave, if that is more than an address: uplinks, told by a mark,
 * and clones, told by an interface. A packet goes to the client or to a honeypot, so one field of its
 * mark does for both.
 */
#ifndef HB_WAY_H
#define HB_WAY_H

#include "flow.h"
#include "target.h"

/* True if the flow's policy has uplinks or clones: else its packets leave as the routes say. */
static inline bool hb_way_matters(const struct hb_flow *flow)
{
	return flow->target != NULL && flow->target->by_place;
}

/* The clone that started the flow; NULL: it was somebody else. */
const struct hb_backend *hb_way_starter(const struct hb_flow *flow);

/* The tag of the clone that started the flow, serves it or is being tried; "" if it is none. */
const char *hb_way_tag(const struct hb_flow *flow);

/* The backend that a flow has a leg to, for people: its address and port, and the tag of a clone. */
#define HB_WAY_NAME_SIZE (HB_ENDPOINT_TEXT_SIZE + HB_CLONE_TAG_MAX + 3)
const char *hb_way_backend_name(const struct hb_flow *flow, char buf[HB_WAY_NAME_SIZE]);

/* The uplink that a packet with this mark comes by, as the flow's policy has it; NULL: none. */
const struct hb_uplink *hb_way_uplink(const struct hb_flow *flow, uint32_t mark);

/* How a packet leaves for the flow's client. */
struct hb_way hb_way_to_client(const struct hb_flow *flow);

/* How one leaves for whom a leg leads to. */
struct hb_way hb_way_to_server(const struct hb_flow *flow, enum hb_leg leg);

/*
 * Sends a packet of the flow a way. One that is not said leaves the datagram as it is.
 * Returns true if it must start anew from here: where packets are tracked they were routed already, to
 * any of the clones. Of what goes to a client the tracker knows the mark, and its address there: that
 * must not start anew for the mark alone.
 */
bool hb_way_take(const struct hb_flow *flow, const struct hb_way *way, struct hb_datagram *dgram);

#endif
