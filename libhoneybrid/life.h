/* SPDX-License-Identifier: BSD-2-Clause */
/* How flows begin, how long they stay, how they end. */
#ifndef HB_LIFE_H
#define HB_LIFE_H

#include "core.h"
#include "state.h"
#include "target.h"

/* Frees the memory of all flows, silently. */
void hb_life_fini(struct hb_core *core);

/* Whose flow a packet begins. */
struct hb_origin {
	const struct hb_target *target; /* NULL: none takes it */
	uint32_t mark;                  /* of the packet */
	bool from_honeypot;             /* its source is one */
	unsigned clone; /* then: which of the target's backends, if it is a clone; else 0 */
};

/*
 * Makes a flow of a packet that belongs to none, in state INIT, and says so. At the limit another
 * one gives way (enum hb_rank).
 * Returns  NULL if there is no room, or its legs clash with those of another flow.
 */
struct hb_flow *hb_life_start(struct hb_core *core, const struct hb_packet *packet,
			      const struct hb_origin *origin);

/*
 * Enters the leg to whom a flow was diverted, with another port there if its own is taken; once.
 * False if there is none.
 */
bool hb_life_enter_diverted(struct hb_core *core, struct hb_flow *flow);

/* Moves a flow on, and says so. The state that it has already: nothing. */
void hb_life_set_state(struct hb_core *core, struct hb_flow *flow, enum hb_flow_state state);

/*
 * Moves a flow on to where a result leads it. A result that its state does not know cannot happen;
 * if it does, the flow is dropped, and counted.
 */
void hb_life_advance(struct hb_core *core, struct hb_flow *flow, enum hb_result result);

/* Counts a packet of the flow. */
void hb_life_count(struct hb_core *core, struct hb_flow *flow, const struct hb_packet *packet,
		   enum hb_direction direction);

/* Counts one of the client's that no honeypot will take: for the log, but not for the rules. */
void hb_life_count_unseen(struct hb_core *core, struct hb_flow *flow,
			  const struct hb_packet *packet);

/* Ranks the flow, and sets its timer to what comes first: its own end, or a step of its handover. */
void hb_life_arm(struct hb_core *core, struct hb_flow *flow);

/* The flow's timer fired: a step of the handover, or the end. */
void hb_life_timer(struct hb_core *core, struct hb_timer *timer);

/* Says that the flow ended, if that was not said, and forgets it. */
void hb_life_end(struct hb_core *core, struct hb_flow *flow, const char *reason);

/* Ends every flow; handovers are undone first. */
void hb_life_end_all(struct hb_core *core);

/* True if neither side will send any more. */
bool hb_life_is_closed(const struct hb_flow *flow);

#endif
