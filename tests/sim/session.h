/* SPDX-License-Identifier: BSD-2-Clause */
/* One client's session, or two one after the other: its three endpoints, and what was seen of it. */
#ifndef SESSION_H
#define SESSION_H

#include "app.h"
#include "attack.h"
#include "link.h"

#include <honeybrid/engine.h>

struct world;

enum session_phase {
	SESSION_WAITS = 0, /* it begins at due_ns, for the first or the second time */
	SESSION_RUNS,      /* until due_ns at the most */
	SESSION_OVER
};

struct session {
	struct world *world;
	const struct plan *plan;
	unsigned number; /* of the client, from 0 */
	enum session_phase phase;
	uint64_t due_ns;
	struct tcp tcp[ROLE_COUNT];
	struct app_client client;
	struct attacker attacker;
	struct app_server servers[ROLE_COUNT]; /* that of the client is not used */
	bool handed_over, undone;
	unsigned flows; /* that the client began */
	struct hb_handover_info info;
	enum hb_flow_state state;
	int32_t cut;                     /* client bytes that the frontend had when it began */
	int32_t conflict_at[ROLE_COUNT]; /* that was looked at */
	/* What the client was shown, from its initial numbers on: behind the highest ACK, behind the
	 * window; and its TTL. */
	int32_t shown_ack, shown_edge;
	uint8_t shown_ttl;
	char failure[160]; /* why a handover was undone or declined */
	/* How many packets were lost or reordered on a link before the handover was decided. */
	unsigned impaired_before[ROLE_COUNT];
	bool finished;        /* client and links are at rest */
	bool deceived;        /* see check_session() */
	bool old[ROLE_COUNT]; /* it knows of the first session only */
	unsigned round;       /* 1: the second session from one port */
	uint64_t flow_id;
	uint16_t leg_port[ROLE_COUNT]; /* the client's, as a honeypot sees it (handover rule 20) */
	unsigned errors[ROLE_COUNT];   /* ICMP's that came through the gateway */
};

/* False: no memory. session_fini() it, also on failure. */
bool session_init(struct session *session, struct world *world, const struct plan *plan,
		  unsigned number);
void session_fini(struct session *session);

/* When session_step() is due; TCP_NEVER for not at all. */
uint64_t session_deadline(const struct session *session);

/* A packet arrives at one of its endpoints. */
void session_input(struct session *session, enum role role, const struct hb_packet *packet);

/* Timers, what applications do, beginning and end. */
void session_step(struct session *session);

/* The first packet to a honeypot tells which port the client has there. */
void session_learn_port(struct session *session, enum role role, uint16_t port);

/* look.c: what a packet that leaves the gateway must not be, and what endpoints complain of. */
void look_at_packet(struct session *session, enum role to, const struct hb_packet *packet);
void look_at_passing(struct session *session, enum role to, const struct hb_packet *before,
		     const struct hb_packet *after);
void look_at_endpoints(struct session *session);
bool look_replaced_unseen(const struct session *session);

#endif
