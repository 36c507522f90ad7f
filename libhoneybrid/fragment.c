/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cuts a packet as a router (IPv4) or its sender (IPv6) would. The headers that routers read are
 * repeated in every piece: all of IPv4's, options too (those that RFC 791 would leave out of later
 * pieces are harmless there); of IPv6 those up to the last hop-by-hop or routing header.
 */
#include <honeybrid/packet.h>

#include "bytes.h"
#include "checksum.h"

#include <string.h>

enum {
	IPV4_LENGTH = 2,
	IPV4_ID = 4,
	IPV4_FRAGMENT = 6,
	IPV4_MORE = 0x2000,
	IPV6_HEADER = 40,
	IPV6_LENGTH = 4,
	IPV6_NEXT_HEADER = 6,
	IPV6_FRAGMENT_HEADER = 8,
	NEXT_HOP_BY_HOP = 0,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_DESTINATION = 60,
};

/* The part of a packet that every piece repeats. */
struct head {
	size_t len;
	size_t link; /* IPv6: the byte that says what follows it */
};

/* Extension headers were checked by the parser; what it stopped at is transport. */
static struct head head_of(const struct hb_packet *packet)
{
	const uint8_t *data = packet->data;
	struct head head = { packet->l4_offset, 0 };
	if (packet->ip_version == 4)
		return head;
	head = (struct head){ IPV6_HEADER, IPV6_NEXT_HEADER };
	size_t at = IPV6_HEADER;
	uint8_t next = data[IPV6_NEXT_HEADER];
	while (at + 8 <= packet->l4_offset &&
	       (next == NEXT_HOP_BY_HOP || next == NEXT_ROUTING || next == NEXT_DESTINATION)) {
		size_t end = at + (data[at + 1] + (size_t)1) * 8;
		if (next != NEXT_DESTINATION)
			head = (struct head){ end, at };
		next = data[at];
		at = end;
	}
	return head;
}

static void write_ipv4(uint8_t *buf, const struct hb_packet *packet, uint32_t id, size_t len,
		       size_t start, bool last)
{
	uint16_t flags = packet->dont_fragment ? 0x4000 : 0;
	if (!last)
		flags |= IPV4_MORE;
	hb_put_be16(buf + IPV4_LENGTH, (uint16_t)len);
	if (packet->ip_id == 0)
		hb_put_be16(buf + IPV4_ID, (uint16_t)id);
	hb_put_be16(buf + IPV4_FRAGMENT, (uint16_t)(flags | start / 8));
	hb_checksum_fill_ipv4(buf, packet->l4_offset);
}

static void write_ipv6(uint8_t *buf, const struct head *head, uint32_t id, size_t len, size_t start,
		       bool last)
{
	uint8_t *fragment = buf + head->len;
	fragment[0] = buf[head->link];
	fragment[1] = 0;
	hb_put_be16(fragment + 2, (uint16_t)(start | (last ? 0 : 1)));
	hb_put_be32(fragment + 4, id);
	buf[head->link] = NEXT_FRAGMENT;
	hb_put_be16(buf + IPV6_LENGTH, (uint16_t)(len - IPV6_HEADER));
}

static size_t copy_whole(const struct hb_packet *packet, size_t index, uint8_t *buf, size_t cap)
{
	if (index > 0 || packet->len > cap)
		return 0;
	memcpy(buf, packet->data, packet->len);
	return packet->len;
}

size_t hb_packet_fragment(const struct hb_packet *packet, uint32_t id, size_t piece_bytes,
			  size_t index, uint8_t *buf, size_t cap)
{
	if (packet->len <= piece_bytes)
		return copy_whole(packet, index, buf, cap);
	struct head head = head_of(packet);
	size_t extra = packet->ip_version == 6 ? IPV6_FRAGMENT_HEADER : 0;
	size_t total = packet->len - head.len;
	if (piece_bytes < head.len + extra + 8)
		return 0;
	size_t step = (piece_bytes - head.len - extra) & ~(size_t)7;
	size_t start = index * step;
	if (start >= total)
		return 0;
	bool last = total - start <= step;
	size_t data_len = last ? total - start : step;
	size_t len = head.len + extra + data_len;
	if (len > cap)
		return 0;
	memcpy(buf, packet->data, head.len);
	memcpy(buf + head.len + extra, packet->data + head.len + start, data_len);
	if (packet->ip_version == 6)
		write_ipv6(buf, &head, id, len, start, last);
	else
		write_ipv4(buf, packet, id, len, start, last);
	return len;
}
