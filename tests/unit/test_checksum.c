/* SPDX-License-Identifier: BSD-2-Clause */
#include "checksum.h"

#include "build.h"
#include "bytes.h"
#include "unit.h"

#include <string.h>

/* As the definition says it: pairs of bytes, the carry brought round. */
static uint16_t naive_sum(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++) {
		sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

static uint16_t field_of(const uint8_t *data, size_t len)
{
	return hb_checksum_fold(hb_checksum_add(0, data, len)) ^ UINT16_MAX;
}

/* RFC 1071, 3. */
START_TEST(the_published_example_is_right)
{
	static const uint8_t data[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

	ck_assert_uint_eq(hb_checksum_fold(hb_checksum_add(0, data, sizeof(data))), 0xddf2);
	ck_assert_uint_eq(hb_checksum_fold(hb_checksum_add(0, data, 7)), 0xddf2 - 0xf7);
	ck_assert_uint_eq(hb_checksum_fold(hb_checksum_add(0, data, 0)), 0);
}
END_TEST

START_TEST(fold_keeps_every_carry)
{
	ck_assert_uint_eq(hb_checksum_fold(0), 0);
	ck_assert_uint_eq(hb_checksum_fold(0xffff), 0xffff);
	ck_assert_uint_eq(hb_checksum_fold(0x10000), 1);
	ck_assert_uint_eq(hb_checksum_fold(0x1ffff), 1);
	ck_assert_uint_eq(hb_checksum_fold(UINT64_MAX), 0xffff);
	ck_assert_uint_eq(hb_checksum_fold(UINT64_MAX - 1), 0xfffe);
}
END_TEST

START_TEST(any_length_at_any_address)
{
	uint64_t random = 1;
	uint8_t data[300];

	for (size_t len = 0; len <= 256; len++) {
		for (size_t shift = 0; shift < 8; shift++) {
			unit_random_fill(&random, data, sizeof(data));
			ck_assert_uint_eq(hb_checksum_fold(hb_checksum_add(0, data + shift, len)),
					  naive_sum(data + shift, len));
		}
	}
}
END_TEST

START_TEST(carries_survive_in_the_largest_packet)
{
	size_t len = 65535;
	uint8_t *data = malloc(len);

	ck_assert_ptr_nonnull(data);
	memset(data, 0xff, len);
	ck_assert_uint_eq(hb_checksum_fold(hb_checksum_add(0, data, len)), naive_sum(data, len));
	data[len / 2] = 0xfe;
	ck_assert_uint_eq(hb_checksum_fold(hb_checksum_add(0, data, len)), naive_sum(data, len));
	free(data);
}
END_TEST

START_TEST(pieces_add_up)
{
	uint64_t random = 2;
	uint8_t data[101];

	for (size_t cut = 0; cut <= 100; cut += 2) {
		uint64_t sum;

		unit_random_fill(&random, data, sizeof(data));
		sum = hb_checksum_add(0x123456, data, cut);
		sum = hb_checksum_add(sum, data + cut, sizeof(data) - cut);
		sum += UINT16_MAX - hb_checksum_fold(0x123456); /* takes the start off again */
		ck_assert_uint_eq(hb_checksum_fold(sum), naive_sum(data, sizeof(data)));
	}
}
END_TEST

START_TEST(the_pseudo_header_is_that_of_the_family)
{
	static const uint8_t ipv4[] = { 192, 0, 2, 1, 198, 51, 100, 9, 0, 17, 0x01, 0x02 };
	static const uint8_t ipv6[40] = { 0x20, 0x01,     0x0d,     0xb8, [15] = 1, [16] = 0xfe,
					  0x80, [31] = 7, [33] = 1, 0x02, 0x03,     [39] = 58 };
	struct hb_addr src = hb_addr_from_ipv4(ipv4), dst = hb_addr_from_ipv4(ipv4 + 4);

	ck_assert_uint_eq(hb_checksum_fold(hb_checksum_pseudo(&src, &dst, 17, 0x0102)),
			  naive_sum(ipv4, sizeof(ipv4)));
	src = hb_addr_from_ipv6(ipv6);
	dst = hb_addr_from_ipv6(ipv6 + 16);
	ck_assert_uint_eq(hb_checksum_fold(hb_checksum_pseudo(&src, &dst, 58, 0x010203)),
			  naive_sum(ipv6, sizeof(ipv6)));
}
END_TEST

START_TEST(an_update_is_as_good_as_summing_again)
{
	uint64_t random = 3;

	for (unsigned round = 0; round < 100000; round++) {
		uint8_t data[32];
		uint16_t field, old_word;
		uint32_t old_value;
		size_t at = unit_random_below(&random, 15) * 2;

		unit_random_fill(&random, data, sizeof(data));
		/* Words that make carries, and those that make none. */
		if (round % 4 == 1)
			memset(data + at, 0, 4);
		if (round % 4 == 2)
			memset(data + at, 0xff, 4);
		field = field_of(data, sizeof(data));

		old_word = hb_get_be16(data + at);
		unit_random_fill(&random, data + at, round % 8 < 4 ? 2 : 1);
		field = hb_checksum_update16(field, old_word, hb_get_be16(data + at));
		unit_require(field == field_of(data, sizeof(data)));

		old_value = hb_get_be32(data + at);
		unit_random_fill(&random, data + at, 4);
		field = hb_checksum_update32(field, old_value, hb_get_be32(data + at));
		unit_require(field == field_of(data, sizeof(data)));
	}
}
END_TEST

/* The example of RFC 1624, 4: equation 3 gives 0, where the older equation gave 0xffff. */
START_TEST(an_update_gives_no_negative_zero)
{
	ck_assert_uint_eq(hb_checksum_update16(0xdd2f, 0x5555, 0x3285), 0x0000);
}
END_TEST

START_TEST(an_ipv4_header_sums_up)
{
	uint8_t header[24] = { 0x46, 0, 0, 24, 0xab, 0xcd, 0x40, 0, 64, 6, 0xde, 0xad,
			       10,   9, 0, 1,  10,   9,    0,    2, 7,  4, 4,    0 };

	hb_checksum_fill_ipv4(header, sizeof(header));
	ck_assert_uint_eq(naive_sum(header, sizeof(header)), 0xffff);
	ck_assert_uint_ne(hb_get_be16(header + 10), 0xdead);
}
END_TEST

static struct hb_build_ip ip_between(const char *src, const char *dst)
{
	struct hb_build_ip ip = { .src.port = 1234, .dst.port = 53, .ttl = 64 };

	ck_assert_int_eq(hb_addr_parse(src, &ip.src.addr), 0);
	ck_assert_int_eq(hb_addr_parse(dst, &ip.dst.addr), 0);
	return ip;
}

START_TEST(the_transport_field_is_found_and_filled)
{
	static const char *const addrs[][2] = { { "192.0.2.1", "198.51.100.9" },
						{ "2001:db8::1", "2001:db8::9" } };
	uint8_t buf[200];

	for (size_t i = 0; i < 2; i++) {
		struct hb_build_tcp spec = { .ip = ip_between(addrs[i][0], addrs[i][1]),
					     .payload = (const uint8_t *)"odd",
					     .payload_len = 3 };
		size_t len = hb_build_tcp(buf, sizeof(buf), &spec);
		struct hb_packet packet;
		uint16_t right;

		ck_assert_int_eq(hb_packet_parse(buf, len, &packet), 0);
		ck_assert_uint_eq(hb_checksum_l4_offset(&packet), packet.l4_offset + 16u);
		right = hb_get_be16(buf + packet.l4_offset + 16);
		hb_put_be16(buf + packet.l4_offset + 16, 0xdead);
		hb_checksum_fill_l4(buf, &packet);
		ck_assert_uint_eq(hb_get_be16(buf + packet.l4_offset + 16), right);
		ck_assert_uint_eq(hb_checksum_fold(hb_checksum_l4_sum(buf, &packet)), 0xffff);
	}
}
END_TEST

/* The last payload word is chosen so that everything sums to 0xffff. */
START_TEST(a_udp_sum_of_zero_is_written_as_all_ones)
{
	struct hb_build_ip ip = ip_between("192.0.2.1", "198.51.100.9");
	uint8_t payload[2] = { 0, 0 };
	struct hb_packet packet;
	uint8_t buf[64];
	size_t len;

	len = hb_build_udp(buf, sizeof(buf), &ip, payload, sizeof(payload));
	memcpy(payload, buf + 26, 2);
	len = hb_build_udp(buf, sizeof(buf), &ip, payload, sizeof(payload));
	ck_assert_uint_eq(hb_get_be16(buf + 26), 0xffff);
	ck_assert_int_eq(hb_packet_parse(buf, len, &packet), 0);
	ck_assert_uint_eq(hb_checksum_l4_offset(&packet), 26);
	hb_put_be16(buf + 26, 0);
	hb_checksum_fill_l4(buf, &packet);
	ck_assert_uint_eq(hb_get_be16(buf + 26), 0xffff);
	ck_assert(hb_packet_checksum_ok(&packet));
}
END_TEST

START_TEST(a_fragment_stays_as_it_is)
{
	struct hb_build_ip ip = ip_between("192.0.2.1", "198.51.100.9");
	struct hb_packet packet;
	uint8_t buf[64], before[64];
	size_t len = hb_build_udp(buf, sizeof(buf), &ip, (const uint8_t *)"12345678", 8);

	hb_put_be16(buf + 6, 0x2000); /* the first one of several */
	hb_put_be16(buf + 26, 0xdead);
	memcpy(before, buf, len);
	ck_assert_int_eq(hb_packet_parse(buf, len, &packet), 0);
	hb_checksum_fill_l4(buf, &packet);
	ck_assert_mem_eq(buf, before, len);
	hb_put_be16(buf + 6, 0x2001); /* a later one: no header, no field */
	ck_assert_int_eq(hb_packet_parse(buf, len, &packet), 0);
	ck_assert_uint_eq(hb_checksum_l4_offset(&packet), 0);
}
END_TEST

UNIT_MAIN("checksum", the_published_example_is_right, fold_keeps_every_carry,
	  any_length_at_any_address, carries_survive_in_the_largest_packet, pieces_add_up,
	  the_pseudo_header_is_that_of_the_family, an_update_is_as_good_as_summing_again,
	  an_update_gives_no_negative_zero, an_ipv4_header_sums_up,
	  the_transport_field_is_found_and_filled, a_udp_sum_of_zero_is_written_as_all_ones,
	  a_fragment_stays_as_it_is)
