/* SPDX-License-Identifier: BSD-2-Clause */
#include "craft.h"
#include "reassembly.h"

#define PAYLOAD 3000
#define SECOND_NS UINT64_C(1000000000)

static uint8_t payload[PAYLOAD], whole[65535];

struct fixture {
	struct hb_wheel wheel;
	struct hb_reassembly reassembly;
	struct hb_packet packet; /* the whole */
	uint64_t now_ns;
	struct hb_datagram dgram; /* facts about the next piece */
	struct hb_whole result;
};

static void open_fixture(struct fixture *f, int version, size_t payload_len)
{
	struct hb_build_ip ip = craft_ip(version);
	uint64_t random = 5;

	*f = (struct fixture){ .now_ns = SECOND_NS };
	hb_wheel_init(&f->wheel, f->now_ns);
	hb_reassembly_init(&f->reassembly, &f->wheel, (const uint8_t *)"sixteen bytes...");
	unit_random_fill(&random, payload, sizeof(payload));
	ip.ip_id = 77;
	size_t len = hb_build_udp(whole, sizeof(whole), &ip, payload, payload_len);
	ck_assert_int_eq(hb_packet_parse(whole, len, &f->packet), 0);
}

static void close_fixture(struct fixture *f)
{
	hb_reassembly_fini(&f->reassembly);
	ck_assert_uint_eq(f->reassembly.used_bytes, 0);
	ck_assert(!hb_timer_armed(&f->reassembly.timer));
}

static bool add_bytes(struct fixture *f, uint8_t *bytes, size_t len)
{
	struct hb_packet packet;

	ck_assert_int_eq(hb_packet_parse(bytes, len, &packet), 0);
	ck_assert(packet.is_fragment);
	return hb_reassembly_add(&f->reassembly, &f->dgram, &packet, f->now_ns, &f->result);
}

/* Adds piece i of those of at most 1000 bytes. */
static bool add(struct fixture *f, size_t i)
{
	uint8_t piece[1000];
	size_t len = hb_packet_fragment(&f->packet, 77, sizeof(piece), i, piece, sizeof(piece));

	ck_assert_uint_gt(len, 0);
	return add_bytes(f, piece, len);
}

/* An IPv4 piece made by hand: any range of the packet's data, its bytes changed by xor. */
static bool add_range(struct fixture *f, size_t start, size_t len, bool more, uint8_t xor)
{
	uint8_t piece[4000];

	memcpy(piece, whole, 20);
	for (size_t i = 0; i < len; i++)
		piece[20 + i] = whole[20 + start + i] ^ xor;
	hb_put_be16(piece + 2, (uint16_t)(20 + len));
	hb_put_be16(piece + 6, (uint16_t)((more ? 0x2000 : 0) | start / 8));
	hb_checksum_fill_ipv4(piece, 20);
	return add_bytes(f, piece, 20 + len);
}

static void check_whole(const struct fixture *f)
{
	struct hb_packet got;

	ck_assert_uint_eq(f->result.dgram.len, f->packet.len);
	ck_assert_mem_eq(f->result.dgram.data, whole, f->packet.len);
	ck_assert_uint_ge(f->result.dgram.cap, f->packet.len);
	ck_assert_uint_eq(f->result.id, 77);
	ck_assert_int_eq(hb_packet_parse(f->result.dgram.data, f->result.dgram.len, &got), 0);
	ck_assert(hb_packet_checksum_ok(&got));
	ck_assert(!got.is_fragment);
}

/* In whatever order they come, and among copies. */
START_TEST(pieces_make_the_whole)
{
	static const size_t orders[][7] = { { 0, 1, 2, 3 },
					    { 3, 2, 1, 0 },
					    { 1, 3, 0, 2 },
					    { 2, 2, 0, 3, 0, 1 },
					    { 3, 3, 1, 1, 2, 0 } };
	static const size_t counts[] = { 4, 4, 4, 6, 6 };

	for (int version = 4; version <= 6; version += 2) {
		for (size_t order = 0; order < 5; order++) {
			struct fixture f;

			open_fixture(&f, version, PAYLOAD);
			f.dgram = (struct hb_datagram){ .mark = 100, .in_interface = 3 };
			for (size_t i = 0; i + 1 < counts[order]; i++)
				ck_assert(!add(&f, orders[order][i]));
			ck_assert(add(&f, orders[order][counts[order] - 1]));
			check_whole(&f);
			ck_assert_uint_eq(f.result.dgram.mark, 100);
			ck_assert_uint_eq(f.result.dgram.in_interface, 3);
			ck_assert_uint_le(f.result.piece_bytes, 1000);
			ck_assert_uint_gt(f.result.piece_bytes, 984);
			ck_assert_uint_eq(f.reassembly.count, 0);
			ck_assert_uint_eq(f.reassembly.lost, 0);
			close_fixture(&f);
		}
	}
}
END_TEST

