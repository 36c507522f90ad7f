/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sum of a packet changes by what each edit changes (RFC 1624). Three kinds of datagram come:
 * one whose checksum is complete gets the difference; one whose checksum a device would finish
 * gets a full one, since the kernel believes what comes back with a verdict; a super-packet needs
 * none, since segmentation computes it.
 */
#include "edit.h"

#include "bytes.h"
#include "checksum.h"
#include "tcpopt.h"

#include <string.h>

enum {
	IPV4_LENGTH = 2,
	IPV4_ID = 4,
	IPV4_TTL = 8,
	IPV4_SUM = 10,
	IPV4_SRC = 12,
	IPV4_DST = 16,
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	IPV6_LENGTH = 4,
	IPV6_HOP_LIMIT = 7,
	IPV6_SRC = 8,
	IPV6_DST = 24,
	TCP_SEQ = 4,
	TCP_ACK = 8,
	TCP_HEADER = 20,
	TCP_DATA_OFFSET = 12,
	TCP_FLAGS = 13,
	TCP_WINDOW = 14,
	ICMP_SUM = 2,
	ICMP_ID = 4,
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_RECORD_ROUTE = 7,
	OPTION_TIMESTAMP = 68,
	OPTION_LOOSE_ROUTE = 131,
	OPTION_STRICT_ROUTE = 137,
	ECN_MASK = 3,
};

void hb_edit_begin(struct hb_edit *edit, struct hb_datagram *dgram, const struct hb_packet *packet)
{
	*edit = (struct hb_edit){ .dgram = dgram, .packet = packet };
}

static void note_word(struct hb_edit *edit, uint16_t old_word, uint16_t new_word)
{
	edit->l4_change += (uint16_t)~old_word;
	edit->l4_change += new_word;
	edit->changed = true;
}

/* A last odd byte is summed as if a zero followed (RFC 1071). */
static uint16_t word_at(const struct hb_datagram *dgram, size_t at)
{
	if (at + 1 < dgram->len)
		return hb_get_be16(dgram->data + at);
	return (uint16_t)((unsigned)dgram->data[at] << 8);
}

/* Writes len bytes at any offset; sums 16-bit words that lie even within the transport header. */
static void edit_bytes(struct hb_edit *edit, size_t offset, const uint8_t *bytes, size_t len)
{
	uint8_t *data = edit->dgram->data;
	size_t start = offset & ~(size_t)1;
	size_t end = (offset + len + 1) & ~(size_t)1;
	for (size_t at = start; at < end; at += 2) {
		uint16_t old_word = word_at(edit->dgram, at);
		for (size_t i = at; i < at + 2; i++)
			if (i >= offset && i < offset + len)
				data[i] = bytes[i - offset];
		note_word(edit, old_word, word_at(edit->dgram, at));
	}
}

void hb_edit_u8(struct hb_edit *edit, size_t offset, uint8_t value)
{
	edit_bytes(edit, offset, &value, 1);
}

void hb_edit_u16(struct hb_edit *edit, size_t offset, uint16_t value)
{
	uint8_t bytes[2];
	hb_put_be16(bytes, value);
	edit_bytes(edit, offset, bytes, sizeof(bytes));
}

void hb_edit_u32(struct hb_edit *edit, size_t offset, uint32_t value)
{
	uint8_t bytes[4];
	hb_put_be32(bytes, value);
	edit_bytes(edit, offset, bytes, sizeof(bytes));
}

/* An IPv4 address counts in the header's own checksum as well as in the pseudo-header. */
static void edit_address(struct hb_edit *edit, size_t v4_offset, size_t v6_offset,
			 const struct hb_addr *addr)
{
	if (edit->packet->ip_version == 6) {
		edit_bytes(edit, v6_offset, addr->bytes, 16);
		return;
	}
	uint8_t *data = edit->dgram->data;
	uint16_t sum = hb_get_be16(data + IPV4_SUM);
	sum = hb_checksum_update32(sum, hb_get_be32(data + v4_offset),
				   hb_get_be32(addr->bytes + 12));
	edit_bytes(edit, v4_offset, addr->bytes + 12, 4);
	hb_put_be16(data + IPV4_SUM, sum);
}

static bool has_ports(const struct hb_packet *packet)
{
	return packet->has_l4 &&
	       (packet->protocol == HB_PROTO_TCP || packet->protocol == HB_PROTO_UDP);
}

/* An echo's identifier: ICMP's sum covers no pseudo-header, so what it changes is all there is. */
static void edit_echo_id(struct hb_edit *edit, uint16_t id)
{
	const struct hb_packet *packet = edit->packet;
	uint8_t *header = edit->dgram->data + packet->l4_offset;
	hb_edit_u16(edit, packet->l4_offset + (size_t)ICMP_ID, id);
	if (packet->protocol == HB_PROTO_ICMP)
		hb_put_be16(header + ICMP_SUM, hb_checksum_update16(hb_get_be16(header + ICMP_SUM),
								    packet->src_port, id));
}

