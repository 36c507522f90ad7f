/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets of a flow that the frontend serves, and the question whether it should go on so. */
#ifndef HB_PROXY_H
#define HB_PROXY_H

#include "core.h"

enum hb_verdict hb_proxy_client(struct hb_core *core, struct hb_flow *flow,
				struct hb_datagram *dgram, const struct hb_packet *packet);
/* A packet of the client's that its receiver will refuse: goes on, and changes nothing here. */
enum hb_verdict hb_proxy_unseen(const struct hb_flow *flow, struct hb_datagram *dgram,
				const struct hb_packet *packet);

/*
 * True for a packet that opens another session than the flow's. Behind DNAT all sessions from one
 * port of the client's are one flow for us, whatever addresses of the network they attack: the
 * tracker tells them apart, and we cannot. Then none of them may be handed over (rule 20), and the
 * flow, HB_FLOW_SHARED from then on, ends when nothing comes any more.
 */
bool hb_proxy_shares_leg(const struct hb_flow *flow, const struct hb_datagram *dgram,
			 const struct hb_packet *packet);

/* One whose IP header says so: nobody gets to know its data, and while a session is handed over, too. */
enum hb_verdict hb_proxy_refused(const struct hb_flow *flow, struct hb_datagram *dgram,
				 const struct hb_packet *packet);

/*
 * A packet of the client's that would not live to see the frontend: goes on as far as that is sure,
 * also while and after the session is handed over.
 */
enum hb_verdict hb_proxy_dying(const struct hb_flow *flow, struct hb_datagram *dgram,
			       const struct hb_packet *packet);

enum hb_verdict hb_proxy_frontend(struct hb_core *core, struct hb_flow *flow,
				  struct hb_datagram *dgram, const struct hb_packet *packet);

#endif
