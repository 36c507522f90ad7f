/* SPDX-License-Identifier: BSD-2-Clause */
#include "iplook.h"

#include "unit.h"

static void see(struct hb_iplook *look, uint16_t ip_id)
{
	const struct hb_packet packet = { .ip_version = 4, .ip_id = ip_id, .tos = 0xb9 };

	hb_iplook_follow(look, &packet, 1);
}

static struct hb_iplook after(const uint16_t *ids, size_t count)
{
	struct hb_iplook look = { .seen = 0 };

	for (size_t i = 0; i < count; i++)
		see(&look, ids[i]);
	return look;
}

START_TEST(how_a_host_numbers_is_told)
{
	static const struct {
		uint16_t ids[5];
		size_t count;
		enum hb_ip_ids what;
	} cases[] = {
		{ { 0 }, 1, HB_IP_IDS_ZERO },
		{ { 0, 0, 0 }, 3, HB_IP_IDS_ZERO },
		{ { 0, 0, 7 }, 3, HB_IP_IDS_ANY },
		{ { 700 }, 1, HB_IP_IDS_UNKNOWN },
		{ { 700, 701, 703 }, 3, HB_IP_IDS_COUNT_UP },
		{ { 65535, 0, 1 }, 3, HB_IP_IDS_COUNT_UP },
		{ { 700, 702, 701, 703 }, 4, HB_IP_IDS_COUNT_UP }, /* reordered */
		{ { 700, 701, 9000 }, 3, HB_IP_IDS_ANY },
		{ { 700, 9000, 9001, 9002 }, 4, HB_IP_IDS_ANY },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_int_eq(after(cases[i].ids, cases[i].count).ids, cases[i].what);
}
END_TEST

START_TEST(the_last_number_is_the_highest)
{
	static const uint16_t ids[] = { 65534, 1, 65535 };
	struct hb_iplook look = after(ids, 3);
	const struct hb_packet super = { .ip_version = 4, .ip_id = 2 };

	ck_assert_uint_eq(look.ip_id, 1);
	hb_iplook_follow(&look, &super, 5); /* the kernel numbers its segments 2 to 6 */
	ck_assert_uint_eq(look.ip_id, 6);
}
END_TEST

START_TEST(another_host_counts_on)
{
	static const uint16_t shown_ids[] = { 100, 101 }, actual_ids[] = { 65530, 65531 };
	struct hb_iplook shown = after(shown_ids, 2), actual = after(actual_ids, 2);
	struct hb_iplook_change change = hb_iplook_compare(&shown, &actual);

	ck_assert(change.changes && !change.zero_id);
	ck_assert_uint_eq((uint16_t)(65532 + change.id_difference), 102);
	ck_assert_uint_eq(change.dscp, 0xb9 >> 2);
}
END_TEST

/* Numbers without a rule are as good as others; zeros must stay zeros. */
START_TEST(what_shows_no_rule_is_left_alone)
{
	static const uint16_t any[] = { 100, 9000 }, zero[] = { 0, 0 }, counting[] = { 5, 6 };
	struct hb_iplook look_any = after(any, 2), look_zero = after(zero, 2);
	struct hb_iplook look_counting = after(counting, 2), nothing = { .seen = 0 };
	struct hb_iplook_change change = hb_iplook_compare(&look_any, &look_counting);

	ck_assert(!change.zero_id && change.id_difference == 0);
	change = hb_iplook_compare(&look_zero, &look_counting);
	ck_assert(change.zero_id);
	change = hb_iplook_compare(&look_counting, &look_zero);
	ck_assert_uint_eq(change.id_difference, 0);
	ck_assert(!hb_iplook_compare(&nothing, &look_counting).changes);
}
END_TEST

START_TEST(a_flow_label_is_kept)
{
	const struct hb_packet packet = { .ip_version = 6, .flow_label = 0xabcde, .tos = 0x20 };
	struct hb_iplook look = { .seen = 0 }, other = { .seen = 0 };

	hb_iplook_follow(&look, &packet, 1);
	ck_assert_uint_eq(hb_iplook_flow_label(&look), 0xabcde);
	ck_assert_uint_eq(hb_iplook_compare(&look, &other).flow_label, 0xabcde);
	ck_assert_uint_eq(hb_iplook_compare(&look, &other).dscp, 8);
}
END_TEST

/* The number of a SYN-ACK tells nothing; what follows is not compared with it. */
START_TEST(a_syn_ack_tells_all_but_the_number)
{
	const struct hb_packet early = { .ip_version = 4, .tos = 0x20 };
	static const uint16_t counting[] = { 5, 6 };
	struct hb_iplook look = { .seen = 0 }, other = after(counting, 2);

	hb_iplook_begin(&look, &early);
	ck_assert(hb_iplook_compare(&look, &other).changes);
	ck_assert_uint_eq(hb_iplook_compare(&look, &other).dscp, 8);
	ck_assert(!hb_iplook_compare(&look, &other).zero_id);
	ck_assert_uint_eq(hb_iplook_compare(&look, &other).id_difference, 0);
	see(&look, 300);
	hb_iplook_begin(&look, &early); /* again, and too late */
	ck_assert_uint_eq(look.ids, HB_IP_IDS_UNKNOWN);
	ck_assert_uint_eq(look.dscp, 0xb9 >> 2);
}
END_TEST

UNIT_MAIN("iplook", how_a_host_numbers_is_told, the_last_number_is_the_highest,
	  another_host_counts_on, what_shows_no_rule_is_left_alone, a_flow_label_is_kept,
	  a_syn_ack_tells_all_but_the_number)
