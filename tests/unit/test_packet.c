/* SPDX-License-Identifier: BSD-2-Clause */
#include "craft.h"

START_TEST(nothing_and_other_versions_are_refused)
{
	struct craft b = craft_tcp(4);
	struct hb_packet packet;

	ck_assert_int_eq(hb_packet_parse(NULL, 0, &packet), -EINVAL);
	b.at[0] = 0x55;
	craft_check_refused(&b);
	b.at[0] = 0x05;
	craft_check_refused(&b);
}
END_TEST

START_TEST(every_cut_is_refused)
{
	for (int version = 4; version <= 6; version += 2) {
		for (size_t len = 1; len < craft_tcp(version).len; len++) {
			struct craft b = craft_tcp(version);

			b.len = len;
			craft_check_refused(&b);
		}
	}
}
END_TEST

/* The same cuts, but the IP header admits them: the payload may be shorter, the headers not. */
START_TEST(headers_must_fit_in_the_ip_length)
{
	for (size_t len = 20; len <= 57; len++) {
		struct craft b = craft_tcp(4);
		struct hb_packet packet;

		b.len = len;
		hb_put_be16(b.at + 2, (uint16_t)len);
		ck_assert_int_eq(craft_parse(&b, &packet), len < 52 ? -EINVAL : 0);
		if (len >= 52)
			ck_assert_uint_eq(packet.payload_len, len - 52);
	}
}
END_TEST

START_TEST(padding_behind_the_packet_does_not_count)
{
	for (int version = 4; version <= 6; version += 2) {
		struct craft b = craft_tcp(version);
		size_t len = b.len;
		struct hb_packet packet;

		b.len += 7;
		packet = craft_parsed(&b);
		ck_assert_uint_eq(packet.len, len);
		ck_assert_uint_eq(packet.payload_len, 5);
	}
}
END_TEST

START_TEST(ipv4_lengths_are_checked)
{
	struct craft b = craft_tcp(4);

	hb_put_be16(b.at + 2, 19); /* less than a header */
	craft_check_refused(&b);
	hb_put_be16(b.at + 2, 0); /* what a too long super-packet says */
	craft_check_refused(&b);
	hb_put_be16(b.at + 2, (uint16_t)(b.len + 1));
	craft_check_refused(&b);
	b = craft_tcp(4);
	b.at[0] = 0x44; /* a header of 16 bytes */
	craft_check_refused(&b);
	b.at[0] = 0x4f; /* 60 bytes, more than there are */
	craft_check_refused(&b);
}
END_TEST

START_TEST(ipv4_options_are_passed_over)
{
	struct craft b = craft_tcp(4);
	struct hb_packet packet;

	memmove(b.at + 60, b.at + 20, b.len - 20);
	memset(b.at + 20, 1, 40);
	b.len += 40;
	b.at[0] = 0x4f;
	hb_put_be16(b.at + 2, (uint16_t)b.len);
	packet = craft_parsed(&b);
	ck_assert_uint_eq(packet.l4_offset, 60);
	ck_assert_uint_eq(packet.src_port, 40000);
	ck_assert_uint_eq(packet.payload_len, 5);
	ck_assert(hb_packet_checksum_ok(&packet));
}
END_TEST

START_TEST(ipv4_fields_are_read)
{
	struct craft b = craft_tcp(4);
	struct hb_packet packet;

	b.at[1] = 0xb9;
	hb_put_be16(b.at + 4, 0x1234);
	hb_put_be16(b.at + 6, 0x4000);
	b.at[8] = 3;
	packet = craft_parsed(&b);
	ck_assert_uint_eq(packet.ip_version, 4);
	ck_assert_uint_eq(packet.tos, 0xb9);
	ck_assert_uint_eq(packet.ip_id, 0x1234);
	ck_assert(packet.dont_fragment);
	ck_assert(!packet.is_fragment);
	ck_assert_uint_eq(packet.ttl, 3);
	ck_assert_uint_eq(packet.protocol, HB_PROTO_TCP);
	hb_put_be16(b.at + 6, 0x8000); /* the reserved bit means nothing */
	packet = craft_parsed(&b);
	ck_assert(!packet.dont_fragment);
	ck_assert(!packet.is_fragment);
}
END_TEST

