/* SPDX-License-Identifier: BSD-2-Clause */
#include "bytes.h"

#include "unit.h"

START_TEST(reads_network_order_at_any_address)
{
	static const uint8_t bytes[] = { 0x01, 0xfe, 0x02, 0xfd, 0x03, 0xfc };

	ck_assert_uint_eq(hb_get_be16(bytes), 0x01fe);
	ck_assert_uint_eq(hb_get_be16(bytes + 1), 0xfe02);
	ck_assert_uint_eq(hb_get_be32(bytes), UINT32_C(0x01fe02fd));
	ck_assert_uint_eq(hb_get_be32(bytes + 1), UINT32_C(0xfe02fd03));
}
END_TEST

START_TEST(writes_what_it_reads_and_nothing_else)
{
	uint8_t bytes[8] = { 0 };

	hb_put_be16(bytes + 1, 0xfe01);
	ck_assert_mem_eq(bytes, "\x00\xfe\x01\x00\x00\x00\x00\x00", 8);
	hb_put_be32(bytes + 3, UINT32_C(0xfdfcfbfa));
	ck_assert_mem_eq(bytes, "\x00\xfe\x01\xfd\xfc\xfb\xfa\x00", 8);
	ck_assert_uint_eq(hb_get_be16(bytes + 1), 0xfe01);
	ck_assert_uint_eq(hb_get_be32(bytes + 3), UINT32_C(0xfdfcfbfa));
}
END_TEST

UNIT_MAIN("bytes", reads_network_order_at_any_address, writes_what_it_reads_and_nothing_else)
