/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parser: the one place that reads headers at raw offsets.
 *
 * Every byte is the attacker's. A header is read in two steps: is it inside the packet, then what
 * does it say. What the IP header says about the length is checked against what is there first of
 * all, and all later steps are bounded by packet->len alone.
 *
 * The packet that an ICMP error quotes goes the same way, with two differences: the quotation may
 * end before the packet does, and of the transport header only the first eight bytes count.
 *
 * Checksums are not looked at: a device may still have to fill them in.
 */
#include <honeybrid/packet.h>

#include "bytes.h"
#include "checksum.h"
#include "ipopt.h"
#include "tcpopt.h"

#include <errno.h>

#define IPV4_HEADER_MIN 20
#define IPV6_HEADER 40
#define IPV6_NEXT_HEADER 6 /* where it says what follows */
#define TCP_HEADER_MIN 20
#define UDP_HEADER 8
#define ICMP_HEADER 8
#define QUOTED_TRANSPORT 8 /* RFC 792: "the first 64 bits of the original datagram's data" */

/* What a packet on a usual link has room for: hosts know no limit. */
#define EXTENSIONS_MAX 182

/* Next header values (IANA, IPv6 extension header types). */
enum {
	NEXT_HOP_BY_HOP = 0,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_AH = 51,
	NEXT_DESTINATION = 60,
};

#define FRAGMENT_HEADER 8

/* Kinds of a routing header that hosts refuse even at its end, unless they are told otherwise. */
enum {
	ROUTING_MOBILE = 2, /* RFC 6275 */
	ROUTING_RPL = 3,    /* RFC 6554 */
	ROUTING_SEGMENT = 4 /* RFC 8754 */
};

enum {
	ICMP_ECHO_REPLY = 0,
	ICMP_UNREACHABLE = 3,
	ICMP_SOURCE_QUENCH = 4,
	ICMP_REDIRECT = 5,
	ICMP_ECHO = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETER = 12,
	ICMPV6_UNREACHABLE = 1,
	ICMPV6_PARAMETER = 4,
	ICMPV6_ECHO = 128,
	ICMPV6_ECHO_REPLY = 129,
};

/* How many bytes there are from the transport header on. */
static size_t l4_len(const struct hb_packet *packet)
{
	return packet->len - packet->l4_offset;
}

/* Sets len to what the header says, which may be more than available. */
static int read_ipv4_header(struct hb_packet *packet, size_t available)
{
	const uint8_t *header = packet->data;
	size_t header_len;
	unsigned fragment;

	if (available < IPV4_HEADER_MIN)
		return -EINVAL;
	header_len = (header[0] & 0x0fu) * 4;
	packet->len = hb_get_be16(header + 2);
	if (header_len < IPV4_HEADER_MIN || header_len > available || packet->len < header_len)
		return -EINVAL;
	fragment = hb_get_be16(header + 6);
	packet->ip_version = 4;
	packet->tos = header[1];
	packet->ip_id = hb_get_be16(header + 4);
	packet->dont_fragment = (fragment & 0x4000) != 0;
	packet->fragment_offset_bytes = (uint16_t)((fragment & 0x1fff) * 8);
	packet->more_fragments = (fragment & 0x2000) != 0;
	packet->is_fragment = packet->more_fragments || packet->fragment_offset_bytes > 0;
	packet->fragment_id = packet->is_fragment ? packet->ip_id : 0;
	packet->ttl = header[8];
	packet->protocol = header[9];
	packet->src = hb_addr_from_ipv4(header + 12);
	packet->dst = hb_addr_from_ipv4(header + 16);
	packet->l4_offset = (uint16_t)header_len;
	packet->ip_options = header_len > IPV4_HEADER_MIN;
	packet->refused =
		!hb_ipopt_ipv4_taken(header + IPV4_HEADER_MIN, header_len - IPV4_HEADER_MIN);
	return 0;
}

/*
 * Sets len to what the header says, which may be more than available. A jumbogram (RFC 2675) says 0
 * and fails later: there is no room for the extension header that would tell its length.
 */