void hb_edit_source(struct hb_edit *edit, const struct hb_endpoint *to)
{
	if (!hb_addr_equal(&edit->packet->src, &to->addr))
		edit_address(edit, IPV4_SRC, IPV6_SRC, &to->addr);
	if (has_ports(edit->packet) && edit->packet->src_port != to->port)
		hb_edit_u16(edit, edit->packet->l4_offset, to->port);
	else if (edit->packet->is_icmp_echo && edit->packet->src_port != to->port)
		edit_echo_id(edit, to->port); /* which is the destination's "port" as well */
}

void hb_edit_destination(struct hb_edit *edit, const struct hb_endpoint *to)
{
	if (!hb_addr_equal(&edit->packet->dst, &to->addr))
		edit_address(edit, IPV4_DST, IPV6_DST, &to->addr);
	if (has_ports(edit->packet) && edit->packet->dst_port != to->port)
		hb_edit_u16(edit, edit->packet->l4_offset + 2u, to->port);
}

void hb_edit_ttl(struct hb_edit *edit, uint8_t ttl)
{
	uint8_t *data = edit->dgram->data;
	if (edit->packet->ip_version == 6) {
		edit->changed |= data[IPV6_HOP_LIMIT] != ttl;
		data[IPV6_HOP_LIMIT] = ttl;
		return;
	}
	if (data[IPV4_TTL] == ttl)
		return;
	uint16_t old_word = hb_get_be16(data + IPV4_TTL);
	data[IPV4_TTL] = ttl;
	uint16_t sum = hb_get_be16(data + IPV4_SUM);
	hb_put_be16(data + IPV4_SUM,
		    hb_checksum_update16(sum, old_word, hb_get_be16(data + IPV4_TTL)));
	edit->changed = true;
}

/* A word of the IPv4 header that only its own checksum covers. */
static void edit_ipv4_word(struct hb_edit *edit, size_t offset, uint16_t word)
{
	uint8_t *data = edit->dgram->data;
	uint16_t old_word = hb_get_be16(data + offset);
	if (old_word == word)
		return;
	hb_put_be16(data + offset, word);
	hb_put_be16(data + IPV4_SUM,
		    hb_checksum_update16(hb_get_be16(data + IPV4_SUM), old_word, word));
	edit->changed = true;
}

void hb_edit_tos(struct hb_edit *edit, uint8_t tos)
{
	uint8_t *data = edit->dgram->data;
	if (edit->packet->ip_version == 4) {
		edit_ipv4_word(edit, 0, (uint16_t)(data[0] << 8 | tos));
		return;
	}
	uint32_t word = (hb_get_be32(data) & UINT32_C(0xf00fffff)) | (uint32_t)tos << 20;
	edit->changed |= hb_get_be32(data) != word;
	hb_put_be32(data, word);
}

void hb_edit_look(struct hb_edit *edit, const struct hb_iplook_change *change)
{
	uint8_t *data = edit->dgram->data;
	hb_edit_tos(edit, (uint8_t)(change->dscp << 2 | (edit->packet->tos & ECN_MASK)));
	if (edit->packet->ip_version == 6) {
		uint32_t word = (hb_get_be32(data) & UINT32_C(0xfff00000)) | change->flow_label;
		edit->changed |= hb_get_be32(data) != word;
		hb_put_be32(data, word);
		return;
	}
	uint16_t id = (uint16_t)(edit->packet->ip_id + change->id_difference);
	edit_ipv4_word(edit, IPV4_ID, change->zero_id ? 0 : id);
}

static bool tells_route(uint8_t option)
{
	return option == OPTION_RECORD_ROUTE || option == OPTION_TIMESTAMP ||
	       option == OPTION_LOOSE_ROUTE || option == OPTION_STRICT_ROUTE;
}

static void header_byte(uint8_t *header, size_t offset, uint8_t byte)
{
	uint8_t *word = header + (offset & ~(size_t)1);
	uint16_t old_word = hb_get_be16(word);
	header[offset] = byte;
	hb_put_be16(header + IPV4_SUM, hb_checksum_update16(hb_get_be16(header + IPV4_SUM),
							    old_word, hb_get_be16(word)));
}

/* What lies behind an option that cannot be right, or behind the end, nobody reads. */
bool hb_edit_header_hide_route(uint8_t *header, size_t header_len)
{
	bool found = false;
	size_t at = IPV4_HEADER, len;
	for (; at + 1 < header_len && header[at] != OPTION_END; at += len) {
		len = header[at] == OPTION_NOP ? 1 : header[at + 1];
		if (len == 0 || at + len > header_len)
			break;
		if (!tells_route(header[at]))
			continue;
		for (size_t i = 0; i < len; i++)
			header_byte(header, at + i, OPTION_NOP);
		found = true;
	}
	return found;
}

