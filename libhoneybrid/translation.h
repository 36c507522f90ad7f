/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HB_TRANSLATION_H
#define HB_TRANSLATION_H

#include "iplook.h"

/* How a packet leaves; all zero: as the kernel's routes say. */
struct hb_way {
	uint32_t interface; /* for who sends it; 0: not said */
	uint32_t mark;      /* for the kernel's routes, within hb_options.uplink_mask */
};

/*
 * What joins two legs: constant once a handover is committed, so that code outside the engine can
 * take it as it is. All zero but the endpoint: only addresses and ports differ.
 */
struct hb_translation {
	struct hb_endpoint honeypot;
	struct hb_way way;       /* to the honeypot; a clone is told by its interface */
	uint16_t client_port;    /* the client's port as the honeypot sees it */
	uint8_t client_shift;    /* window shift of the client */
	uint8_t honeypot_shift;  /* of the honeypot */
	uint8_t shown_shift;     /* which the client believes the honeypot to have */
	uint8_t granted;         /* HB_TCPOPT_*: what the client's leg has */
	bool lacks_ecn;          /* the client's leg has ECN, the honeypot's has not */
	uint8_t lacks;           /* HB_TCPOPT_*: the client's leg has it, the honeypot's has not */
	int16_t ttl_difference;  /* added to what the honeypot sends */
	uint32_t seq_difference; /* the client's view of a server's number = honeypot's + this */
	uint32_t ts_difference;  /* the same for its timestamps */
	uint32_t keep;           /* the honeypot's first byte that the client gets */
	struct hb_iplook_change look; /* of the honeypot's IP headers */
	bool numbers_differ; /* a TCP session that was handed over: all of the above holds */
};

#endif