/* RFC 5722, and what Linux does for IPv4: nothing of such a packet can be believed. */
START_TEST(an_overlap_spoils_the_packet)
{
	struct fixture f;

	open_fixture(&f, 4, PAYLOAD);
	ck_assert(!add_range(&f, 0, 800, true, 0));
	ck_assert(!add_range(&f, 792, 800, true, 0));
	ck_assert(!add_range(&f, 800, 800, true, 0));
	ck_assert(!add_range(&f, 1600, PAYLOAD + 8 - 1600, false, 0));
	ck_assert_uint_eq(f.reassembly.lost, 1);
	close_fixture(&f);
}
END_TEST

/* What is there already is there: the first copy counts, whatever the next one says. */
START_TEST(a_copy_changes_nothing)
{
	struct fixture f;

	open_fixture(&f, 4, PAYLOAD);
	ck_assert(!add_range(&f, 0, 800, true, 0));
	ck_assert(!add_range(&f, 800, 800, true, 0));
	ck_assert(!add_range(&f, 0, 800, true, 0xff));
	ck_assert(!add_range(&f, 400, 800, true, 0xff)); /* of two neighbours */
	ck_assert(add_range(&f, 1600, PAYLOAD + 8 - 1600, false, 0));
	check_whole(&f);
	close_fixture(&f);
}
END_TEST

/* Each of these tells of a packet that cannot be. */
START_TEST(the_end_is_the_end)
{
	struct fixture f;

	open_fixture(&f, 4, PAYLOAD);
	add_range(&f, 800, 800, false, 0);
	ck_assert(!add_range(&f, 1600, 800, true, 0)); /* behind it */
	ck_assert(!add_range(&f, 0, 800, true, 0));
	ck_assert_uint_eq(f.reassembly.lost, 1);
	close_fixture(&f);

	open_fixture(&f, 4, PAYLOAD);
	add_range(&f, 1600, 800, true, 0);
	ck_assert(!add_range(&f, 800, 800, false, 0)); /* before what is there */
	ck_assert_uint_eq(f.reassembly.lost, 1);
	close_fixture(&f);

	open_fixture(&f, 4, PAYLOAD);
	add_range(&f, 800, 800, false, 0);
	ck_assert(!add_range(&f, 1600, 800, false, 0)); /* two ends */
	ck_assert_uint_eq(f.reassembly.lost, 1);
	close_fixture(&f);
}
END_TEST

/* Linux cuts an IPv4 piece down to a multiple of 8, and answers an IPv6 one with an error. */
START_TEST(a_crooked_length_is_cut)
{
	struct fixture f;

	open_fixture(&f, 4, PAYLOAD);
	ck_assert(!add_range(&f, 0, 805, true, 0));
	ck_assert(!add_range(&f, 800, 3, true, 0));
	ck_assert(add_range(&f, 800, PAYLOAD + 8 - 800, false, 0));
	check_whole(&f);
	close_fixture(&f);
}
END_TEST

/* Two senders, receivers, identifications, interfaces, protocols: two packets. */
START_TEST(pieces_of_different_packets_stay_apart)
{
	for (int what = 0; what < 5; what++) {
		struct fixture f;
		uint8_t piece[1000];

		open_fixture(&f, 4, 1500);
		size_t len =
			hb_packet_fragment(&f.packet, 0, sizeof(piece), 1, piece, sizeof(piece));
		if (what == 0)
			piece[15] ^= 1;
		else if (what == 1)
			piece[19] ^= 1;
		else if (what == 2)
			piece[5] ^= 1;
		else if (what == 3)
			f.dgram.in_interface = 9;
		else
			piece[9] = HB_PROTO_TCP;
		ck_assert(!add_bytes(&f, piece, len));
		f.dgram.in_interface = 0;
		ck_assert(!add(&f, 0));
		ck_assert_uint_eq(f.reassembly.count, 2);
		ck_assert(add(&f, 1));
		close_fixture(&f);
	}
}
END_TEST

