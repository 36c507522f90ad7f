/* SPDX-License-Identifier: BSD-2-Clause */
#include "checksum.h"

#include "bytes.h"

#include <endian.h>
#include <string.h>

/* Adds with the carry brought round, so that nothing is lost modulo 2^64 - 1. */
static inline uint64_t add_carry(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

static inline uint64_t load(const uint8_t *data)
{
	uint64_t word;

	memcpy(&word, data, sizeof(word));
	return word;
}

/* The last 0 to 7 bytes, in shorter words: at most 33 bits. No memcpy() of a length that varies. */
static inline uint64_t load_tail(const uint8_t *data, size_t len)
{
	uint32_t four = 0;
	uint16_t two = 0, one = 0;

	if (len & 4)
		memcpy(&four, data, sizeof(four));
	if (len & 2)
		memcpy(&two, data + (len & 4), sizeof(two));
	if (len & 1)
		memcpy(&one, data + (len & 6), 1); /* the pad byte behind it is 0 */
	return (uint64_t)four + two + one;
}

/*
 * The sum does not care for the order of the bytes in a word as long as it is the same for all (RFC
 * 1071, 2B): words are added as the machine reads them, and the folded result is swapped once.
 */
uint64_t hb_checksum_add(uint64_t sum, const uint8_t *data, size_t len)
{
	uint64_t even = 0, odd = 0;

	for (; len >= 32; len -= 32, data += 32) {
		even = add_carry(even, load(data));
		odd = add_carry(odd, load(data + 8));
		even = add_carry(even, load(data + 16));
		odd = add_carry(odd, load(data + 24));
	}
	for (; len >= 8; len -= 8, data += 8)
		even = add_carry(even, load(data));
	even = add_carry(even, load_tail(data, len));
	return sum + be16toh(hb_checksum_fold(add_carry(even, odd)));
}

uint16_t hb_checksum_fold(uint64_t sum)
{
	sum = (sum >> 32) + (sum & UINT32_MAX);
	sum = (sum >> 32) + (sum & UINT32_MAX);
	sum = (sum >> 16) + (sum & UINT16_MAX);
	sum = (sum >> 16) + (sum & UINT16_MAX);
	return (uint16_t)sum;
}

uint64_t hb_checksum_pseudo(const struct hb_addr *src, const struct hb_addr *dst, uint8_t protocol,
			    uint32_t len)
{
	size_t skip = hb_addr_is_ipv4(src) ? 12 : 0;
	uint64_t sum = (uint64_t)protocol + len;

	sum = hb_checksum_add(sum, src->bytes + skip, sizeof(src->bytes) - skip);
	return hb_checksum_add(sum, dst->bytes + skip, sizeof(dst->bytes) - skip);
}

uint16_t hb_checksum_update16(uint16_t field, uint16_t old_word, uint16_t new_word)
{
	uint64_t sum = (uint64_t)(field ^ UINT16_MAX) + (old_word ^ UINT16_MAX) + new_word;

	return hb_checksum_fold(sum) ^ UINT16_MAX;
}

uint16_t hb_checksum_update32(uint16_t field, uint32_t old_value, uint32_t new_value)
{
	uint64_t sum = (uint64_t)(field ^ UINT16_MAX) + (old_value ^ UINT32_MAX) + new_value;

	return hb_checksum_fold(sum) ^ UINT16_MAX;
}

void hb_checksum_fill_ipv4(uint8_t *header, size_t header_len)
{
	hb_put_be16(header + 10, 0);
	hb_put_be16(header + 10,
		    hb_checksum_fold(hb_checksum_add(0, header, header_len)) ^ UINT16_MAX);
}

size_t hb_checksum_l4_offset(const struct hb_packet *packet)
{
	if (!packet->has_l4)
		return 0;
	switch (packet->protocol) {
	case HB_PROTO_TCP:
		return packet->l4_offset + 16u;
	case HB_PROTO_UDP:
		return packet->l4_offset + 6u;
	case HB_PROTO_ICMP:
	case HB_PROTO_ICMPV6:
		return packet->l4_offset + 2u;
	default:
		return 0;
	}
}

uint64_t hb_checksum_l4_sum(const uint8_t *data, const struct hb_packet *packet)
{
	/* Not up to the packet's end: UDP may have said that it ends earlier. */
	size_t len = packet->payload_offset + packet->payload_len - packet->l4_offset;
	uint64_t sum = 0;

	if (packet->protocol != HB_PROTO_ICMP)
		sum = hb_checksum_pseudo(&packet->src, &packet->dst, packet->protocol,
					 (uint32_t)len);
	return hb_checksum_add(sum, data + packet->l4_offset, len);
}

void hb_checksum_fill_l4(uint8_t *data, const struct hb_packet *packet)
{
	size_t offset = hb_checksum_l4_offset(packet);
	uint16_t field;

	if (offset == 0 || packet->is_fragment)
		return;
	hb_put_be16(data + offset, 0);
	field = hb_checksum_fold(hb_checksum_l4_sum(data, packet)) ^ UINT16_MAX;
	if (field == 0 && packet->protocol == HB_PROTO_UDP)
		field = UINT16_MAX;
	hb_put_be16(data + offset, field);
}
