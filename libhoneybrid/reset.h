/* SPDX-License-Identifier: BSD-2-Clause */
/* The client's RST: whether a server would believe it (RFC 5961, 3.2), and what comes of it. */
#ifndef HB_RESET_H
#define HB_RESET_H

#include "core.h"

/* True for a RST that stands behind all that was selectively acknowledged, which counts in Linux. */
bool hb_reset_is_sacked(const struct hb_flow *flow, const struct hb_packet *packet);

/* A RST while the session is being handed over: both honeypots get one with the number that each
 * expects, or the client a challenge. */
enum hb_verdict hb_reset_from_client(struct hb_core *core, struct hb_flow *flow,
				     const struct hb_packet *packet);

#endif
