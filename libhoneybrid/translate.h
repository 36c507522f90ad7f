/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Turns a packet of one leg of a flow into one of the other, in place.
 */
#ifndef HB_TRANSLATE_H
#define HB_TRANSLATE_H

#include "edit.h"
#include "flow.h"

/* The translation while the frontend serves: addresses and ports only. */
struct hb_translation hb_translate_frontend(const struct hb_flow *flow);

/* Translates a packet of the client's for the honeypot. */
void hb_translate_to_honeypot(struct hb_edit *edit, const struct hb_flow *flow,
			      const struct hb_translation *translation);

/* Translates a packet of the honeypot's for the client. */
void hb_translate_to_client(struct hb_edit *edit, const struct hb_flow *flow,
			    const struct hb_translation *translation);

/* Only the distance that a packet of the honeypot's seems to have come (handover rule 29). */
void hb_translate_ttl(struct hb_edit *edit, const struct hb_translation *translation);

/*
 * The way of the flow's packets is not the one that its addresses tell: IP options that record or
 * choose it have to go (handover rule 28).
 */
bool hb_translate_hides_route(const struct hb_flow *flow);

/* A window in bytes as a field under a shift: saturating, and never 0 for what is not 0. */
uint16_t hb_translate_window(uint32_t bytes, uint8_t shift);

#endif
