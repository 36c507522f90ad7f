/* SPDX-License-Identifier: BSD-2-Clause */
/* Clients, two honeypots, their links and the engine between them, in virtual time. */
#ifndef WORLD_H
#define WORLD_H

#include "session.h"
#include "trace.h"

#include <honeybrid/honeybrid.h>

#define WORLD_WRONG_SIZE 200

struct world {
	uint64_t now_ns;
	struct hb_policy *policy;
	struct hb_engine *engine;
	struct hb_ops ops;
	struct link_net net;
	struct wire_joiner joiner; /* of what leaves in fragments */
	uint32_t fragment_id;
	struct session sessions[PLAN_CLIENTS_MAX];
	unsigned session_count;
	struct trace trace;
	struct hb_counters counters; /* at the end */
	unsigned events[HB_EVENT_COUNT];
	char wrong[WORLD_WRONG_SIZE]; /* the first thing that must not be */
};

/* Runs the plans to their end and until nothing is left; world_free() it, also on failure. */
void world_run(struct world *world, const struct plans *plans, FILE *trace);
void world_free(struct world *world);

/* Notes what is wrong, if nothing was before. */
void world_wrong(struct world *world, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same of one client's session. */
void session_wrong(struct session *session, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* How many were deceived by silence, of all; see check_session(). */
unsigned world_deceived(const struct world *world);
unsigned world_rounds(const struct world *world);

#endif