static int read_ipv6_header(struct hb_packet *packet, size_t available)
{
	const uint8_t *header = packet->data;

	if (available < IPV6_HEADER)
		return -EINVAL;
	packet->len = IPV6_HEADER + (size_t)hb_get_be16(header + 4);
	packet->ip_version = 6;
	packet->tos = (uint8_t)(header[0] << 4 | header[1] >> 4);
	packet->flow_label = hb_get_be32(header) & 0xfffff;
	packet->protocol = header[6];
	packet->ttl = header[7];
	packet->src = hb_addr_from_ipv6(header + 8);
	packet->dst = hb_addr_from_ipv6(header + 24);
	packet->l4_offset = IPV6_HEADER;
	if (hb_addr_is_ipv4(&packet->src) || hb_addr_is_ipv4(&packet->dst))
		return -EINVAL;
	return 0;
}

static int read_ip_header(struct hb_packet *packet, size_t available)
{
	if (available == 0)
		return -EINVAL;
	switch (packet->data[0] >> 4) {
	case 4:
		return read_ipv4_header(packet, available);
	case 6:
		return read_ipv6_header(packet, available);
	default:
		return -EINVAL;
	}
}

/*
 * RFC 8200, 4.5; an atomic fragment (RFC 6946) is as good as whole. The byte at link says that this
 * header follows.
 */
static void read_fragment_header(struct hb_packet *packet, size_t link)
{
	const uint8_t *header = packet->data + packet->l4_offset;
	unsigned fragment = hb_get_be16(header + 2);

	packet->is_fragment = (fragment & 0xfff9) != 0;
	if (!packet->is_fragment)
		return;
	packet->fragment_offset_bytes = (uint16_t)(fragment & 0xfff8);
	packet->more_fragments = (fragment & 1) != 0;
	packet->fragment_id = hb_get_be32(header + 4);
	packet->fragment_header_offset = packet->l4_offset;
	packet->fragment_link_offset = (uint16_t)link;
}

/* The length of the extension header at l4_offset; 0 if it does not fit or cannot be right. */
static size_t extension_len(const struct hb_packet *packet)
{
	const uint8_t *header = packet->data + packet->l4_offset;
	size_t len;

	if (l4_len(packet) < 8)
		return 0;
	switch (packet->protocol) {
	case NEXT_FRAGMENT:
		len = FRAGMENT_HEADER;
		break;
	case NEXT_AH:
		len = (header[1] + 2u) * 4;
		break;
	case NEXT_ROUTING:
		/* Segments left: the destination is not the end of the way (RFC 8200, 4.4). */
		if (header[3] != 0)
			return 0;
		len = (header[1] + 1u) * 8;
		break;
	default:
		len = (header[1] + 1u) * 8;
		break;
	}
	return len <= l4_len(packet) ? len : 0;
}

static bool is_extension(uint8_t next_header)
{
	switch (next_header) {
	case NEXT_HOP_BY_HOP:
	case NEXT_ROUTING:
	case NEXT_FRAGMENT:
	case NEXT_AH:
	case NEXT_DESTINATION:
		return true;
	default:
		return false;
	}
}

/* Of an extension header that is all there. An authentication header is nothing without its key. */
static bool extension_taken(const struct hb_packet *packet, size_t len)
{
	const uint8_t *header = packet->data + packet->l4_offset;

	switch (packet->protocol) {
	case NEXT_HOP_BY_HOP:
	case NEXT_DESTINATION:
		return hb_ipopt_ipv6_taken(header + 2, len - 2,
					   packet->protocol == NEXT_HOP_BY_HOP);
	case NEXT_ROUTING:
		return header[2] < ROUTING_MOBILE || header[2] > ROUTING_SEGMENT;
	default:
		return packet->protocol != NEXT_AH;
	}
}

/* Moves l4_offset and protocol behind the extension headers. */
static int skip_extensions(struct hb_packet *packet)
{
	bool seen_fragment = false;
	size_t link = IPV6_NEXT_HEADER;

	for (unsigned i = 0; is_extension(packet->protocol); i++) {
		const uint8_t *header = packet->data + packet->l4_offset;
		size_t len = extension_len(packet);

		if (i == EXTENSIONS_MAX || len == 0)
			return -EINVAL;
		if (packet->protocol == NEXT_HOP_BY_HOP && i > 0)
			return -EINVAL; /* RFC 8200, 4.1: only right behind the IPv6 header */
		if (packet->protocol == NEXT_FRAGMENT) {
			if (seen_fragment)
				return -EINVAL;
			seen_fragment = true;
			read_fragment_header(packet, link);
		}
		packet->refused = packet->refused || !extension_taken(packet, len);
		packet->protocol = header[0];
		link = packet->l4_offset;
		packet->l4_offset = (uint16_t)(packet->l4_offset + len);
		if (packet->fragment_offset_bytes > 0)
			return 0; /* what follows is from the middle of something */
	}
	return 0;
}

