/* SPDX-License-Identifier: BSD-2-Clause */
#include "craft.h"

#define PAYLOAD 3000

static uint8_t payload[PAYLOAD], whole[PAYLOAD + 200], piece[4000];

static struct hb_packet datagram(int version, uint16_t ip_id)
{
	struct hb_build_ip ip = craft_ip(version);
	struct hb_packet packet;
	uint64_t random = 5;

	unit_random_fill(&random, payload, sizeof(payload));
	ip.ip_id = ip_id;
	size_t len = hb_build_udp(whole, sizeof(whole), &ip, payload, sizeof(payload));
	ck_assert_int_eq(hb_packet_parse(whole, len, &packet), 0);
	return packet;
}

/* RFC 791, 3.2: offsets in units of 8 bytes, "more fragments" on all but the last. */
START_TEST(ipv4_pieces_are_as_a_router_cuts_them)
{
	static const size_t starts[] = { 0, 976, 1952, 2928 };
	struct hb_packet packet = datagram(4, 4711), got;

	for (size_t i = 0; i < 4; i++) {
		size_t len = hb_packet_fragment(&packet, 1, 1000, i, piece, sizeof(piece));
		size_t data_len = i < 3 ? 976 : PAYLOAD + 8 - 2928;

		ck_assert_uint_eq(len, 20 + data_len);
		ck_assert_uint_eq(hb_get_be16(piece + 2), len);
		ck_assert_uint_eq(hb_get_be16(piece + 4), 4711);
		ck_assert_uint_eq(hb_get_be16(piece + 6), (i < 3 ? 0x2000u : 0) | starts[i] / 8);
		ck_assert_uint_eq(hb_checksum_fold(hb_checksum_add(0, piece, 20)), UINT16_MAX);
		ck_assert_mem_eq(piece + 8, whole + 8, 2); /* TTL and protocol */
		ck_assert_mem_eq(piece + 12, whole + 12, 8);
		ck_assert_mem_eq(piece + 20, whole + 20 + starts[i], data_len);
		ck_assert_int_eq(hb_packet_parse(piece, len, &got), 0);
		ck_assert_uint_eq(got.fragment_id, 4711);
	}
	ck_assert_uint_eq(hb_packet_fragment(&packet, 1, 1000, 4, piece, sizeof(piece)), 0);
}
END_TEST

START_TEST(an_identification_is_given_where_there_is_none)
{
	struct hb_packet packet = datagram(4, 0);

	hb_packet_fragment(&packet, 0x12345, 1000, 0, piece, sizeof(piece));
	ck_assert_uint_eq(hb_get_be16(piece + 4), 0x2345);
}
END_TEST

/* RFC 8200, 4.5 */
START_TEST(ipv6_pieces_are_as_their_sender_cuts_them)
{
	static const size_t starts[] = { 0, 1232, 2464 };
	struct hb_packet packet = datagram(6, 0);

	for (size_t i = 0; i < 3; i++) {
		size_t len = hb_packet_fragment(&packet, 0xabcdef01, 1280, i, piece, sizeof(piece));
		size_t data_len = i < 2 ? 1232 : PAYLOAD + 8 - 2464;

		ck_assert_uint_eq(len, 48 + data_len);
		ck_assert_uint_eq(hb_get_be16(piece + 4), 8 + data_len);
		ck_assert_uint_eq(piece[6], 44);
		ck_assert_uint_eq(piece[40], HB_PROTO_UDP);
		ck_assert_uint_eq(hb_get_be16(piece + 42), starts[i] | (i < 2 ? 1u : 0));
		ck_assert_uint_eq(hb_get_be32(piece + 44), 0xabcdef01);
		ck_assert_mem_eq(piece + 48, whole + 40 + starts[i], data_len);
	}
	ck_assert_uint_eq(hb_packet_fragment(&packet, 1, 1280, 3, piece, sizeof(piece)), 0);
}
END_TEST

/* Hop-by-hop options are for every router: each piece has them, in front of the fragment header. */
START_TEST(hop_by_hop_options_are_repeated)
{
	static const uint8_t options[8] = { HB_PROTO_UDP, 0, 1, 4, 0, 0, 0, 0 };
	struct hb_packet packet = datagram(6, 0);

	memmove(whole + 48, whole + 40, packet.len - 40);
	memcpy(whole + 40, options, 8);
	whole[6] = 0;
	hb_put_be16(whole + 4, (uint16_t)(packet.len - 40 + 8));
	ck_assert_int_eq(hb_packet_parse(whole, packet.len + 8, &packet), 0);
	ck_assert_uint_eq(packet.l4_offset, 48);
	ck_assert_uint_eq(hb_packet_fragment(&packet, 5, 1280, 1, piece, sizeof(piece)), 1280);
	ck_assert_uint_eq(piece[6], 0);
	ck_assert_uint_eq(piece[40], 44);
	ck_assert_uint_eq(piece[48], HB_PROTO_UDP);
	ck_assert_mem_eq(piece + 56, whole + 48 + 1224, 1224);
}
END_TEST

START_TEST(what_fits_stays_whole)
{
	struct hb_packet packet = datagram(4, 7);

	ck_assert_uint_eq(hb_packet_fragment(&packet, 1, packet.len, 0, piece, sizeof(piece)),
			  packet.len);
	ck_assert_mem_eq(piece, whole, packet.len);
	ck_assert_uint_eq(hb_packet_fragment(&packet, 1, packet.len, 1, piece, sizeof(piece)), 0);
}
END_TEST

START_TEST(no_room_gives_nothing)
{
	struct hb_packet packet = datagram(4, 7);

	ck_assert_uint_eq(hb_packet_fragment(&packet, 1, 27, 0, piece, sizeof(piece)), 0);
	ck_assert_uint_eq(hb_packet_fragment(&packet, 1, 28, 0, piece, sizeof(piece)), 28);
	ck_assert_uint_eq(hb_packet_fragment(&packet, 1, 1000, 0, piece, 995), 0);
	ck_assert_uint_eq(hb_packet_fragment(&packet, 1, 1000, 0, piece, 996), 996);
	ck_assert_uint_eq(hb_packet_fragment(&packet, 1, packet.len, 0, piece, packet.len - 1), 0);
}
END_TEST

UNIT_MAIN("fragment", ipv4_pieces_are_as_a_router_cuts_them,
	  an_identification_is_given_where_there_is_none, ipv6_pieces_are_as_their_sender_cuts_them,
	  hop_by_hop_options_are_repeated, what_fits_stays_whole, no_room_gives_nothing)
