/* SPDX-License-Identifier: BSD-2-Clause */
/* The packet that an ICMP error quotes, changed to what its sender knows of it (handover rule 28). */
#ifndef HB_QUOTE_H
#define HB_QUOTE_H

#include "flow.h"

struct hb_quote {
	struct hb_datagram *dgram; /* the error */
	const struct hb_packet *error, *quoted;
};

/* Address and port, or the identifier of an echo. */
void hb_quote_set_source(const struct hb_quote *quote, const struct hb_endpoint *endpoint);
void hb_quote_set_destination(const struct hb_quote *quote, const struct hb_endpoint *endpoint);

/*
 * Numbers of a TCP header: that of a packet for the backend becomes what the client had sent, that of one
 * for the client what the backend had sent. What was lost on the way (a clock that was left out, a window
 * that did not fit) cannot be brought back: then no more is quoted for the client than must be.
 */
void hb_quote_numbers_of_client(const struct hb_quote *quote, const struct hb_flow *flow);
void hb_quote_numbers_of_honeypot(const struct hb_quote *quote,
				  const struct hb_translation *translation);

/* Blanks IP options that tell of the way. True if there were any. */
bool hb_quote_hide_route(const struct hb_quote *quote);

#endif
