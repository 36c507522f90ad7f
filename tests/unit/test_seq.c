/* SPDX-License-Identifier: BSD-2-Clause */
#include "seq.h"

#include "unit.h"

START_TEST(before_is_modular)
{
	ck_assert(!hb_seq_before(7, 7));
	ck_assert(hb_seq_before(7, 8));
	ck_assert(hb_seq_before(UINT32_MAX, 0)); /* across the wrap */
	ck_assert(!hb_seq_before(0, UINT32_MAX));
	ck_assert(hb_seq_before(7, UINT32_C(0x80000006))); /* the farthest that counts */
	ck_assert(!hb_seq_before(UINT32_C(0x80000006), 7));
}
END_TEST

START_TEST(the_four_relations_agree)
{
	static const uint32_t numbers[] = {
		0, 1, 7, UINT32_C(0x7fffffff), UINT32_C(0x80000000), UINT32_MAX - 1, UINT32_MAX
	};
	const size_t count = sizeof(numbers) / sizeof(*numbers);

	for (size_t i = 0; i < count * count; i++) {
		uint32_t a = numbers[i / count], b = numbers[i % count];

		if (a - b == UINT32_C(0x80000000))
			continue; /* neither is first */
		ck_assert_int_eq(hb_seq_before(a, b), hb_seq_after(b, a));
		ck_assert_int_eq(hb_seq_at_or_before(a, b), a == b || hb_seq_before(a, b));
		ck_assert_int_eq(hb_seq_at_or_after(a, b), a == b || hb_seq_after(a, b));
		ck_assert_int_eq(hb_seq_before(a, b) + hb_seq_after(a, b) + (a == b), 1);
	}
}
END_TEST

START_TEST(distance_wraps)
{
	ck_assert_uint_eq(hb_seq_distance(5, 5), 0);
	ck_assert_uint_eq(hb_seq_distance(5, 9), 4);
	ck_assert_uint_eq(hb_seq_distance(UINT32_MAX - 1, 3), 5);
}
END_TEST

START_TEST(max_and_min_wrap)
{
	ck_assert_uint_eq(hb_seq_max(3, 5), 5);
	ck_assert_uint_eq(hb_seq_min(3, 5), 3);
	ck_assert_uint_eq(hb_seq_max(UINT32_MAX, 2), 2);
	ck_assert_uint_eq(hb_seq_min(UINT32_MAX, 2), UINT32_MAX);
	ck_assert_uint_eq(hb_seq_max(2, UINT32_MAX), 2);
	ck_assert_uint_eq(hb_seq_min(2, UINT32_MAX), UINT32_MAX);
}
END_TEST

UNIT_MAIN("seq", before_is_modular, the_four_relations_agree, distance_wraps, max_and_min_wrap)