START_TEST(tcp_header_is_checked)
{
	struct craft b = craft_tcp(4);

	b.at[32] = 0x40; /* a data offset of 4 */
	craft_check_refused(&b);
	b.at[32] = 0xf0; /* 15, behind the packet's end */
	craft_check_refused(&b);
	b.at[32] = 0x50;
	ck_assert_uint_eq(craft_parsed(&b).payload_len, 12 + 5);
	ck_assert_uint_eq(craft_parsed(&b).options.present, 0);
}
END_TEST

START_TEST(tcp_fields_are_read)
{
	for (int version = 4; version <= 6; version += 2) {
		struct craft b = craft_tcp(version);
		struct hb_packet packet = craft_parsed(&b);

		ck_assert(packet.has_l4);
		ck_assert_uint_eq(packet.src_port, 40000);
		ck_assert_uint_eq(packet.dst_port, 80);
		ck_assert_uint_eq(packet.seq, UINT32_C(0xa1a2a3a4));
		ck_assert_uint_eq(packet.ack, UINT32_C(0xb1b2b3b4));
		ck_assert_uint_eq(packet.tcp_flags, HB_TCP_ACK | HB_TCP_PSH);
		ck_assert_uint_eq(packet.window, 502);
		ck_assert_uint_eq(packet.options.present, HB_TCPOPT_TIMESTAMP);
		ck_assert_uint_eq(packet.options.timestamp_offset, packet.l4_offset + 22u);
		ck_assert_uint_eq(packet.payload_offset, packet.l4_offset + 32u);
		ck_assert_mem_eq(b.at + packet.payload_offset, "hello", 5);
	}
}
END_TEST

START_TEST(udp_ends_where_it_says)
{
	for (int version = 4; version <= 6; version += 2) {
		struct craft b = craft_udp(version);
		uint8_t *udp_len = b.at + (version == 4 ? 24 : 44);
		struct hb_packet packet = craft_parsed(&b);

		ck_assert_uint_eq(packet.payload_len, 8);
		hb_put_be16(udp_len, 17); /* a byte more than there is */
		craft_check_refused(&b);
		hb_put_be16(udp_len, 7);
		craft_check_refused(&b);
		hb_put_be16(udp_len, 0);
		craft_check_refused(&b);
		hb_put_be16(udp_len, 8 + 3);
		packet = craft_parsed(&b);
		ck_assert_uint_eq(packet.payload_len, 3);
		hb_checksum_fill_l4(b.at, &packet);
		ck_assert(hb_packet_checksum_ok(&packet));
		b.at[b.len - 1] ^= 1; /* behind the datagram: not covered */
		ck_assert(hb_packet_checksum_ok(&packet));
	}
}
END_TEST

START_TEST(checksums_cover_every_byte)
{
	for (int version = 4; version <= 6; version += 2) {
		struct craft packets[] = { craft_tcp(version), craft_udp(version),
					   craft_icmp(version, version == 4 ? 8 : 128, 5) };

		for (size_t i = 0; i < 3; i++) {
			struct craft *b = &packets[i];
			struct hb_packet packet = craft_parsed(b);

			hb_checksum_fill_l4(b->at, &packet);
			ck_assert(hb_packet_checksum_ok(&packet));
			for (size_t at = packet.l4_offset; at < b->len; at++) {
				b->at[at] ^= 0x10;
				ck_assert(!hb_packet_checksum_ok(&packet));
				b->at[at] ^= 0x10;
			}
			packet.src.bytes[15] ^= 1; /* the pseudo-header: not for ICMP over IPv4 */
			ck_assert_int_eq(hb_packet_checksum_ok(&packet), version == 4 && i == 2);
		}
	}
}
END_TEST