/* What no reassembly would take: an empty piece, or one that ends past the longest packet. */
static int check_fragment(const struct hb_packet *packet)
{
	size_t len = l4_len(packet);
	size_t end = packet->fragment_offset_bytes + len;

	if (len == 0)
		return -EINVAL;
	if (packet->ip_version == 4)
		return packet->l4_offset + end > UINT16_MAX ? -EINVAL : 0;
	return end > UINT16_MAX ? -EINVAL : 0;
}

static int read_tcp(struct hb_packet *packet)
{
	const uint8_t *header = packet->data + packet->l4_offset;
	size_t header_len;

	if (l4_len(packet) < TCP_HEADER_MIN)
		return -EINVAL;
	header_len = (header[12] >> 4) * 4u;
	if (header_len < TCP_HEADER_MIN || header_len > l4_len(packet))
		return -EINVAL;
	packet->src_port = hb_get_be16(header);
	packet->dst_port = hb_get_be16(header + 2);
	packet->seq = hb_get_be32(header + 4);
	packet->ack = hb_get_be32(header + 8);
	packet->tcp_flags = header[13];
	packet->tcp_reserved = header[12] & 0x0f;
	packet->window = hb_get_be16(header + 14);
	packet->urgent = hb_get_be16(header + 18);
	packet->payload_offset = (uint16_t)(packet->l4_offset + header_len);
	packet->payload_len = packet->len - packet->payload_offset;
	packet->has_l4 = true;
	hb_tcpopt_parse(packet->data, packet->l4_offset + (size_t)TCP_HEADER_MIN,
			header_len - TCP_HEADER_MIN, &packet->options);
	return 0;
}

/*
 * A first fragment may end within the TCP header: endpoints look at the whole. For IPv6 they want at
 * least the header without its options in it (RFC 7112).
 */
static int read_tcp_piece(struct hb_packet *packet)
{
	if (read_tcp(packet) == 0)
		return 0;
	return packet->ip_version == 4 || l4_len(packet) >= TCP_HEADER_MIN ? 0 : -EINVAL;
}

static int read_udp(struct hb_packet *packet)
{
	const uint8_t *header = packet->data + packet->l4_offset;
	size_t udp_len;

	if (l4_len(packet) < UDP_HEADER)
		return -EINVAL;
	udp_len = hb_get_be16(header + 4);
	if (packet->is_fragment && udp_len >= UDP_HEADER)
		udp_len = l4_len(packet); /* it speaks of the whole, this is a piece */
	if (udp_len < UDP_HEADER || udp_len > l4_len(packet))
		return -EINVAL;
	packet->src_port = hb_get_be16(header);
	packet->dst_port = hb_get_be16(header + 2);
	packet->payload_offset = (uint16_t)(packet->l4_offset + UDP_HEADER);
	packet->payload_len = udp_len - UDP_HEADER;
	packet->has_l4 = true;
	return 0;
}

static bool is_icmp_error_type(const struct hb_packet *packet)
{
	if (packet->ip_version == 6)
		return packet->icmp_type >= ICMPV6_UNREACHABLE &&
		       packet->icmp_type <= ICMPV6_PARAMETER;
	switch (packet->icmp_type) {
	case ICMP_UNREACHABLE:
	case ICMP_SOURCE_QUENCH:
	case ICMP_REDIRECT:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETER:
		return true;
	default:
		return false;
	}
}

static bool is_icmp_echo_type(const struct hb_packet *packet)
{
	if (packet->ip_version == 6)
		return packet->icmp_type == ICMPV6_ECHO || packet->icmp_type == ICMPV6_ECHO_REPLY;
	return packet->icmp_type == ICMP_ECHO || packet->icmp_type == ICMP_ECHO_REPLY;
}

