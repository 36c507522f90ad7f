/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire.h"

#include "bytes.h"
#include "checksum.h"

#include <string.h>

#define KIND_FRAGMENT 44 /* of IPv6 headers */
#define ECN_MASK 3
#define KIND_NOP 1
#define KIND_MSS 2
#define KIND_WSCALE 3
#define KIND_SACK_OK 4
#define KIND_SACK 5
#define KIND_TIMESTAMP 8

static uint8_t *put_sack(uint8_t *p, const struct hb_tcp_options *options)
{
	*p++ = KIND_NOP;
	*p++ = KIND_NOP;
	*p++ = KIND_SACK;
	*p++ = (uint8_t)(2 + 8 * options->sack_count);
	for (unsigned i = 0; i < options->sack_count; i++) {
		hb_put_be32(p, options->sack[i].left);
		hb_put_be32(p + 4, options->sack[i].right);
		p += 8;
	}
	return p;
}

static size_t put_options(uint8_t *start, const struct hb_tcp_options *options)
{
	uint8_t *p = start;

	if (options->present & HB_TCPOPT_MSS) {
		*p++ = KIND_MSS;
		*p++ = 4;
		hb_put_be16(p, options->mss);
		p += 2;
	}
	if (options->present & HB_TCPOPT_SACK_OK) {
		*p++ = KIND_SACK_OK;
		*p++ = 2;
	}
	if (options->present & HB_TCPOPT_TIMESTAMP) {
		*p++ = KIND_TIMESTAMP;
		*p++ = 10;
		hb_put_be32(p, options->tsval);
		hb_put_be32(p + 4, options->tsecr);
		p += 8;
	}
	if (options->present & HB_TCPOPT_WSCALE) {
		*p++ = KIND_WSCALE;
		*p++ = 3;
		*p++ = options->wscale;
	}
	if (options->present & HB_TCPOPT_SACK)
		p = put_sack(p, options);
	while ((p - start) % 4 != 0)
		*p++ = KIND_NOP;
	return (size_t)(p - start);
}

static size_t put_ip(uint8_t *p, const struct wire_segment *segment, size_t l4_len)
{
	if (hb_addr_is_ipv4(&segment->src.addr)) {
		p[0] = 0x45;
		p[1] = segment->tos;
		hb_put_be16(p + 2, (uint16_t)(20 + l4_len));
		hb_put_be16(p + 4, segment->ip_id);
		hb_put_be16(p + 6, 0x4000);
		p[8] = segment->ttl;
		p[9] = HB_PROTO_TCP;
		memcpy(p + 12, segment->src.addr.bytes + 12, 4);
		memcpy(p + 16, segment->dst.addr.bytes + 12, 4);
		hb_checksum_fill_ipv4(p, 20);
		return 20;
	}
	p[0] = (uint8_t)(0x60 | segment->tos >> 4);
	p[1] = (uint8_t)(segment->tos << 4);
	hb_put_be16(p + 4, (uint16_t)l4_len);
	p[6] = HB_PROTO_TCP;
	p[7] = segment->ttl;
	memcpy(p + 8, segment->src.addr.bytes, 16);
	memcpy(p + 24, segment->dst.addr.bytes, 16);
	return 40;
}

size_t wire_cut(const struct hb_packet *packet, size_t piece_bytes, size_t i, uint32_t id,
		uint8_t buf[WIRE_MTU])
{
	size_t head = packet->l4_offset, skip = packet->ip_version == 6 ? head + 8 : head;
	size_t step = (piece_bytes - skip) / 8 * 8, start = i * step, rest = packet->len - head;

	if (start >= rest)
		return 0;
	bool more = rest - start > step;
	size_t part = more ? step : rest - start;
	memcpy(buf, packet->data, head);
	memcpy(buf + skip, packet->data + head + start, part);
	if (packet->ip_version == 6) {
		buf[6] = KIND_FRAGMENT;
		hb_put_be16(buf + 4, (uint16_t)(8 + part));
		hb_put_be16(buf + head, (uint16_t)(HB_PROTO_TCP << 8));
		hb_put_be16(buf + head + 2, (uint16_t)(start | more));
		hb_put_be32(buf + head + 4, id);
	} else {
		hb_put_be16(buf + 2, (uint16_t)(head + part));
		hb_put_be16(buf + 6, (uint16_t)(start / 8 | (more ? 0x2000 : 0)));
		hb_checksum_fill_ipv4(buf, head);
	}
	return skip + part;
}

