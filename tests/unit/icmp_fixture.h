/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors that quote packets of a translated session, in either family. */
#ifndef ICMP_FIXTURE_H
#define ICMP_FIXTURE_H

#include "rig.h"

#define ROUTER "10.5.5.5"
#define OUTSIDE "10.7.7.7"

#define SYN HB_TCP_SYN
#define ACK HB_TCP_ACK
#define SA (HB_TCP_SYN | HB_TCP_ACK)
#define PA (HB_TCP_PSH | HB_TCP_ACK)

/* The same session in either family; the frontend has a port of its own. */
struct family {
	int version;
	const char *client, *attacked, *frontend, *backend, *filter, *frontend_at, *router;
};

static const struct family families[] = {
	{ 4, "10.0.0.1", "10.1.0.1", "10.9.0.2", "10.9.0.3", "dst net 10.1.0.0/16", "10.9.0.2:8080",
	  ROUTER },
	{ 6, "2001:db8:a::1", "2001:db8:1::1", "2001:db8:9::2", "2001:db8:9::3",
	  "dst net 2001:db8:1::/64", "[2001:db8:9::2]:8080", "2001:db8:5::5" },
};

#define FAMILIES (sizeof(families) / sizeof(families[0]))

/* An ICMP error and what it quotes. */
struct error {
	const char *from, *to;
	uint8_t type, code; /* 0: port unreachable */
	const uint8_t *quoted;
	size_t len;
};

static inline size_t build_error(uint8_t buf[2048], const struct error *error)
{
	struct hb_build_ip ip = { .src.addr = rig_addr(error->from),
				  .dst.addr = rig_addr(error->to),
				  .ttl = 64 };
	size_t at = hb_build_udp(buf, 2048, &ip, NULL, 0);
	bool ipv4 = at == 28;
	struct hb_packet packet;

	memset(buf + at - 8, 0, 8);
	buf[at - 8] = error->type ? error->type : (uint8_t)(ipv4 ? 3 : 1);
	buf[at - 7] = error->type ? error->code : (uint8_t)(ipv4 ? 3 : 4);
	memcpy(buf + at, error->quoted, error->len);
	at += error->len;
	buf[ipv4 ? 9 : 6] = ipv4 ? HB_PROTO_ICMP : HB_PROTO_ICMPV6;
	hb_put_be16(buf + (ipv4 ? 2 : 4), (uint16_t)(ipv4 ? at : at - 40));
	if (ipv4)
		hb_checksum_fill_ipv4(buf, 20);
	ck_assert_int_eq(hb_packet_parse(buf, at, &packet), 0);
	hb_checksum_fill_l4(buf, &packet);
	return at;
}

static inline enum hb_verdict send_error(struct rig *rig, const struct error *error)
{
	uint8_t buf[2048];
	size_t len = build_error(buf, error);

	return rig_input(rig, buf, len, &(struct hb_datagram){ .in_interface = 1 });
}

static inline void open_session(struct rig *rig, const struct family *family, const char *rule)
{
	rig_open_empty(rig);
	rig_backend(rig_target(rig, family->filter, family->frontend_at), family->backend, rule);
	rig_start(rig);
	rig_tcp(rig, &(struct rig_tcp){ family->client, family->attacked, SYN, 1000,
					.options = { .present = HB_TCPOPT_MSS, .mss = 1460 } });
	rig_tcp(rig, &(struct rig_tcp){ family->frontend, family->client, SA, 5000, 1001,
					.from_port = 8080 });
	rig_tcp(rig, &(struct rig_tcp){ family->client, family->attacked, ACK, 1001, 5001 });
}

static inline bool is(const struct hb_addr *addr, const char *text)
{
	struct hb_addr expected = rig_addr(text);

	return hb_addr_equal(addr, &expected);
}

static inline bool quoted_sum_is_right(const struct rig *rig)
{
	const uint8_t *header = rig->data + rig->packet.quoted_offset;

	return rig->packet.ip_version == 6 ||
	       hb_checksum_fold(hb_checksum_add(0, header, 20)) == UINT16_MAX;
}

/* Where all of the packet is quoted, its transport checksum must fit what became of it. */
static inline bool quoted_transport_is_right(const struct rig *rig)
{
	size_t at = rig->packet.quoted_offset;
	struct hb_packet whole;

	return hb_packet_parse(rig->data + at, rig->packet.len - at, &whole) != 0 ||
	       hb_packet_checksum_ok(&whole);
}

/* What the last verdict let pass quotes a packet from one endpoint to the other. */
static inline struct hb_packet check_quoted(const struct rig *rig, const char *src,
					    uint16_t src_port, const char *dst, uint16_t dst_port)
{
	struct hb_packet quoted;

	unit_require(hb_packet_checksum_ok(&rig->packet));
	unit_require(hb_packet_parse_quoted(&rig->packet, &quoted) == 0);
	unit_require(is(&quoted.src, src) && is(&quoted.dst, dst));
	unit_require(quoted.src_port == src_port && quoted.dst_port == dst_port);
	unit_require(quoted_sum_is_right(rig));
	unit_require(quoted_transport_is_right(rig));
	return quoted;
}

#endif