/* The part that a quotation has, too. */
static void read_icmp_start(struct hb_packet *packet)
{
	const uint8_t *header = packet->data + packet->l4_offset;

	packet->icmp_type = header[0];
	packet->icmp_code = header[1];
	packet->is_icmp_echo = is_icmp_echo_type(packet);
	if (packet->is_icmp_echo)
		packet->src_port = packet->dst_port = hb_get_be16(header + 4);
}

static int read_icmp(struct hb_packet *packet)
{
	size_t ip_header = packet->ip_version == 4 ? IPV4_HEADER_MIN : IPV6_HEADER;

	if (l4_len(packet) < ICMP_HEADER)
		return -EINVAL;
	read_icmp_start(packet);
	packet->payload_offset = (uint16_t)(packet->l4_offset + ICMP_HEADER);
	packet->payload_len = packet->len - packet->payload_offset;
	packet->has_l4 = true;
	packet->is_icmp_error = is_icmp_error_type(packet);
	if (packet->is_icmp_error && packet->payload_len >= ip_header &&
	    packet->data[packet->payload_offset] >> 4 == packet->ip_version)
		packet->quoted_offset = packet->payload_offset;
	return 0;
}

static bool is_icmp(const struct hb_packet *packet)
{
	return packet->protocol == (packet->ip_version == 4 ? HB_PROTO_ICMP : HB_PROTO_ICMPV6);
}

static int read_transport(struct hb_packet *packet)
{
	packet->payload_offset = packet->l4_offset;
	packet->payload_len = l4_len(packet);
	if (packet->fragment_offset_bytes > 0)
		return 0;
	if (packet->protocol == HB_PROTO_TCP)
		return packet->is_fragment ? read_tcp_piece(packet) : read_tcp(packet);
	if (packet->protocol == HB_PROTO_UDP)
		return read_udp(packet);
	if (is_icmp(packet))
		return read_icmp(packet);
	return 0;
}

int hb_packet_parse(const uint8_t *data, size_t len, struct hb_packet *packet)
{
	*packet = (struct hb_packet){ .data = data };
	if (read_ip_header(packet, len) || packet->len > len)
		return -EINVAL;
	if (packet->ip_version == 6 && skip_extensions(packet))
		return -EINVAL;
	if (packet->is_fragment && check_fragment(packet))
		return -EINVAL;
	return read_transport(packet);
}

static int read_quoted_transport(struct hb_packet *packet)
{
	const uint8_t *header = packet->data + packet->l4_offset;
	bool has_ports = packet->protocol == HB_PROTO_TCP || packet->protocol == HB_PROTO_UDP;

	packet->payload_offset = (uint16_t)packet->len;
	if (packet->fragment_offset_bytes > 0 || (!has_ports && !is_icmp(packet)))
		return 0;
	if (l4_len(packet) < QUOTED_TRANSPORT)
		return -EINVAL;
	packet->has_l4 = true;
	if (is_icmp(packet)) {
		read_icmp_start(packet);
		return 0;
	}
	packet->src_port = hb_get_be16(header);
	packet->dst_port = hb_get_be16(header + 2);
	if (packet->protocol == HB_PROTO_TCP)
		packet->seq = hb_get_be32(header + 4);
	return 0;
}

int hb_packet_parse_quoted(const struct hb_packet *error, struct hb_packet *quoted)
{
	size_t available;

	if (error->quoted_offset == 0)
		return -EINVAL;
	available = error->len - error->quoted_offset;
	*quoted = (struct hb_packet){ .data = error->data + error->quoted_offset };
	if (read_ip_header(quoted, available)) /* the version was compared for quoted_offset */
		return -EINVAL;
	if (quoted->len > available)
		quoted->len = available;
	if (quoted->ip_version == 6 && skip_extensions(quoted))
		return -EINVAL;
	return read_quoted_transport(quoted);
}

bool hb_packet_checksum_ok(const struct hb_packet *packet)
{
	size_t offset = hb_checksum_l4_offset(packet);

	if (offset == 0 || packet->is_fragment)
		return true;
	if (packet->protocol == HB_PROTO_UDP && hb_get_be16(packet->data + offset) == 0)
		return packet->ip_version == 4;
	return hb_checksum_fold(hb_checksum_l4_sum(packet->data, packet)) == UINT16_MAX;
}
