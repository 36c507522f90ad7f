/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets for tests of the parser: right ones, to be made wrong. */
#ifndef CRAFT_H
#define CRAFT_H

#include <honeybrid/packet.h>

#include "build.h"
#include "bytes.h"
#include "checksum.h"
#include "unit.h"

#include <errno.h>
#include <string.h>

/* A packet under construction. */
struct craft {
	uint8_t at[2048];
	size_t len;
};

static inline struct hb_build_ip craft_ip_between(const char *src, const char *dst)
{
	struct hb_build_ip ip = { .src.port = 40000, .dst.port = 80, .ttl = 64 };

	ck_assert_int_eq(hb_addr_parse(src, &ip.src.addr), 0);
	ck_assert_int_eq(hb_addr_parse(dst, &ip.dst.addr), 0);
	return ip;
}

static inline struct hb_build_ip craft_ip(int version)
{
	if (version == 4)
		return craft_ip_between("192.0.2.1", "198.51.100.9");
	return craft_ip_between("2001:db8::1", "2001:db8::9");
}

static inline struct craft craft_tcp(int version)
{
	struct hb_build_tcp spec = { .ip = craft_ip(version),
				     .seq = UINT32_C(0xa1a2a3a4),
				     .ack = UINT32_C(0xb1b2b3b4),
				     .flags = HB_TCP_ACK | HB_TCP_PSH,
				     .window = 502,
				     .payload = (const uint8_t *)"hello",
				     .payload_len = 5 };
	struct craft b;

	spec.options.present = HB_TCPOPT_TIMESTAMP;
	b.len = hb_build_tcp(b.at, sizeof(b.at), &spec);
	return b;
}

static inline struct craft craft_udp(int version)
{
	struct hb_build_ip ip = craft_ip(version);
	struct craft b;

	b.len = hb_build_udp(b.at, sizeof(b.at), &ip, (const uint8_t *)"12345678", 8);
	return b;
}

/* An IP header of the given version with payload_len bytes of zeros behind it. */
static inline struct craft craft_any(int version, uint8_t protocol, size_t payload_len)
{
	struct craft b = craft_udp(version);
	size_t header_len = version == 4 ? 20 : 40;

	memset(b.at + header_len, 0, sizeof(b.at) - header_len);
	b.len = header_len + payload_len;
	b.at[version == 4 ? 9 : 6] = protocol;
	hb_put_be16(b.at + (version == 4 ? 2 : 4), (uint16_t)(version == 4 ? b.len : payload_len));
	return b;
}

static inline struct craft craft_icmp(int version, uint8_t type, size_t rest_len)
{
	uint8_t protocol = version == 4 ? HB_PROTO_ICMP : HB_PROTO_ICMPV6;
	struct craft b = craft_any(version, protocol, 8 + rest_len);

	b.at[version == 4 ? 20 : 40] = type;
	return b;
}

/* Puts an extension header of len bytes right behind the IPv6 header. */
static inline void craft_insert_extension(struct craft *b, uint8_t type, size_t len)
{
	memmove(b->at + 40 + len, b->at + 40, b->len - 40);
	memset(b->at + 40, 0, len);
	b->at[40] = b->at[6];
	b->at[41] = (uint8_t)(type == 51 ? len / 4 - 2 : len / 8 - 1);
	b->at[6] = type;
	b->len += len;
	hb_put_be16(b->at + 4, (uint16_t)(b->len - 40));
}

static inline void craft_insert_fragment(struct craft *b, uint16_t offset_and_flags)
{
	craft_insert_extension(b, 44, 8);
	b->at[41] = 0;
	hb_put_be16(b->at + 42, offset_and_flags);
}

/* In memory of the exact size, so that a sanitizer sees what is read behind it. */
static inline int craft_parse(const struct craft *b, struct hb_packet *packet)
{
	uint8_t *exact = malloc(b->len);
	int rc;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, b->at, b->len);
	rc = hb_packet_parse(exact, b->len, packet);
	packet->data = b->at;
	free(exact);
	return rc;
}

static inline struct hb_packet craft_parsed(const struct craft *b)
{
	struct hb_packet packet;

	ck_assert_int_eq(craft_parse(b, &packet), 0);
	return packet;
}

static inline void craft_check_refused(const struct craft *b)
{
	struct hb_packet packet;

	ck_assert_int_eq(craft_parse(b, &packet), -EINVAL);
}

#endif
