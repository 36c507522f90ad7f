/* SPDX-License-Identifier: BSD-2-Clause */
/* Link layers of captures: where the IP packet lies in a frame. */
#ifndef HB_LINK_H
#define HB_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True if frames of this type (a DLT_ number of libpcap's) can be read. */
bool hb_link_known(int type);

/* Names those that can, for a message: one sentence's part. The text is static. */
const char *hb_link_names(void);

/*
 * Looks for the IP packet in a frame, behind VLAN tags, MPLS labels, PPPoE and PPP. Tunnels over IP
 * are not looked into.
 *
 * @len     what was captured of the frame.
 * @offset  gets where the packet starts, which is inside the frame.
 * Returns  false if the frame has none, or was cut before it.
 */
bool hb_link_find_ip(int type, const uint8_t *frame, size_t len, size_t *offset);

#endif
