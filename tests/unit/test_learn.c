/* SPDX-License-Identifier: BSD-2-Clause */
#include "learn.h"

#include "unit.h"

static const uint8_t key[16] = "sixteen bytes..", other_key[16] = "and sixteen more";

static struct hb_endpoint backend(unsigned number, uint16_t port)
{
	const uint8_t bytes[4] = { 10, 9, (uint8_t)(number >> 8), (uint8_t)number };

	return (struct hb_endpoint){ hb_addr_from_ipv4(bytes), port };
}

static uint32_t length(const struct hb_learn *learn, const struct hb_endpoint *of, uint32_t turn)
{
	return hb_learn_length(learn, key, of, turn);
}

static void remember(struct hb_learn *learn, const struct hb_endpoint *of, uint32_t turn,
		     uint32_t bytes, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		hb_learn_remember(learn, key, of, turn, bytes);
}

START_TEST(a_length_belongs_to_backend_port_and_turn)
{
	static struct hb_learn learn;
	const struct hb_endpoint one = backend(1, 22), port = backend(1, 23), two = backend(2, 22);

	ck_assert_uint_eq(length(&learn, &one, 0), 0);
	remember(&learn, &one, 0, 42, 2);
	ck_assert_uint_eq(length(&learn, &one, 0), 42);
	ck_assert_uint_eq(length(&learn, &one, 1), 0);
	ck_assert_uint_eq(length(&learn, &port, 0), 0);
	ck_assert_uint_eq(length(&learn, &two, 0), 0);
	ck_assert_uint_eq(hb_learn_length(&learn, other_key, &one, 0), 0);
}
END_TEST

/* One that was cut short by a pause must not cut the next ones short. */
START_TEST(the_longest_counts_once_it_came_twice)
{
	static struct hb_learn learn;
	const struct hb_endpoint one = backend(1, 22);

	remember(&learn, &one, 0, 42, 1);
	ck_assert_uint_eq(length(&learn, &one, 0), 0);
	remember(&learn, &one, 0, 42, 1);
	ck_assert_uint_eq(length(&learn, &one, 0), 42);
	remember(&learn, &one, 0, 43, 1);
	ck_assert_uint_eq(length(&learn, &one, 0), 0);
	remember(&learn, &one, 0, 43, 2);
	ck_assert_uint_eq(length(&learn, &one, 0), 43);
	remember(&learn, &one, 0, 20, 1);
	ck_assert_uint_eq(length(&learn, &one, 0), 43);
}
END_TEST

/* A backend that got another banner is not waited for in vain for ever. */
START_TEST(a_shorter_one_wins_when_it_comes_often)
{
	static struct hb_learn learn;
	const struct hb_endpoint one = backend(1, 22);

	remember(&learn, &one, 0, 43, 1000);
	remember(&learn, &one, 0, 20, 6);
	ck_assert_uint_eq(length(&learn, &one, 0), 43);
	remember(&learn, &one, 0, 20, 1);
	ck_assert_uint_eq(length(&learn, &one, 0), 0);
	remember(&learn, &one, 0, 20, 3);
	ck_assert_uint_eq(length(&learn, &one, 0), 20);
}
END_TEST

/* It may forget; what it says was said. */
START_TEST(a_full_table_tells_no_lies)
{
	static struct hb_learn learn;
	unsigned known = 0;

	for (unsigned i = 0; i < 5000; i++) {
		const struct hb_endpoint of = backend(i, 80);

		remember(&learn, &of, i % 7, i + 1, 2);
		unit_require(length(&learn, &of, i % 7) == i + 1);
	}
	for (unsigned i = 0; i < 5000; i++) {
		const struct hb_endpoint of = backend(i, 80);
		uint32_t said = length(&learn, &of, i % 7);

		unit_require(said == 0 || said == i + 1);
		known += said != 0;
	}
	ck_assert_uint_gt(known, HB_LEARN_SLOTS / 2);
	ck_assert_uint_le(known, HB_LEARN_SLOTS);
}
END_TEST

UNIT_MAIN("learn", a_length_belongs_to_backend_port_and_turn, the_longest_counts_once_it_came_twice,
	  a_shorter_one_wins_when_it_comes_often, a_full_table_tells_no_lies)
