/* SPDX-License-Identifier: BSD-2-Clause */
#include "craft.h"
#include "seq.h"

#define PAYLOAD 5000
#define SEGMENT 1448

static uint8_t payload[PAYLOAD], whole[PAYLOAD + 100], piece[1600];

static struct hb_packet super_packet(int version)
{
	struct hb_build_tcp spec = { .ip = craft_ip(version),
				     .seq = UINT32_MAX - 1000, /* wraps in the first piece */
				     .ack = 7,
				     .flags = HB_TCP_ACK | HB_TCP_PSH | HB_TCP_FIN | HB_TCP_CWR,
				     .window = 502,
				     .payload = payload,
				     .payload_len = sizeof(payload) };
	struct hb_packet packet;
	uint64_t random = 1;

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)unit_random(&random);
	spec.ip.ip_id = 65534;
	spec.options.present = HB_TCPOPT_TIMESTAMP;
	size_t len = hb_build_tcp(whole, sizeof(whole), &spec);
	ck_assert_int_eq(hb_packet_parse(whole, len, &packet), 0);
	return packet;
}

static void check_piece(const struct hb_packet *packet, size_t index, size_t count)
{
	struct hb_packet got;
	size_t start = index * SEGMENT;
	size_t len = hb_packet_segment(packet, SEGMENT, index, piece, sizeof(piece));

	ck_assert_int_eq(hb_packet_parse(piece, len, &got), 0);
	ck_assert(hb_packet_checksum_ok(&got));
	ck_assert_uint_eq(got.len, len);
	ck_assert_uint_eq(got.seq, packet->seq + (uint32_t)start);
	ck_assert_uint_eq(got.ack, packet->ack);
	ck_assert_uint_eq(got.options.present, HB_TCPOPT_TIMESTAMP);
	ck_assert_uint_eq(got.ip_id, packet->ip_version == 4 ? (uint16_t)(65534 + index) : 0);
	ck_assert_mem_eq(piece + got.payload_offset, payload + start, got.payload_len);
	ck_assert_int_eq(!!(got.tcp_flags & HB_TCP_CWR), index == 0);
	ck_assert_int_eq(!!(got.tcp_flags & HB_TCP_PSH), index + 1 == count);
	ck_assert_int_eq(!!(got.tcp_flags & HB_TCP_FIN), index + 1 == count);
	ck_assert_uint_eq(got.payload_len, index + 1 < count ? SEGMENT : PAYLOAD - start);
}

START_TEST(pieces_are_the_whole)
{
	for (int version = 4; version <= 6; version += 2) {
		struct hb_packet packet = super_packet(version);

		for (size_t i = 0; i < 4; i++)
			check_piece(&packet, i, 4);
		ck_assert_uint_eq(hb_packet_segment(&packet, SEGMENT, 4, piece, sizeof(piece)), 0);
	}
}
END_TEST

START_TEST(what_cannot_be_cut_gives_nothing)
{
	struct hb_packet packet = super_packet(4), other;
	struct craft udp = craft_udp(4);

	ck_assert_uint_eq(hb_packet_segment(&packet, 0, 0, piece, sizeof(piece)), 0);
	ck_assert_uint_eq(hb_packet_segment(&packet, SEGMENT, 0, piece, SEGMENT), 0);
	ck_assert_int_eq(hb_packet_parse(udp.at, udp.len, &other), 0);
	ck_assert_uint_eq(hb_packet_segment(&other, SEGMENT, 0, piece, sizeof(piece)), 0);
}
END_TEST

UNIT_MAIN("segment", pieces_are_the_whole, what_cannot_be_cut_gives_nothing)
