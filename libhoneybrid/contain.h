/* SPDX-License-Identifier: BSD-2-Clause */
/* What honeypots start by themselves: nothing leaves before a control rule passed it. */
#ifndef HB_CONTAIN_H
#define HB_CONTAIN_H

#include "core.h"
#include "target.h"

/* The first packet of something that a honeypot starts. @target as hb_policy_find_honeypot() gave. */
enum hb_verdict hb_contain_start(struct hb_core *core, struct hb_datagram *dgram,
				 const struct hb_packet *packet, const struct hb_target *target);

/* An ICMP message that asks: never an answer, though it has the numbers of one. */
bool hb_contain_is_question(const struct hb_packet *packet);

/*
 * True for what a honeypot sends on a flow that somebody else began, and what is no part of that: a
 * question, a connection of its own, or data for somebody who has not shown to be there. Else one
 * packet with a forged source would let it out.
 */
bool hb_contain_is_own_idea(const struct hb_flow *flow, const struct hb_packet *packet);

/* A later packet of such a flow. */
enum hb_verdict hb_contain_packet(struct hb_core *core, const struct hb_match *match,
				  struct hb_datagram *dgram, const struct hb_packet *packet);

/* True if a packet of such a flow, or an ICMP error about one, may pass; counted if not. */
bool hb_contain_passes(struct hb_core *core, const struct hb_match *match,
		       const struct hb_packet *packet);

/* A packet that passes as it is: on to the honeypot, if that is where it goes. */
enum hb_verdict hb_contain_lead(const struct hb_match *match, struct hb_datagram *dgram,
				const struct hb_packet *packet);

#endif
