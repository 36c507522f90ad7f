/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parser against packets that were right before something happened to them. Whatever it takes
 * must hold what packet.h promises; what it reads behind the packet's end a sanitizer sees.
 */
#include "craft.h"

#define ROUNDS 200000

/* Which ways through the parser were gone, so that the mutations are known to be mild enough. */
struct seen {
	unsigned taken, refused, tcp, udp, icmp, fragments, timestamps, sacks, quoted;
};

static void check_options(const struct hb_packet *p)
{
	const struct hb_tcp_options *o = &p->options;
	size_t first = p->l4_offset + 20u;

	unit_require(o->wscale <= 14);
	unit_require(!(o->present & HB_TCPOPT_TIMESTAMP) == (o->timestamp_offset == 0));
	unit_require(!(o->present & HB_TCPOPT_SACK) == (o->sack_offset == 0));
	unit_require(!(o->present & HB_TCPOPT_SACK) == (o->sack_count == 0));
	unit_require(!(o->present & HB_TCPOPT_MSS) == (o->mss == 0));
	unit_require(o->sack_count <= HB_TCP_SACK_MAX);
	if (o->present & HB_TCPOPT_TIMESTAMP) {
		unit_require(o->timestamp_offset >= first);
		unit_require(o->timestamp_offset + 10u <= p->payload_offset);
		unit_require(p->data[o->timestamp_offset] == 8);
	}
	if (o->present & HB_TCPOPT_SACK) {
		unit_require(o->sack_offset >= first);
		unit_require(o->sack_offset + 2u + 8u * o->sack_count <= p->payload_offset);
		unit_require(p->data[o->sack_offset] == 5);
	}
}

static void check_transport(const struct hb_packet *p)
{
	size_t header_len = p->payload_offset - p->l4_offset;
	size_t checksum = hb_checksum_l4_offset(p);

	if (!p->has_l4) {
		unit_require(header_len == 0 && checksum == 0);
		unit_require(p->src_port == 0 && p->dst_port == 0);
		unit_require(p->payload_offset + p->payload_len == p->len);
		return;
	}
	unit_require(checksum > p->l4_offset && checksum + 2 <= p->payload_offset);
	switch (p->protocol) {
	case HB_PROTO_TCP:
		unit_require(header_len >= 20 && header_len <= 60 && header_len % 4 == 0);
		unit_require(p->payload_offset + p->payload_len == p->len);
		break;
	case HB_PROTO_UDP:
		unit_require(header_len == 8);
		break;
	default:
		unit_require(p->protocol == (p->ip_version == 4 ? HB_PROTO_ICMP : HB_PROTO_ICMPV6));
		unit_require(header_len == 8);
		break;
	}
}

static void check_packet(const struct hb_packet *p, const uint8_t *data, size_t len)
{
	unit_require(p->data == data && p->len <= len);
	unit_require(p->ip_version == 4 || p->ip_version == 6);
	unit_require(hb_addr_is_ipv4(&p->src) == (p->ip_version == 4));
	unit_require(hb_addr_is_ipv4(&p->dst) == (p->ip_version == 4));
	unit_require(p->l4_offset >= (p->ip_version == 4 ? 20 : 40));
	unit_require(p->l4_offset <= p->payload_offset && p->payload_offset <= p->len);
	unit_require(p->payload_len <= p->len - p->payload_offset);
	unit_require(p->fragment_offset_bytes == 0 || (p->is_fragment && !p->has_l4));
	unit_require(!p->is_icmp_error || p->has_l4);
	if (p->quoted_offset) {
		unit_require(p->is_icmp_error && p->quoted_offset == p->payload_offset);
		unit_require(p->quoted_offset + (p->ip_version == 4 ? 20u : 40u) <= p->len);
	}
	check_transport(p);
	check_options(p);
}

static void check_quoted(const struct hb_packet *q, const struct hb_packet *error)
{
	unit_require(q->data == error->data + error->quoted_offset);
	unit_require(q->len <= error->len - error->quoted_offset);
	unit_require(q->ip_version == error->ip_version);
	unit_require(q->l4_offset <= q->len && q->payload_len == 0);
	unit_require(q->payload_offset == q->len);
	unit_require(!q->has_l4 || q->l4_offset + 8u <= q->len);
	unit_require(q->has_l4 || (q->src_port == 0 && q->dst_port == 0 && q->seq == 0));
	unit_require(!q->is_icmp_error && q->quoted_offset == 0);
}

static struct craft with_every_option(int version)
{
	static const uint8_t options[32] = { 1, 1, 8, 10, 0, 0, 0,  1,       0,
					     0, 0, 2, 1,  1, 5, 18, [31] = 9 };
	struct craft b = craft_any(version, HB_PROTO_TCP, 20 + sizeof(options) + 30);
	uint8_t *tcp = b.at + (version == 4 ? 20 : 40);

	tcp[12] = (20 + sizeof(options)) / 4 << 4;
	memcpy(tcp + 20, options, sizeof(options));
	return b;
}

static struct craft quoting(int version, const struct craft *quoted)
{
	struct craft b = craft_icmp(version, version == 4 ? 11 : 3, quoted->len);

	memcpy(b.at + b.len - quoted->len, quoted->at, quoted->len);
	return b;
}

