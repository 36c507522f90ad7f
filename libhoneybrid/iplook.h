/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a host's IP headers look like from outside, apart from addresses and lengths: how it numbers
 * its packets, its DSCP, its IPv6 flow label. A session that goes on with another host behind the
 * same address would be told by these (handover rule 29).
 */
#ifndef HB_IPLOOK_H
#define HB_IPLOOK_H

#include <honeybrid/packet.h>

/* How a host fills the IPv4 identification. */
enum hb_ip_ids {
	HB_IP_IDS_UNKNOWN = 0,
	HB_IP_IDS_ZERO,     /* always 0: it never sends fragments */
	HB_IP_IDS_COUNT_UP, /* one more for each packet of this session, or nearly */
	HB_IP_IDS_ANY,      /* no rule that shows */
};

/* Small, since every flow has one. */
struct hb_iplook {
	union {
		uint16_t ip_id;          /* IPv4: the last one */
		uint16_t flow_label_low; /* IPv6: its lower bits */
	};
	uint8_t dscp : 6;
	uint8_t ids : 2;             /* enum hb_ip_ids */
	uint8_t flow_label_high : 4; /* and its upper bits */
	uint8_t begun : 1;           /* there was a packet, if only a SYN-ACK */
	uint8_t seen : 1;            /* there was another one: its number counts */
};

/*
 * The host's SYN-ACK: all but its number, until there is another packet. Many hosts number it in
 * another way.
 */
void hb_iplook_begin(struct hb_iplook *look, const struct hb_packet *packet);

/*
 * Follows a packet of the host's. TCP: not its SYN-ACK.
 * @segments  how many packets it becomes on the wire: more than one for a super-packet.
 */
void hb_iplook_follow(struct hb_iplook *look, const struct hb_packet *packet, unsigned segments);

/* The flow label as a number. */
uint32_t hb_iplook_flow_label(const struct hb_iplook *look);

/* How a packet of another host's must change to look like one of this host's. */
struct hb_iplook_change {
	bool changes; /* false: leave all as it is */
	bool zero_id;
	uint8_t dscp;
	uint16_t id_difference; /* added */
	uint32_t flow_label;
};

/* @shown  what the client has seen so far. @actual  the host that it shall not notice. */
struct hb_iplook_change hb_iplook_compare(const struct hb_iplook *shown,
					  const struct hb_iplook *actual);

#endif
