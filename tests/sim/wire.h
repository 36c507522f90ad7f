/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts TCP segments on the wire. Made apart from the engine's own builder, so that both are
 * checked. */
#ifndef WIRE_H
#define WIRE_H

#include <honeybrid/packet.h>

#define WIRE_MTU 1500

struct wire_segment {
	struct hb_endpoint src, dst;
	uint32_t seq, ack;
	uint8_t flags, ttl;
	uint16_t window, ip_id;
	struct hb_tcp_options options; /* those in .present are written */
	const uint8_t *payload;
	size_t payload_len;
};

/* Writes the whole packet with right checksums and returns its length. */
size_t wire_write(uint8_t buf[WIRE_MTU], const struct wire_segment *segment);

#endif
