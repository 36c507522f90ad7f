/* SPDX-License-Identifier: BSD-2-Clause */
/* ICMP errors about packets of known flows. */
#ifndef HB_ICMP_H
#define HB_ICMP_H

#include "core.h"

enum hb_verdict hb_icmp_error(struct hb_core *core, struct hb_datagram *dgram,
			      const struct hb_packet *packet);

#endif