bool wire_join(struct wire_joiner *joiner, const struct hb_packet *piece)
{
	bool v6 = piece->ip_version == 6;
	size_t head = v6 ? piece->fragment_header_offset : 20, skip = v6 ? head + 8 : head;

	if (piece->fragment_offset_bytes == 0) {
		memcpy(joiner->data, piece->data, head);
		joiner->len = joiner->head_len = head;
		joiner->pieces = 0;
	}
	if (piece->fragment_offset_bytes + head != joiner->len ||
	    joiner->len + piece->len - skip > WIRE_MAX)
		return false;
	memcpy(joiner->data + joiner->len, piece->data + skip, piece->len - skip);
	joiner->len += piece->len - skip;
	joiner->pieces++;
	if (piece->more_fragments)
		return false;
	if (v6) {
		joiner->data[6] = HB_PROTO_TCP;
		hb_put_be16(joiner->data + 4, (uint16_t)(joiner->len - head));
	} else {
		hb_put_be16(joiner->data + 2, (uint16_t)joiner->len);
		hb_put_be16(joiner->data + 6, 0);
		hb_checksum_fill_ipv4(joiner->data, head);
	}
	return true;
}

bool wire_hop(uint8_t *buf, unsigned hops)
{
	bool v4 = buf[0] >> 4 == 4;
	uint8_t *ttl = buf + (v4 ? 8 : 7);

	if (*ttl <= hops)
		return false;
	*ttl = (uint8_t)(*ttl - hops);
	if (v4)
		hb_checksum_fill_ipv4(buf, (size_t)(buf[0] & 15) * 4);
	return true;
}

bool wire_mark(uint8_t *buf)
{
	bool v4 = buf[0] >> 4 == 4;
	uint8_t bits = v4 ? ECN_MASK : ECN_MASK << 4;

	if ((buf[1] & bits) == 0)
		return false;
	buf[1] |= bits;
	if (v4)
		hb_checksum_fill_ipv4(buf, (size_t)(buf[0] & 15) * 4);
	return true;
}

void wire_sum(uint8_t *buf, size_t len)
{
	struct hb_packet packet;

	if (buf[0] >> 4 == 4)
		hb_checksum_fill_ipv4(buf, 20);
	if (hb_packet_parse(buf, len, &packet) == 0)
		hb_checksum_fill_l4(buf, &packet);
}

size_t wire_write(uint8_t buf[WIRE_MAX], const struct wire_segment *segment)
{
	uint8_t options[64];
	size_t options_len = put_options(options, &segment->options);

	if (segment->raw_len > 0) {
		memcpy(options, segment->raw_options, segment->raw_len);
		options_len = segment->raw_len;
	}
	size_t l4_len = 20 + options_len + segment->payload_len;
	uint8_t *tcp;

	memset(buf, 0, 60);
	tcp = buf + put_ip(buf, segment, l4_len);
	memset(tcp, 0, 20);
	hb_put_be16(tcp, segment->src.port);
	hb_put_be16(tcp + 2, segment->dst.port);
	hb_put_be32(tcp + 4, segment->seq);
	hb_put_be32(tcp + 8, segment->ack);
	tcp[12] = (uint8_t)((20 + options_len) << 2);
	tcp[13] = segment->flags;
	hb_put_be16(tcp + 14, segment->window);
	hb_put_be16(tcp + 18, segment->urgent);
	memcpy(tcp + 20, options, options_len);
	if (segment->payload_len > 0)
		memcpy(tcp + 20 + options_len, segment->payload, segment->payload_len);
	size_t len = (size_t)(tcp - buf) + l4_len;
	wire_sum(buf, len);
	if (segment->bad_checksum)
		tcp[17] ^= 0x55;
	return len;
}
