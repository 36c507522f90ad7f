/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets of a session that was handed over. */
#ifndef HB_FORWARD_H
#define HB_FORWARD_H

#include "core.h"

enum hb_verdict hb_forward_client(struct hb_core *core, struct hb_flow *flow,
				  struct hb_datagram *dgram, const struct hb_packet *packet);
enum hb_verdict hb_forward_backend(struct hb_core *core, struct hb_flow *flow,
				   struct hb_datagram *dgram, const struct hb_packet *packet);

/*
 * The frontend has been reset: whatever it still sends is answered so that it forgets. An ACK that it
 * sent before, and that the client may wait for, passes.
 */
enum hb_verdict hb_forward_frontend(struct hb_core *core, struct hb_flow *flow,
				    struct hb_datagram *dgram, const struct hb_packet *packet);

#endif