static struct craft with_extensions(struct craft b)
{
	craft_insert_extension(&b, 60, 16);
	craft_insert_fragment(&b, 0);
	craft_insert_extension(&b, 43, 8);
	craft_insert_extension(&b, 0, 8);
	return b;
}

#define KINDS 7

static struct craft right_packet(unsigned kind, int version)
{
	struct craft b;

	switch (kind) {
	case 0:
		return craft_tcp(version);
	case 1:
		return craft_udp(version);
	case 2:
		return craft_icmp(version, version == 4 ? 8 : 128, 20);
	case 3:
		return with_every_option(version);
	case 4:
		b = craft_tcp(version);
		return quoting(version, &b);
	case 5:
		b = with_extensions(craft_udp(6));
		return version == 4 ? b : quoting(6, &b);
	default:
		b = craft_udp(version);
		if (version == 6)
			craft_insert_fragment(&b, 1);
		else
			hb_put_be16(b.at + 6, 0x2000);
		return b;
	}
}

/* One change: a bit, a byte, a byte with a meaning elsewhere, or the length. */
static void mutate_once(struct craft *b, uint64_t *random)
{
	static const uint8_t telling[] = { 0,  1,  2,  4,  5,  6,  7,  8,   10,  17,  18, 20,
					   40, 43, 44, 51, 58, 59, 60, 127, 128, 254, 255 };
	size_t at = unit_random_below(random, b->len);

	switch (unit_random_below(random, 8)) {
	case 0:
		b->len = 1 + unit_random_below(random, b->len);
		break;
	case 1:
	case 2:
		b->at[at] = (uint8_t)unit_random(random);
		break;
	case 3:
	case 4:
		b->at[at] = telling[unit_random_below(random, sizeof(telling))];
		break;
	default:
		b->at[at] ^= (uint8_t)(1u << unit_random_below(random, 8));
		break;
	}
}

/* Makes the length in the IP header right again, so that the parser goes on to what is behind it.
 */
static void mend_length(struct craft *b)
{
	if (b->at[0] >> 4 == 4 && b->len >= 20)
		hb_put_be16(b->at + 2, (uint16_t)b->len);
	else if (b->at[0] >> 4 == 6 && b->len >= 40)
		hb_put_be16(b->at + 4, (uint16_t)(b->len - 40));
}

static void count(struct seen *seen, const struct hb_packet *p)
{
	seen->taken++;
	seen->tcp += p->has_l4 && p->protocol == HB_PROTO_TCP;
	seen->udp += p->has_l4 && p->protocol == HB_PROTO_UDP;
	seen->icmp += p->has_l4 && p->protocol != HB_PROTO_TCP && p->protocol != HB_PROTO_UDP;
	seen->fragments += p->is_fragment;
	seen->timestamps += (p->options.present & HB_TCPOPT_TIMESTAMP) != 0;
	seen->sacks += (p->options.present & HB_TCPOPT_SACK) != 0;
}

static void parse_and_check(const struct craft *b, struct seen *seen)
{
	uint8_t *exact = malloc(b->len);
	struct hb_packet packet, quoted;

	unit_require(exact != NULL);
	memcpy(exact, b->at, b->len);
	if (hb_packet_parse(exact, b->len, &packet)) {
		seen->refused++;
		free(exact);
		return;
	}
	count(seen, &packet);
	check_packet(&packet, exact, b->len);
	if (hb_packet_parse_quoted(&packet, &quoted) == 0) {
		check_quoted(&quoted, &packet);
		seen->quoted++;
	}
	hb_packet_checksum_ok(&packet);
	hb_checksum_fill_l4(exact, &packet);
	unit_require(hb_packet_checksum_ok(&packet));
	free(exact);
}

START_TEST(whatever_happens_to_a_packet)
{
	struct seen seen = { .taken = 0 };
	uint64_t random = 1;

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct craft b = right_packet(round % KINDS, round / KINDS % 2 ? 6 : 4);

		for (uint64_t n = unit_random_below(&random, 6); n > 0; n--)
			mutate_once(&b, &random);
		if (round % 4)
			mend_length(&b);
		parse_and_check(&b, &seen);
	}
	ck_assert_uint_gt(seen.taken, ROUNDS / 4);
	ck_assert_uint_gt(seen.refused, ROUNDS / 20);
	ck_assert_uint_gt(seen.tcp, ROUNDS / 20);
	ck_assert_uint_gt(seen.udp, ROUNDS / 20);
	ck_assert_uint_gt(seen.icmp, ROUNDS / 20);
	ck_assert_uint_gt(seen.fragments, ROUNDS / 100);
	ck_assert_uint_gt(seen.timestamps, ROUNDS / 50);
	ck_assert_uint_gt(seen.sacks, ROUNDS / 100);
	ck_assert_uint_gt(seen.quoted, ROUNDS / 50);
}
END_TEST

START_TEST(noise)
{
	struct seen seen = { .taken = 0 };
	uint64_t random = 2;

	for (unsigned round = 0; round < ROUNDS / 4; round++) {
		struct craft b;

		b.len = 1 + unit_random_below(&random, 120);
		unit_random_fill(&random, b.at, b.len);
		b.at[0] = round % 2 ? 0x45 : 0x60;
		mend_length(&b);
		parse_and_check(&b, &seen);
	}
	ck_assert_uint_gt(seen.taken, 0);
}
END_TEST

UNIT_MAIN("packet_mutate", whatever_happens_to_a_packet, noise)
