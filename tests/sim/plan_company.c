/* SPDX-License-Identifier: BSD-2-Clause */
/* Several clients at a time: each has a plan of its own, and all meet the same honeypots. */
#include "plan.h"

#define IPV6_LEAST 1280
#define TOGETHER_NS (100 * PLAN_MS)
#define COMPANY_STREAM UINT64_C(0xc0a9a27)

/* Another port of the first client's, or another host, near or far; at the first address or beside it. */
static void place(struct rng *rng, struct plan *plan, struct plan *first, unsigned number)
{
	struct hb_endpoint *client = &plan->tcp[ROLE_CLIENT].local;
	bool same_host = rng_percent(rng, 50);
	/* A script cannot say whom the gateway's own errors quote, if not the first. */
	bool beside = plan->darknet && !(plan->crafts & 1u << CRAFT_TTL) && rng_percent(rng, 50);

	plan->number = number;
	plan_set_addresses(plan);
	if (plan->ipv6 && plan->links[ROLE_CLIENT].mtu != 0 &&
	    plan->links[ROLE_CLIENT].mtu < IPV6_LEAST)
		plan->links[ROLE_CLIENT].mtu = IPV6_LEAST;
	if (beside)
		plan->attacked.addr.bytes[15] = (uint8_t)(plan->attacked.addr.bytes[15] + number);
	/*
	 * Its port may be in use for the first address: the honeypots see another then, as long as the
	 * first is remembered.
	 */
	bool same_port = same_host && beside && plan->crafts == 0 && rng_percent(rng, 80);
	if (same_port) {
		plan->start_ns %= TOGETHER_NS;
		plan->again = first->again = false;
	}
	if (same_host) {
		client->port = (uint16_t)(client->port + (same_port ? 0 : number));
		plan->links[ROLE_CLIENT] = first->links[ROLE_CLIENT];
		plan->tcp[ROLE_CLIENT].ttl = first->tcp[ROLE_CLIENT].ttl;
	} else {
		client->addr.bytes[15] = (uint8_t)(client->addr.bytes[15] + number);
	}
	plan->tcp[ROLE_CLIENT].peer = plan->attacked;
	for (enum role role = ROLE_FRONTEND; role < ROLE_COUNT; role++)
		plan->tcp[role].peer = *client;
}

/* A honeypot is one host on one link, and gives all clients the same answers. */
static void share(struct plan *plan, const struct plan *first)
{
	plan->seed = first->seed;
	plan->ipv6 = first->ipv6;
	plan->darknet = first->darknet;
	plan->banner = first->banner;
	plan->trigger = first->trigger;
	plan->counter = first->counter;
	plan->backend = first->backend;
	plan->again = plan->again && first->backend != BACKEND_DIES;
	for (enum role role = ROLE_FRONTEND; role < ROLE_COUNT; role++) {
		uint32_t iss = plan->tcp[role].iss;

		plan->tcp[role] = first->tcp[role];
		plan->tcp[role].iss = iss;
		plan->tcp[role].lenient = plan->crafts != 0;
		plan->links[role] = first->links[role];
		for (unsigned turn = 0; turn <= PLAN_TURNS_MAX; turn++)
			plan->answers[role][turn] = first->answers[role][turn];
	}
	/* What is asked at once is answered at once. */
	for (unsigned turn = 0; turn <= PLAN_TURNS_MAX; turn++) {
		plan->requests[turn].pipelined = first->requests[turn].pipelined;
		if (plan->requests[turn].pipelined)
			plan->requests[turn].pieces = 1;
	}
}

/* Each client has another initial number: it tells whose a SYN is. */
static void draw_apart(struct plans *plans, unsigned number)
{
	uint32_t *iss = &plans->each[number].tcp[ROLE_CLIENT].iss;

	/* As often as there may be a neighbour below. */
	for (unsigned i = 0; i < number * number; i++) {
		if (plans->each[i % number].tcp[ROLE_CLIENT].iss == *iss)
			(*iss)--;
	}
}

void plans_make(struct plans *plans, uint64_t seed, unsigned without)
{
	struct rng rng = { seed ^ COMPANY_STREAM };
	unsigned count = rng_percent(&rng, 20) ? rng_range(&rng, 2, PLAN_CLIENTS_MAX) : 1;

	plans->count = without & PLAN_NO_COMPANY ? 1 : count;
	plan_make(&plans->each[0], seed, without);
	for (unsigned i = 1; i < plans->count; i++) {
		struct plan *plan = &plans->each[i];

		plan_make(plan, rng_next(&rng), without);
		share(plan, &plans->each[0]);
		draw_apart(plans, i);
		plan->start_ns = rng_range(&rng, 0, rng_percent(&rng, 50) ? 100 : 4000) * PLAN_MS;
		place(&rng, plan, &plans->each[0], i);
		plan->reset_at_ns += plan->start_ns;
	}
}
