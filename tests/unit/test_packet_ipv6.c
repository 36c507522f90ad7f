/* SPDX-License-Identifier: BSD-2-Clause */
#include "craft.h"

START_TEST(ipv6_fields_are_read)
{
	struct craft b = craft_tcp(6);
	struct hb_packet packet;

	hb_put_be32(b.at, UINT32_C(0x6b912345)); /* class 0xb9, a flow label */
	b.at[7] = 3;
	packet = craft_parsed(&b);
	ck_assert_uint_eq(packet.ip_version, 6);
	ck_assert_uint_eq(packet.tos, 0xb9);
	ck_assert_uint_eq(packet.ip_id, 0);
	ck_assert_uint_eq(packet.ttl, 3);
	ck_assert_uint_eq(packet.l4_offset, 40);
}
END_TEST

START_TEST(ipv6_with_a_mapped_address_is_refused)
{
	for (size_t at = 8; at <= 24; at += 16) {
		struct craft b = craft_tcp(6);

		memset(b.at + at, 0, 16);
		b.at[at + 10] = b.at[at + 11] = 0xff;
		craft_check_refused(&b);
	}
}
END_TEST

START_TEST(ipv6_fragments)
{
	struct craft b = craft_udp(6);
	struct hb_packet packet;

	craft_insert_fragment(&b, 1); /* first, more to come */
	hb_put_be16(b.at + 52, 5000);
	packet = craft_parsed(&b);
	ck_assert(packet.is_fragment);
	ck_assert(packet.has_l4);
	ck_assert_uint_eq(packet.l4_offset, 48);
	ck_assert_uint_eq(packet.dst_port, 80);
	ck_assert_uint_eq(packet.payload_len, 8);
	hb_put_be16(b.at + 42, 3 << 3);
	packet = craft_parsed(&b);
	ck_assert(packet.is_fragment);
	ck_assert(!packet.has_l4);
	ck_assert_uint_eq(packet.fragment_offset_bytes, 24);
	ck_assert_uint_eq(packet.dst_port, 0);
	ck_assert_uint_eq(packet.payload_offset, 48);
	ck_assert_uint_eq(packet.payload_len, 16);
}
END_TEST

START_TEST(an_atomic_fragment_is_whole)
{
	struct craft b = craft_udp(6);
	struct hb_packet packet;

	craft_insert_fragment(&b, 0);
	packet = craft_parsed(&b);
	ck_assert(!packet.is_fragment);
	ck_assert(packet.has_l4);
	ck_assert(hb_packet_checksum_ok(&packet));
	craft_insert_fragment(&b, 0); /* but not twice */
	craft_check_refused(&b);
}
END_TEST

/* What follows the header of a later fragment is data, whatever its number says. */
START_TEST(later_fragments_have_no_headers)
{
	struct craft b = craft_udp(6);
	struct hb_packet packet;

	craft_insert_fragment(&b, 3 << 3);
	b.at[40] = 60;
	b.at[49] = 200;
	packet = craft_parsed(&b);
	ck_assert_uint_eq(packet.l4_offset, 48);
	ck_assert_uint_eq(packet.protocol, 60);
	ck_assert(!packet.has_l4);
}
END_TEST

START_TEST(extension_headers_are_walked)
{
	struct craft b = craft_tcp(6);
	struct hb_packet packet;

	craft_insert_extension(&b, 60, 24); /* destination options, twice */
	craft_insert_extension(&b, 51, 24); /* authentication */
	craft_insert_extension(&b, 43, 8);  /* routing, no segments left */
	craft_insert_extension(&b, 60, 8);
	craft_insert_extension(&b, 0, 16); /* hop by hop */
	packet = craft_parsed(&b);
	ck_assert_uint_eq(packet.protocol, HB_PROTO_TCP);
	ck_assert_uint_eq(packet.l4_offset, 40 + 24 + 24 + 8 + 8 + 16);
	ck_assert_uint_eq(packet.dst_port, 80);
	ck_assert_uint_eq(packet.payload_len, 5);
	ck_assert(hb_packet_checksum_ok(&packet));
	for (size_t cut = 40; cut < packet.l4_offset + 32u; cut++) {
		struct craft shorter = b;

		shorter.len = cut;
		hb_put_be16(shorter.at + 4, (uint16_t)(cut - 40));
		craft_check_refused(&shorter);
	}
}
END_TEST

