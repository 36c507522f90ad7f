/* SPDX-License-Identifier: BSD-2-Clause */
/* A client, two honeypots, three links and the engine between them, in virtual time. */
#ifndef WORLD_H
#define WORLD_H

#include "app.h"
#include "attack.h"
#include "link.h"
#include "trace.h"

#include <honeybrid/honeybrid.h>

#define WORLD_WRONG_SIZE 200

struct world {
	const struct plan *plan;
	uint64_t now_ns;
	struct hb_policy *policy;
	struct hb_engine *engine;
	struct hb_ops ops;
	struct link_net net;
	struct wire_joiner joiner; /* of what leaves in fragments */
	uint32_t fragment_id;
	struct tcp tcp[ROLE_COUNT];
	struct app_client client;
	struct attacker attacker;
	struct app_server servers[ROLE_COUNT]; /* that of the client is not used */
	struct trace trace;
	struct hb_counters counters; /* at the end */
	bool handed_over, undone;
	unsigned events[HB_EVENT_COUNT];
	unsigned sessions; /* flows that the client began */
	struct hb_handover_info info;
	enum hb_flow_state state; /* of the client's session */
	int32_t cut;              /* client bytes that the frontend had when the handover began */
	/* What the client was shown, from its initial numbers on: behind the highest ACK, behind the
	 * window; the lowest and the highest TTL. */
	int32_t conflict_at[ROLE_COUNT]; /* that was looked at */
	int32_t shown_ack, shown_edge;
	uint8_t shown_ttl;
	char failure[160]; /* why a handover was undone or declined */
	/* How many packets were lost or reordered on a link before the handover was decided. */
	unsigned impaired_before[ROLE_COUNT];
	bool finished;                /* client and links are at rest */
	bool deceived;                /* see check_session() */
	uint64_t again_ns;            /* when the second session begins */
	bool old[ROLE_COUNT];         /* it knows of the first session only */
	unsigned round;               /* 1: the second session from one port */
	uint64_t flow_id;             /* of the client's session */
	char wrong[WORLD_WRONG_SIZE]; /* the first thing that must not be */
};

/* Runs the plan to its end and until nothing is left; world_free() it, also on failure. */
void world_run(struct world *world, const struct plan *plan, FILE *trace);
void world_free(struct world *world);

/* Notes what is wrong, if nothing was before. */
void world_wrong(struct world *world, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
