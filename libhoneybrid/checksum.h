/* SPDX-License-Identifier: BSD-2-Clause */
/* The Internet checksum (RFC 1071), and its incremental update (RFC 1624). */
#ifndef HB_CHECKSUM_H
#define HB_CHECKSUM_H

#include <honeybrid/packet.h>

/* Adds len bytes to an unfolded sum. A piece of odd length must be the last one. */
uint64_t hb_checksum_add(uint64_t sum, const uint8_t *data, size_t len);

/* Folds a sum to 16 bits; the checksum field is the complement of it, in host order. */
uint16_t hb_checksum_fold(uint64_t sum);

/* The sum of the pseudo-header of an IPv4 or IPv6 packet for a transport payload of len bytes. */
uint64_t hb_checksum_pseudo(const struct hb_addr *src, const struct hb_addr *dst, uint8_t protocol,
			    uint32_t len);

/*
 * Returns the checksum field after one 16-bit word that it covers changed (RFC 1624, equation 3);
 * all in host order. The word must start at an even distance from the start of what is summed.
 */
uint16_t hb_checksum_update16(uint16_t field, uint16_t old_word, uint16_t new_word);
uint16_t hb_checksum_update32(uint16_t field, uint32_t old_value, uint32_t new_value);

/*
 * The sum of pseudo-header, transport header and payload, checksum field included: it folds to
 * 0xffff where the checksum is right. Not for fragments, nor where hb_checksum_l4_offset() is 0.
 */
uint64_t hb_checksum_l4_sum(const uint8_t *data, const struct hb_packet *packet);

/* Computes and writes the IPv4 header checksum. header_len is a multiple of 4, at least 20. */
void hb_checksum_fill_ipv4(uint8_t *header, size_t header_len);

/*
 * Computes and writes the transport checksum (TCP, UDP, ICMP, ICMPv6) from scratch. A UDP sum of 0
 * becomes 0xffff (RFC 768). A fragment stays as it is: its checksum covers what is not there.
 *
 * @data    the bytes that *packet was parsed from; addresses and ports are read from *packet.
 */
void hb_checksum_fill_l4(uint8_t *data, const struct hb_packet *packet);

/* Where the transport checksum lies from the start of the datagram; 0 where there is none. */
size_t hb_checksum_l4_offset(const struct hb_packet *packet);

#endif
