/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets of our own, complete with checksums. */
#ifndef HB_BUILD_H
#define HB_BUILD_H

#include <honeybrid/packet.h>

/* The part that every packet has. src and dst are of one family. */
struct hb_build_ip {
	struct hb_endpoint src, dst;
	uint8_t ttl;
	uint8_t tos;
	uint16_t ip_id;      /* IPv4 only; 0: who sends it chooses */
	uint32_t flow_label; /* IPv6 only */
	bool dont_fragment;
};

struct hb_build_tcp {
	struct hb_build_ip ip;
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window; /* as on the wire */
	uint16_t urgent;
	struct hb_tcp_options options; /* what hb_tcpopt_write() takes */
	const uint8_t *payload;
	size_t payload_len;
};

/*
 * Both write a whole packet to buf and return its length, or 0 if it does not fit in cap or in
 * 65535 bytes.
 */
size_t hb_build_tcp(uint8_t *buf, size_t cap, const struct hb_build_tcp *spec);
size_t hb_build_udp(uint8_t *buf, size_t cap, const struct hb_build_ip *ip, const uint8_t *payload,
		    size_t payload_len);

#endif
