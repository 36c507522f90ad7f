/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Quotations are usually cut short: each field is changed if it is there. Whatever the quoted transport
 * checksum was, right or wrong, goes with what it covers, since it tells of the leg as well.
 */
#include "quote.h"

#include "bytes.h"
#include "checksum.h"
#include "edit.h"
#include "handover.h"
#include "seq.h"
#include "tcpopt.h"

enum {
	IPV4_LENGTH = 2,
	IPV4_SUM = 10,
	IPV6_LENGTH = 4,
	IPV6_HEADER_BYTES = 40,
	V6_TOO_BIG = 2,
	LEAST_QUOTED = 8, /* of what is behind the IP header (RFC 792) */
	TCP_HEADER_BYTES = 20,
	TCP_SEQ = 4,
	TCP_ACK = 8,
	TCP_OFFSET = 12,
	TCP_FLAGS = 13,
	ECHO_ID = 4,
};

static bool is_quoted(const struct hb_quote *quote, size_t offset, size_t len)
{
	return offset + len <= quote->quoted->len; /* behind it may be ICMP's own (RFC 4884) */
}

static uint8_t *quotation(const struct hb_quote *quote)
{
	return quote->dgram->data + quote->error->quoted_offset;
}

/* 0 is no checksum for UDP. */
static void update_sum(const struct hb_quote *quote, uint16_t old_word, uint16_t new_word)
{
	size_t at = hb_checksum_l4_offset(quote->quoted);
	bool udp = quote->quoted->protocol == HB_PROTO_UDP;
	if (at == 0 || !is_quoted(quote, at, 2))
		return;
	uint16_t sum = hb_get_be16(quotation(quote) + at);
	if (udp && sum == 0)
		return;
	sum = hb_checksum_update16(sum, old_word, new_word);
	hb_put_be16(quotation(quote) + at, udp && sum == 0 ? UINT16_MAX : sum);
}

static uint16_t swapped(uint16_t word)
{
	return (uint16_t)(word << 8 | word >> 8);
}

/* Of the transport header: only what is there of it. Options may begin at an odd byte. */
static void set_word(const struct hb_quote *quote, size_t offset, uint16_t word)
{
	size_t at = quote->quoted->l4_offset + offset;
	if (!is_quoted(quote, at, 2))
		return;
	uint16_t old_word = hb_get_be16(quotation(quote) + at);
	if (offset & 1)
		update_sum(quote, swapped(old_word), swapped(word));
	else
		update_sum(quote, old_word, word);
	hb_put_be16(quotation(quote) + at, word);
}

static void add_u32(const struct hb_quote *quote, size_t offset, uint32_t difference)
{
	size_t at = quote->quoted->l4_offset + offset;
	if (!is_quoted(quote, at, 4))
		return;
	uint32_t value = hb_get_be32(quotation(quote) + at) + difference;
	set_word(quote, offset, (uint16_t)(value >> 16));
	set_word(quote, offset + 2, (uint16_t)value);
}

/* An address counts in the quoted IPv4 header's sum, and in all pseudo-headers. */
static void set_address(const struct hb_quote *quote, bool source, const struct hb_addr *addr)
{
	bool ipv6 = quote->quoted->ip_version == 6;
	uint8_t *header = quotation(quote);
	uint8_t *field = header + (ipv6 ? (source ? 8 : 24) : (source ? 12 : 16));
	for (size_t i = ipv6 ? 0 : 12; i < 16; i += 2, field += 2) {
		uint16_t old_word = hb_get_be16(field), word = hb_get_be16(addr->bytes + i);
		hb_put_be16(field, word);
		if (!ipv6)
			hb_put_be16(header + IPV4_SUM,
				    hb_checksum_update16(hb_get_be16(header + IPV4_SUM), old_word,
							 word));
		if (quote->quoted->protocol != HB_PROTO_ICMP)
			update_sum(quote, old_word, word);
	}
}

static void set_endpoint(const struct hb_quote *quote, bool source,
			 const struct hb_endpoint *endpoint)
{
	uint8_t protocol = quote->quoted->protocol;
	set_address(quote, source, &endpoint->addr);
	if (!quote->quoted->has_l4)
		return;
	if (protocol == HB_PROTO_TCP || protocol == HB_PROTO_UDP)
		set_word(quote, source ? 0 : 2, endpoint->port);
	else if (source && quote->quoted->is_icmp_echo)
		set_word(quote, ECHO_ID, endpoint->port);
}

void hb_quote_set_source(const struct hb_quote *quote, const struct hb_endpoint *endpoint)
{
	set_endpoint(quote, true, endpoint);
}

void hb_quote_set_destination(const struct hb_quote *quote, const struct hb_endpoint *endpoint)
{
	set_endpoint(quote, false, endpoint);
}

