/* SPDX-License-Identifier: BSD-2-Clause */
/* Changes a packet in place, and keeps its checksums right. */
#ifndef HB_EDIT_H
#define HB_EDIT_H

#include "iplook.h"

#include <honeybrid/engine.h>

/* A packet being changed: sums up what that does to its checksum. */
struct hb_edit {
	struct hb_datagram *dgram;
	const struct hb_packet *packet;
	uint64_t l4_change; /* of the sum that the transport checksum covers, ones' complement */
	bool changed;
};

void hb_edit_begin(struct hb_edit *edit, struct hb_datagram *dgram, const struct hb_packet *packet);

/* Addresses and ports of the packet's source or destination. */
void hb_edit_source(struct hb_edit *edit, const struct hb_endpoint *to);
void hb_edit_destination(struct hb_edit *edit, const struct hb_endpoint *to);
void hb_edit_ttl(struct hb_edit *edit, uint8_t ttl);
/* DSCP and ECN bits, or the IPv6 traffic class. */
void hb_edit_tos(struct hb_edit *edit, uint8_t tos);
/* The fields of its IP header that tell hosts apart, DSCP among them; ECN bits stay. */
void hb_edit_look(struct hb_edit *edit, const struct hb_iplook_change *change);
/* IPv4 options that tell or choose the way become NOPs. */
void hb_edit_hide_route(struct hb_edit *edit);
/* The same in any IPv4 header, whose checksum goes with it. True: there were some. */
bool hb_edit_header_hide_route(uint8_t *header, size_t header_len);

/* Bytes that the transport checksum covers; offset from the start of the datagram. */
void hb_edit_u8(struct hb_edit *edit, size_t offset, uint8_t value);
void hb_edit_u16(struct hb_edit *edit, size_t offset, uint16_t value);
void hb_edit_u32(struct hb_edit *edit, size_t offset, uint32_t value);

/* TCP fields. */
void hb_edit_seq(struct hb_edit *edit, uint32_t seq);
void hb_edit_ack(struct hb_edit *edit, uint32_t ack);
void hb_edit_window(struct hb_edit *edit, uint16_t window);
void hb_edit_tcp_flags(struct hb_edit *edit, uint8_t flags);
/* Replaces an option by NOPs; offset of its kind byte. */
void hb_edit_erase_option(struct hb_edit *edit, size_t offset);

/*
 * Puts other options in the place of those that are there: what hb_tcpopt_write() writes. The payload
 * moves, so no edit may follow. False, and nothing is changed: there is no room.
 */
bool hb_edit_options(struct hb_edit *edit, const struct hb_tcp_options *options);

/* Puts the checksums right as the datagram's kind demands. Accept, or accept modified. */
enum hb_verdict hb_edit_finish(struct hb_edit *edit);

#endif
