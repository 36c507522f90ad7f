/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts TCP segments on the wire. Made apart from the engine's own builder, so that both are
 * checked. */
#ifndef WIRE_H
#define WIRE_H

#include <honeybrid/packet.h>

#define WIRE_MTU 1500
#define WIRE_MAX 65535 /* of a super-packet */

/* What a sender leaves to its network device. */
struct wire_offload {
	uint16_t gso_size; /* payload of a segment; 0: it is one */
	bool partial;      /* the checksum */
	uint16_t pieces;   /* it comes in IP fragments of at most so many bytes; 0: whole */
};

struct wire_segment {
	struct hb_endpoint src, dst;
	uint32_t seq, ack;
	uint8_t flags, ttl, tos;
	uint16_t window, urgent, ip_id;
	struct hb_tcp_options options; /* those in .present are written */
	uint8_t raw_options[24];       /* raw_len bytes instead, a multiple of 4 */
	size_t raw_len;
	bool bad_checksum;
	const uint8_t *payload;
	size_t payload_len;
};

/* Writes the whole packet with right checksums and returns its length. */
size_t wire_write(uint8_t buf[WIRE_MAX], const struct wire_segment *segment);

/*
 * Writes fragment i of a packet without extension headers; returns its length, 0 behind the last.
 * @id  for IPv6
 */
size_t wire_cut(const struct hb_packet *packet, size_t piece_bytes, size_t i, uint32_t id,
		uint8_t buf[WIRE_MTU]);

/* Fragments that come one after the other, in order, are put together. */
struct wire_joiner {
	uint8_t data[WIRE_MAX];
	size_t len, head_len, pieces;
};

/* True if the packet is whole now: in data, of len bytes. */
bool wire_join(struct wire_joiner *joiner, const struct hb_packet *piece);

/* Takes hops off the TTL. False: it ends on the way. */
bool wire_hop(uint8_t *buf, unsigned hops);

/* Says that the network was congested (CE), where its sender knows what that means. */
bool wire_mark(uint8_t *buf);

/* Puts the checksums of a packet right that was changed. */
void wire_sum(uint8_t *buf, size_t len);

#endif
