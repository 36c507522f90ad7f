/* SPDX-License-Identifier: BSD-2-Clause */
#include "tally.h"

#include "unit.h"

static void count(struct hb_tally *tally, unsigned target, unsigned backend,
		  enum hb_flow_state state)
{
	struct hb_flow_info flow = { .state = state, .target = target, .backend = backend };

	ck_assert_int_eq(hb_tally_count(tally, &flow, backend == 32 ? "clone-1" : ""), 0);
}

static void expect(const struct hb_tally *tally, const char *expected)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(out);
	hb_tally_print(tally, "> ", out);
	fclose(out);
	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(nothing_is_not_worth_a_word)
{
	struct hb_tally tally = { 0 };

	expect(&tally, "");
	hb_tally_fini(&tally);
}
END_TEST

START_TEST(flows_are_counted_by_state_target_and_backend)
{
	struct hb_tally tally = { 0 };

	count(&tally, 3, 2, HB_STATE_PROXY);
	count(&tally, 3, 32, HB_STATE_PROXY);
	count(&tally, 3, 2, HB_STATE_PROXY);
	count(&tally, 3, 0, HB_STATE_DECISION);
	count(&tally, 1, 0, HB_STATE_DROPPED);
	count(&tally, 0, 0, HB_STATE_DROPPED);
	expect(&tally, "> flows by state: DECISION 1, PROXY 3, DROPPED 2\n"
		       "> target 1: 0 of 1 flows would have been handed over\n"
		       "> target 3: 3 of 4 flows would have been handed over: 2 to backend 2, "
		       "1 to backend 32 (clone-1)\n"
		       "> no target takes 1 of the flows\n");
	hb_tally_fini(&tally);
	ck_assert_uint_eq(tally.flows, 0);
}
END_TEST

UNIT_MAIN("tally", nothing_is_not_worth_a_word, flows_are_counted_by_state_target_and_backend)