/* How long the TCP header is if all of it is quoted; else 0. */
static size_t whole_header(const struct hb_quote *quote)
{
	const struct hb_packet *quoted = quote->quoted;
	if (!is_quoted(quote, quoted->l4_offset, TCP_HEADER_BYTES))
		return 0;
	size_t len = (size_t)(quotation(quote)[quoted->l4_offset + TCP_OFFSET] >> 4) * 4;
	return len >= TCP_HEADER_BYTES && is_quoted(quote, quoted->l4_offset, len) ? len : 0;
}

/* Their offsets are from the TCP header's start. */
static struct hb_tcp_options read_options(const struct hb_quote *quote, size_t header_len)
{
	struct hb_tcp_options options = { 0 };
	hb_tcpopt_parse(quotation(quote) + quote->quoted->l4_offset, TCP_HEADER_BYTES,
			header_len - TCP_HEADER_BYTES, &options);
	return options;
}

static bool is_tcp(const struct hb_quote *quote)
{
	return quote->quoted->protocol == HB_PROTO_TCP && quote->quoted->has_l4;
}

/* No more than the ports and the number: the rest is not what the client sent, and cannot be. */
static void cut_short(const struct hb_quote *quote)
{
	struct hb_datagram *dgram = quote->dgram;
	uint8_t *data = dgram->data, *icmp = data + quote->error->l4_offset;
	size_t least =
		(size_t)quote->error->quoted_offset + quote->quoted->l4_offset + LEAST_QUOTED;
	bool ipv6 = quote->error->ip_version == 6;
	if (least >= quote->error->len)
		return;
	dgram->len = least;
	if (ipv6) {
		hb_put_be16(data + IPV6_LENGTH, (uint16_t)(least - IPV6_HEADER_BYTES));
	} else {
		hb_put_be16(data + IPV4_SUM,
			    hb_checksum_update16(hb_get_be16(data + IPV4_SUM),
						 hb_get_be16(data + IPV4_LENGTH), (uint16_t)least));
		hb_put_be16(data + IPV4_LENGTH, (uint16_t)least);
	}
	/* Where extensions would have begun (RFC 4884); the MTU lies beside it, or in its place. */
	if (!ipv6 || quote->error->icmp_type != V6_TOO_BIG)
		icmp[ipv6 ? 4 : 5] = 0;
}

/*
 * One that was raised to the first byte that counts (rule 13) was no higher than what the client has
 * acknowledged since; one below it is ours, from the replay.
 */
static void number_of_client_ack(const struct hb_quote *quote, const struct hb_flow *flow)
{
	const struct hb_translation *translation = &flow->redirect->translation;
	uint32_t there = hb_get_be32(quotation(quote) + quote->quoted->l4_offset + TCP_ACK);
	uint32_t ack = there + translation->seq_difference;
	bool replayed = hb_seq_before(there, translation->keep) &&
			hb_seq_distance(there, translation->keep) <=
				hb_handover_of(flow)->info.discarded_bytes;
	bool raised = there == translation->keep && hb_seq_before(flow->track.client_ack, ack);
	if (replayed || raised)
		ack = flow->track.client_ack;
	add_u32(quote, TCP_ACK, ack - there);
}

void hb_quote_numbers_of_client(const struct hb_quote *quote, const struct hb_flow *flow)
{
	const struct hb_translation *translation = &flow->redirect->translation;
	uint8_t changed = HB_TCPOPT_TIMESTAMP | HB_TCPOPT_SACK_OK | HB_TCPOPT_WSCALE;
	if (!is_tcp(quote))
		return;
	size_t header_len = whole_header(quote);
	if (header_len == 0 || (translation->lacks & changed) || translation->lacks_ecn) {
		cut_short(quote);
		return;
	}
	bool has_ack = quotation(quote)[quote->quoted->l4_offset + TCP_FLAGS] & HB_TCP_ACK;
	struct hb_tcp_options options = read_options(quote, header_len);
	if (has_ack)
		number_of_client_ack(quote, flow);
	for (size_t i = 0; i < options.sack_count; i++) {
		add_u32(quote, options.sack_offset + 2 + 8 * i, translation->seq_difference);
		add_u32(quote, options.sack_offset + 6 + 8 * i, translation->seq_difference);
	}
	if (options.timestamp_offset != 0 && has_ack)
		add_u32(quote, options.timestamp_offset + 6u, translation->ts_difference);
}

void hb_quote_numbers_of_honeypot(const struct hb_quote *quote,
				  const struct hb_translation *translation)
{
	if (!is_tcp(quote))
		return;
	add_u32(quote, TCP_SEQ, 0 - translation->seq_difference);
	size_t header_len = whole_header(quote);
	if (header_len == 0)
		return;
	struct hb_tcp_options options = read_options(quote, header_len);
	if (options.timestamp_offset != 0)
		add_u32(quote, options.timestamp_offset + 2u, 0 - translation->ts_difference);
}

bool hb_quote_hide_route(const struct hb_quote *quote)
{
	return quote->quoted->ip_options &&
	       hb_edit_header_hide_route(quotation(quote), quote->quoted->l4_offset);
}
