/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions without loss, where the honeypots' options differ in every way that options can. */
#include "plan.h"

#define SHORT_TURNS 3 /* within which the handover begins */
#define BULK_LEN (PLAN_MATRIX_BYTES / 2)
#define BUFFER_BYTES 200000 /* a window even where its unit is 16 KiB */
/* Neighbours differ in all: it shares no divisor with the number of pairs. */
#define STRIDE 10681

static void set_options(struct tcp_config *config, unsigned number)
{
	static const uint8_t shifts[] = { 0, 2, 7, 14 };
	static const uint16_t sizes[] = { 536, 1220, 1460, 9000 };
	unsigned scale = number / 4 % 5;

	config->options = 0;
	if (number & 1)
		config->options |= HB_TCPOPT_TIMESTAMP;
	if (number & 2)
		config->options |= HB_TCPOPT_SACK_OK;
	if (scale < 4)
		config->options |= HB_TCPOPT_WSCALE;
	config->wscale = scale < 4 ? shifts[scale] : 0;
	config->mss = sizes[number / 20 % 4];
	config->ecn = number / 80;
	config->buffer_bytes = BUFFER_BYTES;
}

static void draw_turns(struct rng *rng, struct plan *plan)
{
	plan->turns = SHORT_TURNS + 2;
	plan->banner = rng_percent(rng, 50);
	for (unsigned t = 0; t <= plan->turns; t++) {
		bool bulk = t > SHORT_TURNS;

		plan->requests[t] = (struct plan_request){
			.len = bulk ? BULK_LEN : (int32_t)rng_range(rng, 5, 3000),
			.pieces = 1,
			.wait_ns = rng_range(rng, 0, 60) * PLAN_MS,
			/* Requests and answers are under way at once. */
			.pipelined = t == SHORT_TURNS + 2,
		};
		for (enum role role = ROLE_FRONTEND; role < ROLE_COUNT; role++)
			plan->answers[role][t] = (struct plan_answer){
				.len = bulk ? BULK_LEN : (int32_t)rng_range(rng, 5, 6000),
				.pieces = 1,
				.think_ns = rng_range(rng, 0, 8000) * PLAN_US,
			};
	}
}

void plans_make_pair(struct plans *plans, unsigned index)
{
	struct plan *plan = &plans->each[0];
	unsigned pair = index * STRIDE % PLAN_PAIRS;
	struct rng rng;

	*plans = (struct plans){ .count = 1 };
	plan_make(plan, index,
		  PLAN_NO_LOSS | PLAN_NO_REORDER | PLAN_NO_DUPLICATE | PLAN_NO_CORRUPTION |
			  PLAN_NO_ATTACK | PLAN_NO_AGAIN);
	rng = rng_fork(&plan->network);
	plan->trigger = TRIGGER_COUNTER;
	plan->counter = rng_range(&rng, 2, 4);
	plan->backend = BACKEND_SERVES;
	plan->close = CLOSE_CLIENT;
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		struct tcp_config *config = &plan->tcp[role];

		config->refuses = false;
		config->read_bytes = 0;
		config->read_every_ns = 0;
		config->keepalive_ns = 0;
	}
	/* The client asks for all, so that the honeypots decide. */
	plan->tcp[ROLE_CLIENT].options = HB_TCPOPT_TIMESTAMP | HB_TCPOPT_SACK_OK | HB_TCPOPT_WSCALE;
	plan->tcp[ROLE_CLIENT].ecn = true;
	plan->tcp[ROLE_CLIENT].buffer_bytes = BUFFER_BYTES;
	set_options(&plan->tcp[ROLE_FRONTEND], pair % PLAN_OPTION_SETS);
	set_options(&plan->tcp[ROLE_BACKEND], pair / PLAN_OPTION_SETS);
	draw_turns(&rng, plan);
}
