/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole table, as the design has it. */
#include "state.h"

#include "unit.h"

static const struct {
	enum hb_flow_state from;
	enum hb_result result;
	enum hb_flow_state to;
} steps[] = {
	{ HB_STATE_INIT, HB_RESULT_ACCEPT, HB_STATE_DECISION },
	{ HB_STATE_INIT, HB_RESULT_NO_BACKEND, HB_STATE_PROXY },
	{ HB_STATE_INIT, HB_RESULT_REJECT, HB_STATE_DROPPED },
	{ HB_STATE_INIT, HB_RESULT_DEFER, HB_STATE_DROPPED },
	{ HB_STATE_DECISION, HB_RESULT_ACCEPT, HB_STATE_REPLAY },
	{ HB_STATE_DECISION, HB_RESULT_REJECT, HB_STATE_PROXY },
	{ HB_STATE_DECISION, HB_RESULT_DEFER, HB_STATE_DECISION },
	{ HB_STATE_DECISION, HB_RESULT_DECLINED, HB_STATE_PROXY },
	{ HB_STATE_REPLAY, HB_RESULT_CAUGHT_UP, HB_STATE_FORWARD },
	{ HB_STATE_REPLAY, HB_RESULT_UNDONE, HB_STATE_PROXY },
	{ HB_STATE_REPLAY, HB_RESULT_LOST, HB_STATE_DROPPED },
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

START_TEST(each_result_leads_somewhere)
{
	for (size_t i = 0; i < STEPS; i++)
		ck_assert_int_eq(hb_state_next(steps[i].from, steps[i].result), steps[i].to);
}
END_TEST

static bool is_step(unsigned state, unsigned result)
{
	for (size_t i = 0; i < STEPS; i++) {
		if (steps[i].from == state && steps[i].result == result)
			return true;
	}
	return false;
}

START_TEST(nothing_else_leads_anywhere)
{
	for (unsigned state = 0; state <= HB_STATE_COUNT; state++) {
		for (unsigned result = 0; result <= HB_RESULT_COUNT; result++) {
			if (!is_step(state, result))
				ck_assert_int_eq(hb_state_next((enum hb_flow_state)state,
							       (enum hb_result)result),
						 HB_STATE_NONE);
		}
	}
}
END_TEST

UNIT_MAIN("state", each_result_leads_somewhere, nothing_else_leads_anywhere)
