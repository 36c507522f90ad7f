/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes the datagrams that the people of a script send. Written apart from the engine's own
 * builder, so that a mistake there does not cancel out here; only the checksums, which have tests
 * of their own, are the engine's.
 */
#include "script.h"

#include "bytes.h"
#include "checksum.h"

#include <string.h>

static const struct script_icmp_kind icmp_kinds[] = {
	{ "net-unreachable", 3, 0, 1, 0, true },  { "host-unreachable", 3, 1, 1, 3, true },
	{ "port-unreachable", 3, 3, 1, 4, true }, { "too-big", 3, 4, 2, 0, true },
	{ "time-exceeded", 11, 0, 3, 0, true },   { "echo", 8, 0, 128, 0, false },
	{ "echo-reply", 0, 0, 129, 0, false },    { "parameter", 12, 0, 4, 0, true },
};

#define NEXT_DESTINATION 60 /* IPv6 destination options */
#define ICMP_KINDS (sizeof(icmp_kinds) / sizeof(icmp_kinds[0]))

const struct script_icmp_kind *script_packet_icmp(const struct script_word *word)
{
	for (size_t i = 0; i < ICMP_KINDS; i++) {
		if (strlen(icmp_kinds[i].name) == word->len &&
		    memcmp(icmp_kinds[i].name, word->text, word->len) == 0)
			return &icmp_kinds[i];
	}
	return NULL;
}

/* What kind a packet is; NULL for one without a name here. */
const struct script_icmp_kind *script_packet_icmp_kind(const struct hb_packet *packet)
{
	for (size_t i = 0; i < ICMP_KINDS; i++) {
		const struct script_icmp_kind *kind = &icmp_kinds[i];
		uint8_t type = packet->ip_version == 4 ? kind->v4_type : kind->v6_type;
		uint8_t code = packet->ip_version == 4 ? kind->v4_code : kind->v6_code;

		if (packet->icmp_type == type && packet->icmp_code == code)
			return kind;
	}
	return NULL;
}

/* Where the next byte goes. What does not fit is counted, but not written. */
struct writer {
	uint8_t *buf;
	size_t cap, len;
};

static void put8(struct writer *w, unsigned value)
{
	if (w->len < w->cap)
		w->buf[w->len] = (uint8_t)value;
	w->len++;
}

static void put16(struct writer *w, unsigned value)
{
	put8(w, value >> 8 & 0xff);
	put8(w, value & 0xff);
}

static void put32(struct writer *w, uint32_t value)
{
	put16(w, value >> 16);
	put16(w, value & 0xffff);
}

static void put_bytes(struct writer *w, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put8(w, bytes[i]);
}

static void put_sack(struct writer *w, const struct hb_tcp_options *options)
{
	put32(w, 0x01010500 + 2u + 8u * options->sack_count);
	for (unsigned i = 0; i < options->sack_count; i++) {
		put32(w, options->sack[i].left);
		put32(w, options->sack[i].right);
	}
}

/* In the order that Linux uses, each on a multiple of four; an odd place is made by "mss" alone. */
static void put_options(struct writer *w, const struct hb_tcp_options *options)
{
	bool sack_ok = options->present & HB_TCPOPT_SACK_OK;

	if (options->present & HB_TCPOPT_MSS)
		put32(w, UINT32_C(0x02040000) | options->mss);
	if (options->present & HB_TCPOPT_TIMESTAMP) {
		put32(w, sack_ok ? UINT32_C(0x0402080a) : UINT32_C(0x0101080a));
		put32(w, options->tsval);
		put32(w, options->tsecr);
	} else if (sack_ok) {
		put32(w, UINT32_C(0x01010402));
	}
	if (options->present & HB_TCPOPT_WSCALE)
		put32(w, UINT32_C(0x01030300) | options->wscale);
	if (options->present & HB_TCPOPT_SACK)
		put_sack(w, options);
}

static void put_tcp(struct writer *w, const struct script_segment *segment,
		    const struct script_route *route)
{
	size_t start = w->len;

	put16(w, route->src.port);
	put16(w, route->dst.port);
	put32(w, segment->seq);
	put32(w, segment->ack);
	put16(w, segment->tcp_flags); /* the data offset comes below */
	put16(w, segment->has & SCRIPT_HAS_WINDOW ? segment->window : 64240);
	put16(w, 0);
	put16(w, segment->urgent);
	if (segment->raw_len > 0)
		put_bytes(w, segment->raw, segment->raw_len);
	else
		put_options(w, &segment->options);
	w->buf[start + 12] = (uint8_t)((w->len - start) / 4 << 4);
}

static void put_icmp(struct writer *w, const struct script_segment *segment,
		     const struct script_route *route, bool ipv6)
{
	const struct script_icmp_kind *kind = segment->icmp;

	put8(w, ipv6 ? kind->v6_type : kind->v4_type);
	put8(w, ipv6 ? kind->v6_code : kind->v4_code);
	put16(w, 0);
	put32(w, kind->error ? segment->icmp_value : segment->icmp_value << 16 | 1);
	put_bytes(w, route->quoted, route->quoted_len);
}