START_TEST(udp_without_a_checksum)
{
	struct craft b = craft_udp(4);
	struct hb_packet packet = craft_parsed(&b);

	hb_put_be16(b.at + hb_checksum_l4_offset(&packet), 0);
	ck_assert(hb_packet_checksum_ok(&packet));
	b = craft_udp(6); /* RFC 8200, 8.1: not here */
	packet = craft_parsed(&b);
	hb_put_be16(b.at + hb_checksum_l4_offset(&packet), 0);
	ck_assert(!hb_packet_checksum_ok(&packet));
}
END_TEST

START_TEST(what_has_no_checksum_is_fine)
{
	struct craft b = craft_any(4, 47, 16);
	struct hb_packet packet = craft_parsed(&b);

	ck_assert(!packet.has_l4);
	ck_assert_uint_eq(hb_checksum_l4_offset(&packet), 0);
	ck_assert(hb_packet_checksum_ok(&packet));
	ck_assert_uint_eq(packet.payload_offset, 20);
	ck_assert_uint_eq(packet.payload_len, 16);
	b = craft_udp(4); /* a first fragment's covers what is not there */
	hb_put_be16(b.at + 6, 0x2000);
	b.at[b.len - 1] ^= 1;
	packet = craft_parsed(&b);
	ck_assert(hb_packet_checksum_ok(&packet));
}
END_TEST

START_TEST(icmp_of_the_other_family_is_just_a_protocol)
{
	struct craft b = craft_any(4, HB_PROTO_ICMPV6, 8);

	b.at[20] = 128;
	ck_assert(!craft_parsed(&b).has_l4);
	b = craft_any(6, HB_PROTO_ICMP, 8);
	b.at[40] = 8;
	ck_assert(!craft_parsed(&b).has_l4);
}
END_TEST

START_TEST(ipv4_fragments)
{
	struct craft b = craft_udp(4);
	struct hb_packet packet;

	hb_put_be16(b.at + 6, 0x2000);
	hb_put_be16(b.at + 24, 5000); /* the length of the whole */
	packet = craft_parsed(&b);
	ck_assert(packet.is_fragment);
	ck_assert(packet.has_l4);
	ck_assert_uint_eq(packet.fragment_offset_bytes, 0);
	ck_assert_uint_eq(packet.dst_port, 80);
	ck_assert_uint_eq(packet.payload_len, 8);
	hb_put_be16(b.at + 24, 7); /* too short for any datagram */
	craft_check_refused(&b);

	hb_put_be16(b.at + 6, 0x2003);
	packet = craft_parsed(&b);
	ck_assert(packet.is_fragment);
	ck_assert(!packet.has_l4);
	ck_assert_uint_eq(packet.fragment_offset_bytes, 24);
	ck_assert_uint_eq(packet.src_port, 0);
	ck_assert_uint_eq(packet.dst_port, 0);
	ck_assert_uint_eq(packet.protocol, HB_PROTO_UDP);
	ck_assert_uint_eq(packet.payload_offset, 20);
	ck_assert_uint_eq(packet.payload_len, 16);
	hb_put_be16(b.at + 6, 0x0003); /* the last one */
	ck_assert(craft_parsed(&b).is_fragment);
}
END_TEST

START_TEST(a_first_fragment_has_the_whole_header)
{
	struct craft b = craft_tcp(4);

	hb_put_be16(b.at + 6, 0x2000);
	hb_put_be16(b.at + 2, 20 + 24); /* the options do not fit */
	ck_assert(!craft_parsed(&b).has_l4);
	hb_put_be16(b.at + 2, 20 + 8); /* as little as a fragment can carry */
	ck_assert(!craft_parsed(&b).has_l4);
	ck_assert(craft_parsed(&b).is_fragment);
	hb_put_be16(b.at + 2, 20 + 32);
	ck_assert(craft_parsed(&b).has_l4);
	b = craft_udp(4);
	hb_put_be16(b.at + 6, 0x2000);
	hb_put_be16(b.at + 2, 20 + 7);
	craft_check_refused(&b);
	b = craft_icmp(4, 8, 0);
	hb_put_be16(b.at + 6, 0x2000);
	hb_put_be16(b.at + 2, 20 + 7);
	craft_check_refused(&b);
}
END_TEST

