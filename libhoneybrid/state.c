/* SPDX-License-Identifier: BSD-2-Clause */
#include "state.h"

/* Where a result leads, one line a pair. A pair that is absent is HB_STATE_NONE. */
static const uint8_t next_state[HB_STATE_COUNT][HB_RESULT_COUNT] = {
	[HB_STATE_INIT][HB_RESULT_ACCEPT] = HB_STATE_DECISION,
	[HB_STATE_INIT][HB_RESULT_NO_BACKEND] = HB_STATE_PROXY,
	[HB_STATE_INIT][HB_RESULT_REJECT] = HB_STATE_DROPPED,
	[HB_STATE_INIT][HB_RESULT_DEFER] = HB_STATE_DROPPED,
	[HB_STATE_DECISION][HB_RESULT_ACCEPT] = HB_STATE_REPLAY,
	[HB_STATE_DECISION][HB_RESULT_REJECT] = HB_STATE_PROXY,
	[HB_STATE_DECISION][HB_RESULT_DEFER] = HB_STATE_DECISION,
	[HB_STATE_DECISION][HB_RESULT_DECLINED] = HB_STATE_PROXY,
	[HB_STATE_REPLAY][HB_RESULT_CAUGHT_UP] = HB_STATE_FORWARD,
	[HB_STATE_REPLAY][HB_RESULT_UNDONE] = HB_STATE_PROXY,
	[HB_STATE_REPLAY][HB_RESULT_LOST] = HB_STATE_DROPPED,
};

enum hb_flow_state hb_state_next(enum hb_flow_state state, enum hb_result result)
{
	if ((unsigned)state >= HB_STATE_COUNT || (unsigned)result >= HB_RESULT_COUNT)
		return HB_STATE_NONE;
	return next_state[state][result];
}