START_TEST(too_many_extension_headers)
{
	struct craft b = craft_tcp(6);

	for (unsigned i = 0; i < 182; i++)
		craft_insert_extension(&b, 60, 8);
	ck_assert_uint_eq(craft_parsed(&b).dst_port, 80);
	ck_assert(!craft_parsed(&b).refused);
	craft_insert_extension(&b, 60, 8);
	craft_check_refused(&b);
}
END_TEST

START_TEST(extension_headers_that_no_endpoint_takes)
{
	struct craft b = craft_tcp(6);

	craft_insert_extension(&b, 43, 24);
	b.at[43] = 1; /* a segment left */
	craft_check_refused(&b);
	b = craft_tcp(6);
	craft_insert_extension(&b, 0, 8); /* hop by hop behind another */
	craft_insert_extension(&b, 60, 8);
	craft_check_refused(&b);
	b = craft_tcp(6);
	craft_insert_extension(&b, 60, 8);
	b.at[41] = 255; /* longer than the packet */
	craft_check_refused(&b);
}
END_TEST

/* A header that can be read, and that hosts want nothing to do with: but for no key, no kind, no option. */
START_TEST(extension_headers_that_are_refused)
{
	static const struct {
		uint8_t type, third_byte;
		bool refused;
	} cases[] = {
		{ 0, 0, false },  { 0, 0x80, true },  { 60, 0, false }, { 60, 0xc0, true },
		{ 43, 0, false }, { 43, 2, true },    { 43, 3, true },  { 43, 4, true },
		{ 43, 5, false }, { 43, 253, false }, { 51, 0, true },  { 44, 0, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct craft b = craft_tcp(6);

		craft_insert_extension(&b, 60, 8);
		craft_insert_extension(&b, cases[i].type, 8);
		b.at[42] = cases[i].third_byte;
		if (cases[i].type == 51)
			b.at[41] = 0;
		ck_assert_uint_eq(craft_parsed(&b).dst_port, 80);
		ck_assert_msg(craft_parsed(&b).refused == cases[i].refused, "case %zu", i);
	}
}
END_TEST

START_TEST(the_walk_ends_at_what_cannot_be_read)
{
	for (uint8_t protocol = 50; protocol <= 59; protocol += 9) { /* ESP, no next header */
		struct craft b = craft_any(6, protocol, 24);
		struct hb_packet packet;

		craft_insert_extension(&b, 60, 8);
		packet = craft_parsed(&b);
		ck_assert_uint_eq(packet.protocol, protocol);
		ck_assert_uint_eq(packet.l4_offset, 48);
		ck_assert(!packet.has_l4);
		ck_assert_uint_eq(packet.payload_len, 24);
	}
	struct craft empty = craft_any(6, 59, 0);
	ck_assert_uint_eq(craft_parsed(&empty).payload_len, 0);
}
END_TEST

START_TEST(jumbograms_are_refused)
{
	static const uint8_t jumbo[] = { 6, 0, 0xc2, 4, 0, 1, 0, 0 };
	struct craft b = craft_tcp(6);

	craft_insert_extension(&b, 0, 8);
	memcpy(b.at + 40, jumbo, sizeof(jumbo));
	hb_put_be16(b.at + 4, 0);
	craft_check_refused(&b);
}
END_TEST

UNIT_MAIN("packet_ipv6", ipv6_fields_are_read, ipv6_with_a_mapped_address_is_refused,
	  ipv6_fragments, an_atomic_fragment_is_whole, later_fragments_have_no_headers,
	  extension_headers_are_walked, extension_headers_that_are_refused,
	  too_many_extension_headers, extension_headers_that_no_endpoint_takes,
	  the_walk_ends_at_what_cannot_be_read, jumbograms_are_refused)
