/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts about a flow, as events and modules see them: a copy, never the engine's own structure.
 */
#ifndef HONEYBRID_FLOW_H
#define HONEYBRID_FLOW_H

#include <honeybrid/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where a flow stands; the names in the log are these without the prefix. */
enum hb_flow_state {
	HB_STATE_NONE = 0,
	HB_STATE_INIT,     /* the frontend rule has not decided yet */
	HB_STATE_DECISION, /* served by the frontend; backend rules are being asked */
	HB_STATE_REPLAY,   /* being handed over */
	HB_STATE_FORWARD,  /* served by a backend */
	HB_STATE_PROXY,    /* stays at the frontend; no more rules to ask */
	HB_STATE_DROPPED,  /* refused */
	HB_STATE_CONTROL,  /* started by a honeypot */
	HB_STATE_COUNT
};

/* "INIT", "FORWARD", …; "NONE" for anything out of range. The text is static. */
HB_API const char *hb_flow_state_name(enum hb_flow_state state);

/* Which side of a flow a packet comes from: the one that opened it, or the one that serves it. */
enum hb_direction { HB_FROM_CLIENT = 0, HB_FROM_SERVER, HB_DIRECTION_COUNT };

/* A flow at one moment. For CONTROL flows the client is the honeypot that started it. */
struct hb_flow_info {
	uint64_t id; /* unique in one engine; see hb_setup.first_flow_id */
	enum hb_flow_state state;
	uint8_t protocol;            /* IP protocol number */
	struct hb_endpoint client;   /* the attacker */
	struct hb_endpoint attacked; /* what the attacker believes it talks to */
	struct hb_endpoint honeypot; /* who serves it now; equal to attacked while nobody does */
	struct hb_time started;
	struct hb_time last_packet;
	uint64_t packets, bytes;       /* datagrams from the embedder, both directions; IP length */
	uint32_t client_packets;       /* those from the client, the current one included; not what
					  the frontend never sees: wrong checksum, hop limit */
	uint64_t client_stream_bytes;  /* TCP: in-order payload of the client passed on so far,
					 modulo 2^32 */
	uint32_t mark;                 /* of the flow's first packet */
	uint16_t honeypot_client_port; /* the client's port as the honeypot sees it: another one
					  where a session with another attacked address has it */
	unsigned backend; /* number of the backend that serves it, is being tried, or (in a dry run)
			     would have got it; 0 for none */
	unsigned target;  /* number of the target that took it, from 1; 0 for none */
	uint64_t server_stream_bytes; /* TCP: payload of the server passed on so far, modulo 2^32 */
	bool server_spoke_first; /* TCP, while backends' rules are asked: before the client's first
				    byte there was one of the server's */
};

#ifdef __cplusplus
}
#endif

#endif