void hb_edit_hide_route(struct hb_edit *edit)
{
	const struct hb_packet *packet = edit->packet;
	if (packet->ip_options)
		edit->changed |= hb_edit_header_hide_route(edit->dgram->data, packet->l4_offset);
}

void hb_edit_seq(struct hb_edit *edit, uint32_t seq)
{
	hb_edit_u32(edit, edit->packet->l4_offset + (size_t)TCP_SEQ, seq);
}

void hb_edit_ack(struct hb_edit *edit, uint32_t ack)
{
	hb_edit_u32(edit, edit->packet->l4_offset + (size_t)TCP_ACK, ack);
}

void hb_edit_window(struct hb_edit *edit, uint16_t window)
{
	hb_edit_u16(edit, edit->packet->l4_offset + (size_t)TCP_WINDOW, window);
}

void hb_edit_tcp_flags(struct hb_edit *edit, uint8_t flags)
{
	hb_edit_u8(edit, edit->packet->l4_offset + (size_t)TCP_FLAGS, flags);
}

void hb_edit_erase_option(struct hb_edit *edit, size_t offset)
{
	size_t len = edit->dgram->data[offset + 1];
	for (size_t i = 0; i < len; i++)
		hb_edit_u8(edit, offset + i, OPTION_NOP);
}

/* The lengths that the headers tell, after the options grew. */
static void edit_length(struct hb_edit *edit, size_t len)
{
	const struct hb_packet *packet = edit->packet;
	size_t l4 = packet->l4_offset;
	note_word(edit, (uint16_t)(packet->len - l4), (uint16_t)(len - l4)); /* pseudo-header */
	if (packet->ip_version == 4)
		edit_ipv4_word(edit, IPV4_LENGTH, (uint16_t)len);
	else
		hb_put_be16(edit->dgram->data + IPV6_LENGTH, (uint16_t)(len - IPV6_HEADER));
	edit->dgram->len = len;
}

bool hb_edit_options(struct hb_edit *edit, const struct hb_tcp_options *options)
{
	const struct hb_packet *packet = edit->packet;
	uint8_t bytes[HB_TCPOPT_MAX_LEN];
	size_t new_len = hb_tcpopt_write(bytes, options, false);
	size_t at = packet->l4_offset + (size_t)TCP_HEADER;
	size_t old_len = packet->payload_offset - at;
	size_t len = packet->len + new_len - old_len;
	uint8_t *data = edit->dgram->data;
	if (len > edit->dgram->cap || len > UINT16_MAX)
		return false;
	for (size_t i = 0; i < old_len; i += 2)
		note_word(edit, hb_get_be16(data + at + i), 0);
	for (size_t i = 0; i < new_len; i += 2)
		note_word(edit, 0, hb_get_be16(bytes + i));
	memmove(data + at + new_len, data + packet->payload_offset, packet->payload_len);
	memcpy(data + at, bytes, new_len);
	size_t words = (TCP_HEADER + new_len) / 4;
	hb_edit_u8(edit, packet->l4_offset + (size_t)TCP_DATA_OFFSET,
		   (uint8_t)(words << 4 | (data[packet->l4_offset + TCP_DATA_OFFSET] & 0xf)));
	edit_length(edit, len);
	return true;
}

static void finish_l4(struct hb_edit *edit)
{
	struct hb_datagram *dgram = edit->dgram;
	size_t offset = hb_checksum_l4_offset(edit->packet);
	if (offset == 0 || !edit->packet->has_l4)
		return;
	if (dgram->checksum == HB_CHECKSUM_PARTIAL) {
		struct hb_packet changed;
		if (!dgram->gso && hb_packet_parse(dgram->data, dgram->len, &changed) == 0)
			hb_checksum_fill_l4(dgram->data, &changed);
		return;
	}
	uint16_t sum = hb_get_be16(dgram->data + offset);
	bool udp = edit->packet->protocol == HB_PROTO_UDP;
	if (udp && sum == 0)
		return;
	if (edit->packet->protocol == HB_PROTO_ICMP)
		return; /* covers no pseudo-header: what changed in it was summed there */
	sum = (uint16_t)~hb_checksum_fold((uint64_t)(uint16_t)~sum + edit->l4_change);
	hb_put_be16(dgram->data + offset, udp && sum == 0 ? 0xffff : sum);
}

enum hb_verdict hb_edit_finish(struct hb_edit *edit)
{
	if (!edit->changed)
		return HB_ACCEPT;
	finish_l4(edit);
	return HB_ACCEPT_MODIFIED;
}