START_TEST(impossible_fragments_are_refused)
{
	struct craft b = craft_udp(4);

	hb_put_be16(b.at + 6, 8190); /* 20 + 65520 + 16: longer than the longest packet */
	craft_check_refused(&b);
	hb_put_be16(b.at + 6, 8187);
	ck_assert_uint_eq(craft_parsed(&b).fragment_offset_bytes, 65496);
	b = craft_any(4, HB_PROTO_UDP, 0);
	hb_put_be16(b.at + 6, 0x0003); /* a piece of nothing */
	craft_check_refused(&b);
	b = craft_udp(6);
	craft_insert_fragment(&b, 8190 << 3);
	craft_check_refused(&b);
}
END_TEST

START_TEST(a_super_packet_may_be_as_long_as_the_field_says)
{
	uint8_t *data = calloc(1, 65575);
	struct craft b = craft_tcp(4);
	struct hb_packet packet;

	ck_assert_ptr_nonnull(data);
	memcpy(data, b.at, b.len);
	hb_put_be16(data + 2, 65535);
	ck_assert_int_eq(hb_packet_parse(data, 65535, &packet), 0);
	ck_assert_uint_eq(packet.payload_len, 65535 - 52);
	b = craft_tcp(6);
	memcpy(data, b.at, b.len);
	hb_put_be16(data + 4, 65535);
	ck_assert_int_eq(hb_packet_parse(data, 65575, &packet), 0);
	ck_assert_uint_eq(packet.len, 65575);
	hb_checksum_fill_l4(data, &packet);
	ck_assert(hb_packet_checksum_ok(&packet));
	free(data);
}
END_TEST

START_TEST(an_echo_has_its_identifier_as_ports)
{
	static const struct {
		int version;
		uint8_t type;
		bool echo;
	} cases[] = { { 4, 8, true },   { 4, 0, true },   { 4, 13, false },
		      { 6, 128, true }, { 6, 129, true }, { 6, 130, false } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct craft b = craft_icmp(cases[i].version, cases[i].type, 4);
		struct hb_packet packet = craft_parsed(&b);

		hb_put_be16(b.at + packet.l4_offset + 4, 0x1234);
		b.at[packet.l4_offset + 1] = 9;
		packet = craft_parsed(&b);
		ck_assert(packet.has_l4);
		ck_assert_uint_eq(packet.icmp_type, cases[i].type);
		ck_assert_uint_eq(packet.icmp_code, 9);
		ck_assert_uint_eq(packet.src_port, cases[i].echo ? 0x1234 : 0);
		ck_assert_uint_eq(packet.dst_port, packet.src_port);
		ck_assert_uint_eq(packet.payload_len, 4);
		ck_assert(!packet.is_icmp_error);
		ck_assert_uint_eq(packet.quoted_offset, 0);
	}
}
END_TEST

START_TEST(icmp_is_at_least_eight_bytes)
{
	struct craft b = craft_icmp(4, 8, 0);

	hb_put_be16(b.at + 2, 27);
	craft_check_refused(&b);
	b = craft_icmp(6, 128, 0);
	hb_put_be16(b.at + 4, 7);
	craft_check_refused(&b);
}
END_TEST

UNIT_MAIN("packet", nothing_and_other_versions_are_refused, every_cut_is_refused,
	  headers_must_fit_in_the_ip_length, padding_behind_the_packet_does_not_count,
	  ipv4_lengths_are_checked, ipv4_options_are_passed_over, ipv4_fields_are_read,
	  tcp_header_is_checked, tcp_fields_are_read, udp_ends_where_it_says,
	  checksums_cover_every_byte, udp_without_a_checksum, what_has_no_checksum_is_fine,
	  icmp_of_the_other_family_is_just_a_protocol, ipv4_fragments,
	  a_first_fragment_has_the_whole_header, impossible_fragments_are_refused,
	  a_super_packet_may_be_as_long_as_the_field_says, an_echo_has_its_identifier_as_ports,
	  icmp_is_at_least_eight_bytes)
