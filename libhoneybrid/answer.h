/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backend's answers to the turns of a replayed dialogue. Answer 0 is what the server says before
 * the client spoke; answer i is that to turn i - 1. The answer to the last turn is awaited and
 * discarded only if the frontend had begun to give it; else it is the backend's to give, and the
 * client gets it (handover rule 2).
 */
#ifndef HB_ANSWER_H
#define HB_ANSWER_H

#include "core.h"

struct hb_handover;

/* How many answers are discarded: all that the frontend gave. */
uint32_t hb_answer_count(const struct hb_handover *handover);

/* True if the answer that is awaited is complete, as far as one can know. */
bool hb_answer_is_complete(const struct hb_core *core, const struct hb_handover *handover);

/* When it will be, if nothing comes until then; UINT64_MAX for never. */
uint64_t hb_answer_deadline(const struct hb_core *core, const struct hb_handover *handover);

/* Bytes of an answer that the client had from the frontend: the last fresh ones of the packet. */
void hb_answer_take(struct hb_core *core, struct hb_handover *handover,
		    const struct hb_packet *packet, uint32_t fresh);

/* It is complete: the next one is awaited. */
void hb_answer_next(const struct hb_core *core, struct hb_handover *handover);

/* A byte came that answers the next turn: so the answer before was complete, which is learnt. */
void hb_answer_learn(struct hb_core *core, struct hb_handover *handover);

#endif
