/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Debt: client bytes that the gateway acknowledged in a honeypot's place (handover rule 9).
 *
 * If a handover takes long, the client is told that its bytes arrived, or it would send them again
 * and slow down. From then on they are the gateway's to deliver, to whoever serves in the end,
 * until that honeypot has acknowledged them; and until then the client never sees a lower ACK.
 */
#ifndef HB_DEBT_H
#define HB_DEBT_H

#include "handover.h"
#include "out.h"

/* True while bytes are owed to the honeypot that serves, or will. */
bool hb_debt_is_open(const struct hb_handover *handover);

/* Acknowledges all that is held. */
void hb_debt_incur(struct hb_core *core, struct hb_flow *flow);

/* Says again to the client what was acknowledged, by the gateway or the honeypot. */
void hb_debt_acknowledge(struct hb_core *core, struct hb_flow *flow);

/*
 * A packet of the honeypot's for the client: raises its ACK to what the client was told, while the
 * window's edge stays. False: it says nothing else, and is swallowed.
 * @shown  the packet as the client would see it; changed as well.
 */
bool hb_debt_from_honeypot(struct hb_handover *handover, struct hb_edit *edit,
			   struct hb_packet *shown);

/*
 * A packet of the client's. False: it goes no further. A FIN or RST waits behind the debt; what asks
 * for an ACK is answered here, since the honeypot's would be lower than what the client was told.
 */
bool hb_debt_from_client(struct hb_core *core, struct hb_flow *flow,
			 const struct hb_packet *packet);

/* A packet of the client's that asks for an ACK and brings nothing: a probe, a repeat, a SYN. */
bool hb_debt_is_question(const struct hb_flow *flow, const struct hb_packet *packet);

/* After commit, and whenever the honeypot acknowledged: closes the account if it is even. */
void hb_debt_settle(struct hb_core *core, struct hb_flow *flow);

/* If the session was reset nobody is owed anything. */
void hb_debt_cancel(struct hb_core *core, struct hb_flow *flow);

/* The honeypot does not take it any more: both sides are reset. */
void hb_debt_write_off(struct hb_core *core, struct hb_flow *flow);

/* Segments without payload for the honeypot, behind all that was held. @ack  in its numbers. */
void hb_debt_send_fin(struct hb_core *core, struct hb_flow *flow, enum hb_leg leg, uint32_t ack);
void hb_debt_send_ack(struct hb_core *core, struct hb_flow *flow, enum hb_leg leg, uint32_t ack);

/*
 * Gives a packet of ours for the client the timestamp that it saw last: whoever serves in the end
 * may have a slower clock than we would guess, and it must not seem to go back (rule 12).
 */
void hb_debt_stamp(const struct hb_flow *flow, struct hb_build_tcp *spec);

#endif
