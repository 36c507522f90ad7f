/* SPDX-License-Identifier: BSD-2-Clause */
/* The only caller of hb_ops: packets of our own, and events. */
#ifndef HB_OUT_H
#define HB_OUT_H

#include "build.h"
#include "core.h"

/* Payload of such a segment to the client: what it takes, and a link of ours carries in one packet. */
size_t hb_out_client_payload(const struct hb_core *core, const struct hb_flow *flow);

/* Packets of our own for one side of a flow; addresses, ports and TTL are those of the flow. */
void hb_out_to_client(struct hb_core *core, struct hb_flow *flow, struct hb_build_tcp *spec);
void hb_out_to_server(struct hb_core *core, const struct hb_flow *flow, enum hb_leg leg,
		      struct hb_build_tcp *spec);
void hb_out_udp_to_server(struct hb_core *core, const struct hb_flow *flow, enum hb_leg leg,
			  const uint8_t *payload, size_t len);

/* A packet that came in pieces goes on in pieces, none longer than they were. */
void hb_out_whole(struct hb_core *core, const struct hb_whole *whole);

/* A packet as it is, in place of the one that it was made of. */
void hb_out_copy(struct hb_core *core, const struct hb_datagram *dgram);

/* Answers a packet that belongs to no connection as its sender expects it (RFC 9293, 3.5.2). */
void hb_out_reset_reply(struct hb_core *core, const struct hb_packet *packet,
			const struct hb_way *way);

/* Events. */
void hb_out_flow(struct hb_core *core, const struct hb_flow *flow, enum hb_event_kind kind,
		 const char *reason);
void hb_out_state(struct hb_core *core, const struct hb_flow *flow, enum hb_flow_state from);
void hb_out_handover(struct hb_core *core, const struct hb_flow *flow,
		     const struct hb_handover_info *info, const char *failure);
void hb_out_note(struct hb_core *core, const struct hb_flow *flow, const char *module,
		 const char *text);

/* A copy of the flow's facts. */
void hb_out_flow_info(const struct hb_core *core, const struct hb_flow *flow,
		      struct hb_flow_info *info);

#endif
