/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a result leads a flow. */
#ifndef HB_STATE_H
#define HB_STATE_H

#include <honeybrid/flow.h>

enum hb_result {
	HB_RESULT_ACCEPT = 0, /* by the rule that was asked */
	HB_RESULT_NO_BACKEND, /* accepted, and there is nobody to hand over to */
	HB_RESULT_REJECT,     /* in DECISION: by every backend */
	HB_RESULT_DEFER,
	HB_RESULT_DECLINED,  /* this session cannot be handed over */
	HB_RESULT_CAUGHT_UP, /* the backend knows all that the frontend knew */
	HB_RESULT_UNDONE,    /* the handover failed, the frontend goes on */
	HB_RESULT_LOST,      /* the handover failed, and the target wants nobody to go on */
	HB_RESULT_COUNT
};

/* HB_STATE_NONE for a pair that cannot happen. */
enum hb_flow_state hb_state_next(enum hb_flow_state state, enum hb_result result);

#endif
