/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A flow: two legs (client to attacked address, client to honeypot) joined by a translation.
 */
#ifndef HB_FLOW_INTERNAL_H
#define HB_FLOW_INTERNAL_H

#include "record.h"
#include "track.h"
#include "translation.h"
#include "wheel.h"

#include <honeybrid/flow.h>

#include <assert.h>

struct hb_flow;
struct hb_target;

/* Which leg of a flow a table entry stands for. */
enum hb_leg {
	HB_LEG_CLIENT = 0, /* client to attacked address */
	HB_LEG_FRONTEND,   /* client to frontend; not in the table where it equals the client leg */
	HB_LEG_BACKEND,    /* client to backend, while being handed over and after */
	HB_LEG_COUNT
};

/* An entry of the flow table; lies inside its owner. */
struct hb_node {
	struct hb_node *next;
	uint32_t hash;
	uint8_t leg; /* enum hb_leg */
	bool in_table;
};

/* The leg to a backend: lies inside the handover (handover.h), and stays for the flow's life. */
struct hb_redirect {
	struct hb_node node;
	struct hb_flow *flow;
	unsigned backend_number;
	struct hb_translation translation;
};

/* One leg as the wire has it. */
struct hb_leg_key {
	struct hb_addr client, server;
	uint16_t client_port, server_port;
	uint8_t protocol;
};

/* Bits of hb_flow.flags. */
enum {
	HB_FLOW_REPORTED = 0x01, /* FLOW_END was sent; kept only to answer late packets */
	HB_FLOW_RANK_LOW = 0x02, /* enum hb_rank, its two bits: hb_flow_rank() alone writes them */
	HB_FLOW_RANK_HIGH = 0x80,
	HB_FLOW_FROM_HONEYPOT = 0x04,
	HB_FLOW_LET_OUT = 0x08,  /* a control rule has passed a packet: answers may come back */
	HB_FLOW_DRY_RUN = 0x10,  /* who answered at the attacked address is the honeypot */
	HB_FLOW_SUPPOSED = 0x40, /* in a dry run: a backend would have got it */
	HB_FLOW_SHARED = 0x20,   /* several sessions that look like one: proxy.h */
};

struct hb_flow {
	struct hb_node nodes[2]; /* client leg, frontend leg */
	struct hb_timer timer;
	struct hb_flow *older, *newer;  /* in the list of its rank */
	const struct hb_target *target; /* NULL if none matched */
	union {
		struct hb_record *record; /* of a flow that a client started */
		/* HB_FLOW_FROM_HONEYPOT: who gets it instead of whom it was for; NULL: nobody. */
		const struct hb_endpoint *diverted;
	};
	struct hb_redirect *redirect; /* from the trigger packet on */
	uint64_t id;
	uint64_t started_ns, last_ns;
	uint64_t packets, bytes;
	uint64_t answers; /* two bits a leaf of the target's rules: 0 not asked, or decision + 1 */
	struct hb_addr client, attacked;
	uint16_t client_port, attacked_port;
	uint16_t leg_port; /* the client's port on the honeypot legs */
	uint16_t picked;   /* the backend that a backpick rule's module named last; 0: none.
			    HB_FLOW_SUPPOSED: the one that would have got it; HB_FLOW_FROM_HONEYPOT:
			    the clone that started it, 0 for somebody else */
	uint32_t client_packets;
	uint32_t mark;
	uint32_t rejected; /* rules that rejected for good: the bit of a rule's first leaf */
	uint8_t state;     /* enum hb_flow_state; written by hb_flow_set_state() alone */
	uint8_t protocol;
	uint8_t flags;
	uint8_t client_rtt_4ms; /* TCP: from the gateway to the client and back, at the handshake */
	/* TCP; of others: TTLs, look, and in client_next how old the flow was at the client's last
	 * packet, in milliseconds. */
	struct hb_track track;
};

static_assert(sizeof(struct hb_flow) <= 256, "a million undecided flows must stay cheap");

/*
 * Which flows give way first where there is room for no more: those that a flood of forged packets
 * could have made, then those whose client is there, then what cannot be rebuilt (handover rule 31).
 */
enum hb_rank {
	HB_RANK_NONE = 0,   /* in no list */
	HB_RANK_SHORT,      /* half-open, without a session, refused, or over and reported */
	HB_RANK_SESSION,    /* an established session, or datagrams that were handed over */
	HB_RANK_REDIRECTED, /* a TCP session handed over, or on its way */
	HB_RANK_COUNT
};

/* Flows of a rank by when they came to it. */
struct hb_flow_list {
	struct hb_flow *oldest, *newest;
};

struct hb_flow_ranks {
	struct hb_flow_list lists[HB_RANK_COUNT];
};

/* The only writer of a flow's state; ranks it. HB_STATE_NONE takes the flow out of the lists. */
void hb_flow_set_state(struct hb_flow_ranks *ranks, struct hb_flow *flow, enum hb_flow_state state);

/* In which list the flow is. */
static inline enum hb_rank hb_flow_rank_now(const struct hb_flow *flow)
{
	return (enum hb_rank)((flow->flags & HB_FLOW_RANK_LOW ? 1 : 0) +
			      (flow->flags & HB_FLOW_RANK_HIGH ? 2 : 0));
}

/* Moves the flow to the list where it belongs by now, if that is another one. */
void hb_flow_rank(struct hb_flow_ranks *ranks, struct hb_flow *flow);

/* Makes the flow the last of its rank to give way. */
void hb_flow_requeue(struct hb_flow_ranks *ranks, struct hb_flow *flow);

/* The flow that gives way first; NULL: there is none. */
struct hb_flow *hb_flow_first_to_go(const struct hb_flow_ranks *ranks);

/* Milliseconds from the flow's first packet to now. */
uint32_t hb_flow_age_ms(const struct hb_flow *flow, uint64_t now_ns);

static inline bool hb_flow_is_tcp(const struct hb_flow *flow)
{
	return flow->protocol == HB_PROTO_TCP;
}

/* Of IP and TCP, without options. */
static inline uint16_t hb_flow_header_bytes(const struct hb_flow *flow)
{
	return hb_addr_is_ipv4(&flow->client) ? 40 : 60;
}

/* Who gets what a honeypot started, if it is not whom it was for; else NULL. */
static inline const struct hb_endpoint *hb_flow_diverted(const struct hb_flow *flow)
{
	return flow->flags & HB_FLOW_FROM_HONEYPOT ? flow->diverted : NULL;
}

/* True if what a honeypot started goes on with other addresses or ports. */
static inline bool hb_flow_is_rewritten(const struct hb_flow *flow)
{
	return hb_flow_diverted(flow) != NULL || flow->leg_port != flow->client_port;
}

/* True while the client's payload must be recorded. */
bool hb_flow_records(const struct hb_flow *flow);

/* The honeypot's side of a leg: frontend or backend. */
struct hb_leg_key hb_flow_leg(const struct hb_flow *flow, enum hb_leg leg);

/* True if the frontend leg is the client leg: nothing to translate while the frontend serves. */
bool hb_flow_is_identity(const struct hb_flow *flow);

#endif