START_TEST(what_waits_too_long_is_given_up)
{
	struct fixture f;

	open_fixture(&f, 6, PAYLOAD);
	add(&f, 0);
	ck_assert(hb_timer_armed(&f.reassembly.timer));
	ck_assert_uint_le(hb_wheel_next_deadline(&f.wheel), 31 * SECOND_NS);
	f.now_ns += 29 * SECOND_NS;
	hb_reassembly_expire(&f.reassembly, f.now_ns);
	ck_assert_uint_eq(f.reassembly.count, 1);
	f.now_ns += 2 * SECOND_NS;
	hb_reassembly_expire(&f.reassembly, f.now_ns);
	ck_assert_uint_eq(f.reassembly.count, 0);
	ck_assert_uint_eq(f.reassembly.lost, 1);
	ck_assert(!add(&f, 1));
	close_fixture(&f);
}
END_TEST

/* A flood of first pieces costs what it may cost, and the newest packet can still be completed. */
START_TEST(memory_is_bounded)
{
	struct fixture f;

	open_fixture(&f, 4, PAYLOAD);
	for (unsigned i = 0; i < 20000; i++) {
		hb_put_be16(whole + 4, (uint16_t)i);
		ck_assert(!add(&f, i % 3));
		unit_require(f.reassembly.used_bytes <= 5 << 20);
		unit_require(f.reassembly.count <= 4096);
	}
	ck_assert_uint_gt(f.reassembly.lost, 10000);
	hb_put_be16(whole + 4, 77);
	hb_checksum_fill_ipv4(whole, 20);
	ck_assert_int_eq(hb_packet_parse(whole, f.packet.len, &f.packet), 0);
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(add(&f, i), i == 3);
	check_whole(&f);
	close_fixture(&f);
}
END_TEST

START_TEST(too_many_pieces_are_refused)
{
	struct fixture f;

	open_fixture(&f, 4, PAYLOAD);
	for (size_t i = 0; i < 300; i++)
		ck_assert(!add_range(&f, 8 * i, 8, true, 0));
	ck_assert_uint_eq(f.reassembly.lost, 1);
	close_fixture(&f);
}
END_TEST

/* RFC 3168, 5.3 */
START_TEST(congestion_is_kept)
{
	static const struct {
		uint8_t first, second;
		int whole; /* -1: refused */
	} cases[] = {
		{ 0, 0, 0 }, { 2, 3, 3 }, { 3, 2, 3 }, { 1, 1, 1 }, { 3, 0, -1 }, { 0, 3, -1 }
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int version = 4; version <= 6; version += 2) {
			struct fixture f;
			uint8_t piece[1000];

			open_fixture(&f, version, 1500);
			for (size_t n = 0; n < 2; n++) {
				size_t len = hb_packet_fragment(&f.packet, 77, sizeof(piece), n,
								piece, sizeof(piece));
				uint8_t tos = n == 0 ? cases[i].first : cases[i].second;

				piece[1] = (uint8_t)(version == 4 ? tos : tos << 4);
				ck_assert_int_eq(add_bytes(&f, piece, len),
						 n == 1 && cases[i].whole >= 0);
			}
			if (cases[i].whole >= 0)
				ck_assert_int_eq(f.result.dgram.data[1],
						 version == 4 ? cases[i].whole
							      : cases[i].whole << 4);
			close_fixture(&f);
		}
	}
}
END_TEST

/* Pieces at random, cut at random: never more than the packet, never outside of memory. */
START_TEST(anything_may_come)
{
	uint64_t random = 3;
	struct fixture f;

	open_fixture(&f, 4, PAYLOAD);
	for (unsigned i = 0; i < 50000; i++) {
		size_t start = 8 * unit_random_below(&random, 300);
		size_t len = 1 + unit_random_below(&random, PAYLOAD + 8 - start);

		if (start == 0 && len < 8)
			continue; /* no whole header: not for us */

		hb_put_be16(whole + 4, (uint16_t)unit_random_below(&random, 8));
		if (!add_range(&f, start, len, start == 0 || unit_random_below(&random, 3) != 0, 0))
			continue;
		unit_require(f.result.dgram.len <= PAYLOAD + 28);
		unit_require(
			memcmp(f.result.dgram.data + 20, whole + 20, f.result.dgram.len - 20) == 0);
	}
	close_fixture(&f);
}
END_TEST

UNIT_MAIN("reassembly", pieces_make_the_whole, an_overlap_spoils_the_packet, a_copy_changes_nothing,
	  the_end_is_the_end, a_crooked_length_is_cut, pieces_of_different_packets_stay_apart,
	  what_waits_too_long_is_given_up, memory_is_bounded, too_many_pieces_are_refused,
	  congestion_is_kept, anything_may_come)
