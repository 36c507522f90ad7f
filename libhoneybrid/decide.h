/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks a target's rules about a flow, and keeps the trace of what the modules said. */
#ifndef HB_DECIDE_H
#define HB_DECIDE_H

#include "core.h"
#include "target.h"

/* Room for a trace; a longer one is cut. */
#define HB_DECIDE_TRACE_SIZE 512

/* The frontend rule, about the flow's first packet. No rule: accept. */
enum hb_decision hb_decide_frontend(struct hb_core *core, struct hb_flow *flow,
				    const struct hb_packet *packet);

/*
 * The backpick rule, then the backend rules in file order; the first that accepts wins, one that
 * rejected is not asked again, one that could not be reached rests for a while (health.h).
 * @number  gets the backend, from 1, where the answer is ACCEPT. REJECT: every backend rejected.
 */
enum hb_decision hb_decide_backend(struct hb_core *core, struct hb_flow *flow,
				   const struct hb_packet *packet, unsigned *number);

/*
 * The control rule, about any packet of what a honeypot started. No rule: reject. Where it accepts,
 * flow->diverted may be set: then the packet is for somebody else.
 */
enum hb_decision hb_decide_control(struct hb_core *core, struct hb_flow *flow,
				   const struct hb_packet *packet);

/*
 * "+name;-name;?name" for the modules that were asked, in the order of the rules; in a dry run the
 * backend that would have got the flow, as "redirect:1", behind them. Returns buf.
 */
const char *hb_decide_trace(const struct hb_flow *flow, char buf[HB_DECIDE_TRACE_SIZE]);

#endif
