/* SPDX-License-Identifier: BSD-2-Clause */
#include "module_fixture.h"

#include "rig.h"

#include <errno.h>

static unsigned picked;

static int pick(void *ctx, unsigned number)
{
	(void)ctx;
	picked = number;
	return 0;
}

static struct hb_query_sink sink = { .pick = pick };

START_TEST(backends_are_picked_alike)
{
	struct hb_instance *instance = module_make("backpick_random", NULL, NULL, NULL);
	unsigned counts[4] = { 0 };
	uint64_t random = 9;
	struct asked asked;

	ck_assert_ptr_nonnull(instance);
	asked_init(&asked);
	asked.query.reserved = &sink;
	asked.query.backend_count = 3;
	for (int i = 0; i < 30000; i++) {
		asked.query.flow_random = unit_random(&random);
		unit_require(hb_instance_decide(instance, &asked.query) == HB_DECISION_ACCEPT);
		unit_require(picked >= 1 && picked <= 3);
		counts[picked]++;
	}
	for (int i = 1; i <= 3; i++) {
		ck_assert_uint_gt(counts[i], 9700);
		ck_assert_uint_lt(counts[i], 10300);
	}
	hb_instance_free(instance);
}
END_TEST

START_TEST(the_pick_is_the_flows)
{
	struct hb_instance *instance = module_make("backpick_random", NULL, NULL, NULL);
	struct asked asked;
	unsigned first;

	asked_init(&asked);
	asked.query.reserved = &sink;
	asked.query.backend_count = 1000;
	asked.query.flow_random = UINT64_C(0x123456789abcdef);
	hb_instance_decide(instance, &asked.query);
	first = picked;
	asked.query.now.wall_us++;
	asked.flow.client_packets++;
	hb_instance_decide(instance, &asked.query);
	ck_assert_uint_eq(picked, first);
	hb_instance_free(instance);
}
END_TEST

START_TEST(where_nothing_can_be_picked_it_rejects)
{
	struct hb_instance *instance = module_make("backpick_random", NULL, NULL, NULL);
	struct hb_query_sink nowhere = { .pick = NULL };
	struct asked asked;

	asked_init(&asked);
	asked.query.reserved = &sink;
	ck_assert_int_eq(hb_instance_decide(instance, &asked.query), HB_DECISION_REJECT);
	asked.query.backend_count = 2;
	asked.query.reserved = &nowhere;
	ck_assert_int_eq(hb_instance_decide(instance, &asked.query), HB_DECISION_REJECT);
	hb_instance_free(instance);
}
END_TEST

/* Each of two backends without a rule gets sessions, by the attacker's port. */
START_TEST(sessions_are_spread)
{
	unsigned counts[3] = { 0 };

	for (uint16_t port = 2000; port < 2040; port++) {
		struct rig rig;
		struct hb_target *target = rig_open(&rig);

		rig_instance(&rig, "any", "backpick_random", NULL, NULL);
		ck_assert_int_eq(hb_target_set_backpick(target, "hash and any", NULL), 0);
		rig_backend(target, "10.9.0.3", NULL);
		rig_backend(target, "10.9.0.4", NULL);
		rig_start(&rig);
		rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, HB_TCP_SYN, 1000,
						 .from_port = port });
		rig_tcp(&rig, &(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, HB_TCP_SYN | HB_TCP_ACK,
						 5000, 1001, .to_port = port });
		rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, HB_TCP_ACK, 1001, 5001,
						 .from_port = port });
		ck_assert_int_eq(rig.state, HB_STATE_DECISION);
		rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, HB_TCP_ACK, 1001, 5001,
						 "x", .from_port = port });
		ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
		ck_assert_str_eq(rig.trace, "+hash;+any");
		counts[rig.last[HB_EVENT_FLOW_STATE].flow.backend]++;
		rig_close(&rig);
	}
	ck_assert_uint_eq(counts[0], 0);
	ck_assert_uint_gt(counts[1], 10);
	ck_assert_uint_gt(counts[2], 10);
}
END_TEST

UNIT_MAIN("mod_backpick_random", backends_are_picked_alike, the_pick_is_the_flows,
	  where_nothing_can_be_picked_it_rejects, sessions_are_spread)
