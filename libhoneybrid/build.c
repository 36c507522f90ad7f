/* SPDX-License-Identifier: BSD-2-Clause */
#include "build.h"

#include "broken.h"
#include "bytes.h"
#include "checksum.h"
#include "tcpopt.h"

#include <string.h>

#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define TCP_HEADER 20
#define UDP_HEADER 8
#define PACKET_MAX 65535

static size_t ip_header_len(const struct hb_build_ip *ip)
{
	return hb_addr_is_ipv4(&ip->src.addr) ? IPV4_HEADER : IPV6_HEADER;
}

static void write_ipv4(uint8_t *buf, const struct hb_build_ip *ip, uint8_t protocol, size_t total)
{
	buf[0] = 0x45;
	buf[1] = ip->tos;
	hb_put_be16(buf + 2, (uint16_t)total);
	hb_put_be16(buf + 4, ip->ip_id);
	hb_put_be16(buf + 6, ip->dont_fragment ? 0x4000 : 0);
	buf[8] = ip->ttl;
	buf[9] = protocol;
	memcpy(buf + 12, ip->src.addr.bytes + 12, 4);
	memcpy(buf + 16, ip->dst.addr.bytes + 12, 4);
	hb_checksum_fill_ipv4(buf, IPV4_HEADER);
}

static void write_ipv6(uint8_t *buf, const struct hb_build_ip *ip, uint8_t protocol, size_t total)
{
	hb_put_be32(buf, UINT32_C(6) << 28 | (uint32_t)ip->tos << 20 | ip->flow_label);
	hb_put_be16(buf + 4, (uint16_t)(total - IPV6_HEADER));
	buf[6] = protocol;
	buf[7] = ip->ttl;
	memcpy(buf + 8, ip->src.addr.bytes, 16);
	memcpy(buf + 24, ip->dst.addr.bytes, 16);
}

/*
 * Writes the IP header of a packet with l4_len bytes behind it. Returns its length, or 0 if the
 * whole does not fit.
 */
static size_t write_ip(uint8_t *buf, size_t cap, const struct hb_build_ip *ip, uint8_t protocol,
		       size_t l4_len)
{
	size_t header_len = ip_header_len(ip);
	size_t limit = cap < PACKET_MAX ? cap : PACKET_MAX;

	if (hb_broken(hb_addr_is_ipv4(&ip->src.addr) != hb_addr_is_ipv4(&ip->dst.addr)))
		return 0;
	if (limit < header_len || l4_len > limit - header_len)
		return 0;
	if (header_len == IPV4_HEADER)
		write_ipv4(buf, ip, protocol, header_len + l4_len);
	else
		write_ipv6(buf, ip, protocol, header_len + l4_len);
	return header_len;
}

/* What goes into the checksum field, which is 0 at the time. */
static uint16_t l4_checksum(const struct hb_build_ip *ip, uint8_t protocol, const uint8_t *l4,
			    size_t len)
{
	uint64_t sum = hb_checksum_pseudo(&ip->src.addr, &ip->dst.addr, protocol, (uint32_t)len);

	return hb_checksum_fold(hb_checksum_add(sum, l4, len)) ^ UINT16_MAX;
}

size_t hb_build_tcp(uint8_t *buf, size_t cap, const struct hb_build_tcp *spec)
{
	uint8_t options[HB_TCPOPT_MAX_LEN];
	size_t options_len =
		hb_tcpopt_write(options, &spec->options, (spec->flags & HB_TCP_SYN) != 0);
	size_t header_len = TCP_HEADER + options_len;
	size_t l4_len = header_len + spec->payload_len;
	size_t ip_len;
	uint8_t *tcp;

	if (spec->payload_len > PACKET_MAX)
		return 0;
	ip_len = write_ip(buf, cap, &spec->ip, HB_PROTO_TCP, l4_len);
	if (ip_len == 0)
		return 0;
	tcp = buf + ip_len;
	hb_put_be16(tcp, spec->ip.src.port);
	hb_put_be16(tcp + 2, spec->ip.dst.port);
	hb_put_be32(tcp + 4, spec->seq);
	hb_put_be32(tcp + 8, spec->ack);
	tcp[12] = (uint8_t)(header_len / 4 << 4);
	tcp[13] = spec->flags;
	hb_put_be16(tcp + 14, spec->window);
	hb_put_be16(tcp + 16, 0);
	hb_put_be16(tcp + 18, spec->urgent);
	memcpy(tcp + TCP_HEADER, options, options_len);
	if (spec->payload_len)
		memcpy(tcp + header_len, spec->payload, spec->payload_len);
	hb_put_be16(tcp + 16, l4_checksum(&spec->ip, HB_PROTO_TCP, tcp, l4_len));
	return ip_len + l4_len;
}

size_t hb_build_udp(uint8_t *buf, size_t cap, const struct hb_build_ip *ip, const uint8_t *payload,
		    size_t payload_len)
{
	size_t l4_len = UDP_HEADER + payload_len;
	size_t ip_len;
	uint16_t checksum;
	uint8_t *udp;

	if (payload_len > PACKET_MAX)
		return 0;
	ip_len = write_ip(buf, cap, ip, HB_PROTO_UDP, l4_len);
	if (ip_len == 0)
		return 0;
	udp = buf + ip_len;
	hb_put_be16(udp, ip->src.port);
	hb_put_be16(udp + 2, ip->dst.port);
	hb_put_be16(udp + 4, (uint16_t)l4_len);
	hb_put_be16(udp + 6, 0);
	if (payload_len)
		memcpy(udp + UDP_HEADER, payload, payload_len);
	checksum = l4_checksum(ip, HB_PROTO_UDP, udp, l4_len);
	hb_put_be16(udp + 6, checksum ? checksum : UINT16_MAX); /* 0 would be "none" (RFC 768) */
	return ip_len + l4_len;
}
