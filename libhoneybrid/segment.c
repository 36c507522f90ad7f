/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cuts a TCP super-packet as a network device would: the header is repeated, sequence number and
 * IPv4 identification count on, FIN and PSH stay with the last piece, CWR with the first.
 */
#include <honeybrid/packet.h>

#include "bytes.h"
#include "checksum.h"

#include <string.h>

enum {
	IPV4_LENGTH = 2,
	IPV4_ID = 4,
	IPV6_LENGTH = 4,
	IPV6_HEADER = 40,
	TCP_SEQ = 4,
	TCP_FLAGS = 13,
};

static void write_lengths(uint8_t *buf, const struct hb_packet *packet, size_t len, uint16_t index)
{
	if (packet->ip_version == 6) {
		hb_put_be16(buf + IPV6_LENGTH, (uint16_t)(len - IPV6_HEADER));
		return;
	}
	hb_put_be16(buf + IPV4_LENGTH, (uint16_t)len);
	hb_put_be16(buf + IPV4_ID, (uint16_t)(packet->ip_id + index));
	hb_checksum_fill_ipv4(buf, (size_t)(buf[0] & 15) * 4);
}

static uint8_t flags_of(const struct hb_packet *packet, bool first, bool last)
{
	uint8_t flags = packet->tcp_flags;
	if (!first)
		flags &= (uint8_t)~HB_TCP_CWR;
	if (!last)
		flags &= (uint8_t) ~(HB_TCP_FIN | HB_TCP_PSH);
	return flags;
}

size_t hb_packet_segment(const struct hb_packet *packet, size_t segment_bytes, size_t index,
			 uint8_t *buf, size_t cap)
{
	size_t header = packet->payload_offset;
	size_t start = index * segment_bytes;
	if (packet->protocol != HB_PROTO_TCP || !packet->has_l4 || segment_bytes == 0 ||
	    start >= packet->payload_len)
		return 0;
	size_t len = packet->payload_len - start;
	if (len > segment_bytes)
		len = segment_bytes;
	if (header + len > cap)
		return 0;
	memcpy(buf, packet->data, header);
	memcpy(buf + header, packet->data + header + start, len);
	write_lengths(buf, packet, header + len, (uint16_t)index);
	uint8_t *tcp = buf + packet->l4_offset;
	hb_put_be32(tcp + TCP_SEQ, packet->seq + (uint32_t)start);
	tcp[TCP_FLAGS] = flags_of(packet, start == 0, start + len == packet->payload_len);
	struct hb_packet piece;
	if (hb_packet_parse(buf, header + len, &piece) != 0)
		return 0;
	hb_checksum_fill_l4(buf, &piece);
	return header + len;
}