/* How long they are with the zeros behind them, which are no more than padding. */
static size_t ip_options_len(const struct script_segment *segment, bool ipv6)
{
	if (segment->ip_len == 0)
		return 0;
	return ipv6 ? (segment->ip_len + 2 + 7) / 8 * 8 : (segment->ip_len + 3) / 4 * 4;
}

static void put_ip_options(struct writer *w, const struct script_segment *segment, bool ipv6,
			   uint8_t protocol)
{
	size_t len = ip_options_len(segment, ipv6), end = w->len + len;

	if (len == 0)
		return;
	if (ipv6) {
		put8(w, protocol);
		put8(w, (unsigned)(len / 8 - 1));
	}
	put_bytes(w, segment->ip, segment->ip_len);
	while (w->len < end)
		put8(w, 0);
}

static void put_ip(struct writer *w, const struct script_segment *segment,
		   const struct script_route *route, bool ipv6, uint8_t protocol)
{
	unsigned ttl = segment->has & SCRIPT_HAS_TTL ? segment->ttl : 64;

	if (ipv6) {
		put32(w, UINT32_C(0x60000000) | (uint32_t)segment->tos << 20 | segment->label);
		put16(w, 0); /* lengths come last */
		put8(w, segment->ip_len > 0 ? NEXT_DESTINATION : protocol);
		put8(w, ttl);
		put_bytes(w, route->src.addr.bytes, 16);
		put_bytes(w, route->dst.addr.bytes, 16);
		put_ip_options(w, segment, ipv6, protocol);
		return;
	}
	put16(w, 0x4500u + (unsigned)ip_options_len(segment, ipv6) / 4 * 0x100 + segment->tos);
	put16(w, 0);
	put16(w, segment->has & SCRIPT_HAS_ID ? segment->ip_id : 0x1234);
	put16(w, 0x4000); /* do not fragment */
	put8(w, ttl);
	put8(w, protocol);
	put16(w, 0);
	put_bytes(w, route->src.addr.bytes + 12, 4);
	put_bytes(w, route->dst.addr.bytes + 12, 4);
	put_ip_options(w, segment, ipv6, protocol);
}

/* A data offset that is not the real one, and the bits beside it; the checksum follows. */
static void set_offset(uint8_t *buf, size_t tcp, const struct script_segment *segment)
{
	uint8_t *at = buf + tcp + 12;
	uint16_t before = hb_get_be16(at);

	if (segment->has & SCRIPT_HAS_OFFSET)
		*at = (uint8_t)(segment->offset << 4);
	*at = (uint8_t)((*at & 0xf0) | segment->reserved);
	hb_put_be16(buf + tcp + 16,
		    hb_checksum_update16(hb_get_be16(buf + tcp + 16), before, hb_get_be16(at)));
}

/* Puts the lengths in, and the checksums: whole, the pseudo-header's alone, or wrong. */
static bool finish(struct writer *w, const struct script_segment *segment, bool ipv6)
{
	struct hb_packet packet;
	size_t offset, l4 = (ipv6 ? 40 : 20) + ip_options_len(segment, ipv6);

	if (ipv6)
		hb_put_be16(w->buf + 4, (uint16_t)(w->len - 40));
	else
		hb_put_be16(w->buf + 2, (uint16_t)w->len);
	if (!ipv6)
		hb_checksum_fill_ipv4(w->buf, l4);
	if (segment->protocol == HB_PROTO_UDP)
		hb_put_be16(w->buf + l4 + 4, (uint16_t)(w->len - l4));
	if (hb_packet_parse(w->buf, w->len, &packet) != 0)
		return false;
	hb_checksum_fill_l4(w->buf, &packet);
	offset = hb_checksum_l4_offset(&packet);
	if (segment->gso || segment->partial)
		hb_put_be16(w->buf + offset, hb_checksum_fold(hb_checksum_pseudo(
						     &packet.src, &packet.dst, packet.protocol,
						     (uint32_t)(packet.len - packet.l4_offset))));
	if (segment->badsum)
		w->buf[offset] ^= 0x55;
	if (segment->nosum)
		hb_put_be16(w->buf + offset, 0);
	if (segment->has & (SCRIPT_HAS_OFFSET | SCRIPT_HAS_RESERVED))
		set_offset(w->buf, packet.l4_offset, segment);
	return true;
}

size_t script_packet_build(const struct script_segment *segment, const struct script_route *route,
			   uint8_t *buf, size_t cap)
{
	struct writer w = { .buf = buf, .cap = cap };
	bool ipv6 = !hb_addr_is_ipv4(&route->src.addr);
	uint8_t protocol = segment->protocol;

	if (ipv6 && protocol == HB_PROTO_ICMP)
		protocol = HB_PROTO_ICMPV6;
	put_ip(&w, segment, route, ipv6, protocol);
	if (protocol == HB_PROTO_TCP) {
		put_tcp(&w, segment, route);
	} else if (protocol == HB_PROTO_UDP) {
		put16(&w, route->src.port);
		put16(&w, route->dst.port);
		put32(&w, 0);
	} else {
		put_icmp(&w, segment, route, ipv6);
	}
	put_bytes(&w, segment->payload, segment->payload_len);
	if (w.len > cap || !finish(&w, segment, ipv6))
		return 0;
	return w.len;
}
