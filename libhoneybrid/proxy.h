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

enum hb_verdict hb_proxy_frontend(struct hb_core *core, struct hb_flow *flow,
				  struct hb_datagram *dgram, const struct hb_packet *packet);

#endif
