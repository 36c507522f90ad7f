/* SPDX-License-Identifier: BSD-2-Clause */
#include "plan.h"

#define SERVER_PORT 80
/* Apart from the seed's own stream, so that what is drawn with it stays as it is. */
#define ECN_STREAM UINT64_C(0x6ecda1)
#define ERRORS_STREAM UINT64_C(0x1c39)
#define HOPS_STREAM UINT64_C(0x4095)

const char *plan_role_name(enum role role)
{
	static const char *const names[ROLE_COUNT] = { "client", "frontend", "backend" };

	return names[role];
}

static struct hb_endpoint endpoint(const struct plan *plan, const char *v4, const char *v6,
				   uint16_t port)
{
	struct hb_endpoint endpoint = { .port = port };

	if (hb_addr_parse(plan->ipv6 ? v6 : v4, &endpoint.addr) != 0)
		endpoint.port = 0;
	return endpoint;
}

void plan_set_addresses(struct plan *plan)
{
	struct hb_endpoint client = endpoint(plan, "10.0.0.1", "2001:db8:a::1", PLAN_CLIENT_PORT);
	struct hb_endpoint frontend = endpoint(plan, "10.9.0.2", "2001:db8:9::2", SERVER_PORT);
	struct hb_endpoint backend = endpoint(plan, "10.9.0.3", "2001:db8:9::3", SERVER_PORT);

	plan->attacked = frontend;
	if (plan->darknet)
		plan->attacked = endpoint(plan, "10.1.0.7", "2001:db8:1::7", SERVER_PORT);
	plan->tcp[ROLE_CLIENT].local = client;
	plan->tcp[ROLE_CLIENT].peer = plan->attacked;
	plan->tcp[ROLE_FRONTEND].local = frontend;
	plan->tcp[ROLE_FRONTEND].peer = client;
	plan->tcp[ROLE_BACKEND].local = backend;
	plan->tcp[ROLE_BACKEND].peer = client;
}

/* Often just before the wrap. */
static uint32_t draw_number(struct rng *rng)
{
	uint32_t number = (uint32_t)rng_next(rng);

	return rng_percent(rng, 40) ? UINT32_MAX - number % 3000 : number;
}

/* How it reads, probes and sends. */
static void draw_habits(struct rng *rng, struct tcp_config *config)
{
	config->probe_byte = rng_percent(rng, 50);
	config->offloads = rng_percent(rng, 40);
	config->keepalive_byte = rng_percent(rng, 30);
	if (rng_percent(rng, 15))
		config->keepalive_ns = rng_range(rng, 400, 3000) * PLAN_MS;
	if (rng_percent(rng, 15)) {
		config->buffer_bytes = rng_range(rng, 1000, 8000);
		config->read_bytes = (int32_t)rng_range(rng, 200, 4000);
		config->read_every_ns = rng_range(rng, 1, 60) * PLAN_MS;
	}
}

static void draw_tcp(struct rng *rng, struct tcp_config *config, enum role role)
{
	static const uint32_t rates[] = { 1000, 1000, 250, 100 };
	static const uint16_t sizes[] = { 536, 1220, 1460, 9000 };

	config->iss = draw_number(rng);
	config->clock_offset = draw_number(rng);
	config->clock_hz = rates[rng_range(rng, 0, 3)];
	config->options = 0;
	/* A backend without timestamps is given up where the frontend has them. */
	if (rng_percent(rng, role == ROLE_BACKEND ? 95 : 75))
		config->options |= HB_TCPOPT_TIMESTAMP;
	if (rng_percent(rng, 75))
		config->options |= HB_TCPOPT_SACK_OK;
	if (rng_percent(rng, 75))
		config->options |= HB_TCPOPT_WSCALE;
	config->wscale =
		(uint8_t)(rng_percent(rng, 80) ? rng_range(rng, 0, 9) : rng_range(rng, 10, 14));
	config->mss = rng_percent(rng, 60) ? sizes[rng_range(rng, 0, 3)]
					   : (uint16_t)rng_range(rng, 100, 1440);
	config->buffer_bytes = rng_percent(rng, 50) ? 65535 : rng_range(rng, 6000, 200000);
	config->ttl = (uint8_t)(rng_percent(rng, 50) ? 64 : rng_range(rng, 20, 255));
	draw_habits(rng, config);
	while (config->buffer_bytes >> config->wscale < 8)
		config->wscale--;
}

static int32_t draw_len(struct rng *rng, uint32_t large)
{
	uint32_t kind = rng_range(rng, 0, 9);

	if (kind < 5)
		return (int32_t)rng_range(rng, 5, 80);
	return (int32_t)(kind < 9 ? rng_range(rng, 5, 3000) : rng_range(rng, 3000, large));
}

/* Pauses stay below the gateway's quiet time, so that it can tell one answer from the next. */
static void draw_answer(struct rng *rng, struct plan_answer *answer, bool may_think)
{
	answer->len = draw_len(rng, 30000);
	answer->pieces = rng_percent(rng, 60) ? 1 : rng_range(rng, 2, 4);
	answer->think_ns = rng_range(rng, 0, 8000) * PLAN_US;
	if (may_think && rng_percent(rng, 10))
		answer->think_ns = rng_range(rng, 0, 400) * PLAN_MS;
	answer->pause_ns = rng_range(rng, 0, 10000) * PLAN_US;
}

static void fit_backend(struct rng *rng, struct plan *plan, unsigned turn)
{
	struct plan_answer *answer = &plan->answers[ROLE_BACKEND][turn];
	int32_t frontend = plan->answers[ROLE_FRONTEND][turn].len;

	if (rng_percent(rng, 20))
		answer->len = frontend;
	/* A piece that ends where the frontend's answer did is taken for the whole (rule 3). */
	else if (frontend < answer->len)
		answer->pieces = 1;
	if (plan->backend == BACKEND_SLOW && !plan->requests[turn].pipelined)
		answer->think_ns += 1500 * PLAN_MS;
}

static void draw_dialogue(struct rng *rng, struct plan *plan)
{
	plan->turns = rng_range(rng, 1, PLAN_TURNS_MAX);
	plan->banner = rng_percent(rng, 50);
	plan->close = (enum plan_close)(rng_percent(rng, 55) ? CLOSE_CLIENT
							     : rng_range(rng, 0, CLOSE_COUNT - 1));
	plan->reset_at_ns = rng_range(rng, 1, 2000) * PLAN_MS;
	for (unsigned t = 0; t <= PLAN_TURNS_MAX; t++) {
		struct plan_request *request = &plan->requests[t];

		request->len = draw_len(rng, 8000);
		request->pieces = rng_percent(rng, 75) ? 1 : 2;
		request->wait_ns = rng_range(rng, 0, 60) * PLAN_MS;
		if (rng_percent(rng, 5))
			request->wait_ns = rng_range(rng, 100, 1500) * PLAN_MS;
		request->pause_ns = rng_range(rng, 0, 60) * PLAN_MS;
		request->pipelined = t > 1 && rng_percent(rng, 15);
		if (request->pipelined)
			request->pieces = 1;
		draw_answer(rng, &plan->answers[ROLE_FRONTEND][t], !request->pipelined);
		draw_answer(rng, &plan->answers[ROLE_BACKEND][t], false);
		fit_backend(rng, plan, t);
	}
}

static void draw_link(struct rng *rng, struct plan_link *link, bool outer, unsigned without)
{
	bool bad = rng_percent(rng, 40);
	uint32_t loss = rng_range(rng, 1, rng_percent(rng, 20) ? 250 : 60);
	uint32_t duplicate = rng_range(rng, 1, 100), reorder = rng_range(rng, 1, 150);

	link->delay_ns =
		outer ? rng_range(rng, 500, 80000) * PLAN_US : rng_range(rng, 50, 2000) * PLAN_US;
	link->jitter_ns = outer ? link->delay_ns / 4 : rng_range(rng, 0, 1500) * PLAN_US;
	link->reorder_ns = rng_range(rng, 1, outer ? 50 : 10) * PLAN_MS;
	if (bad && rng_percent(rng, 60) && !(without & PLAN_NO_LOSS))
		link->loss_permille = loss;
	if (bad && rng_percent(rng, 50) && !(without & PLAN_NO_DUPLICATE))
		link->duplicate_permille = duplicate;
	if (bad && rng_percent(rng, 50) && !(without & PLAN_NO_REORDER))
		link->reorder_permille = reorder;
	if (bad && rng_percent(rng, 30) && !(without & PLAN_NO_CORRUPTION))
		link->corrupt_permille = rng_range(rng, 1, 60);
	if (without & PLAN_NO_JITTER)
		link->jitter_ns = 0;
}

/* One in three clients is an attacker that knows many tricks, or few. */
static void draw_attack(struct rng *rng, struct plan *plan)
{
	uint32_t share = rng_percent(rng, 50) ? 80 : 15;

	plan->craft_ns = rng_range(rng, 1, 60) * PLAN_MS;
	if (!rng_percent(rng, 35))
		return;
	for (unsigned craft = 0; craft < CRAFT_COUNT; craft++) {
		if (rng_percent(rng, share))
			plan->crafts |= 1u << craft;
	}
}

/* The client's number goes on, as RFC 6528 asks; those of servers are anything. */
static void draw_again(struct rng *rng, struct plan *plan)
{
	plan->again = rng_percent(rng, 20) && plan->backend != BACKEND_DIES;
	plan->again_ns = rng_percent(rng, 50) ? rng_range(rng, 0, 2000) * PLAN_US
					      : rng_range(rng, 0, 15000) * PLAN_MS;
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++)
		plan->again_iss[role] = draw_number(rng);
	plan->again_iss[ROLE_CLIENT] = plan->tcp[ROLE_CLIENT].iss + TCP_STREAM_MAX +
				       plan->again_iss[ROLE_CLIENT] % 1000000;
}

/*
 * How far it is; some routers quote no more than RFC 792 asks of them. How far a honeypot is can be told
 * only if its TTL begins with one of the usual values.
 */
static void draw_hops(struct rng *rng, struct plan *plan)
{
	static const uint8_t starts[] = { 64, 128, 255 };
	bool routed = rng_percent(rng, 70);

	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		plan->links[role].quoted_bytes = rng_percent(rng, 50) ? 8 : WIRE_MTU;
		if (!routed)
			continue;
		plan->links[role].hops = rng_percent(rng, 70) ? rng_range(rng, 0, 6) : 0;
		if (role != ROLE_CLIENT)
			plan->tcp[role].ttl = starts[rng_range(rng, 0, 2)];
	}
}

/* A tunnel on the way: senders learn how wide it is. Some losses are told, too. */
static void draw_errors(struct rng *rng, struct plan *plan)
{
	static const uint16_t v4[] = { 1492, 1480, 1420, 1280, 576 };
	static const uint16_t v6[] = { 1492, 1480, 1420, 1400, 1280 };

	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		struct plan_link *link = &plan->links[role];
		unsigned which = rng_range(rng, 0, 4);

		link->told_permille = rng_percent(rng, 50) ? rng_range(rng, 0, 500) : 0;
		/* A router has to say so. */
		if (link->hops == 0 || !rng_percent(rng, 40))
			continue;
		link->mtu = plan->ipv6 ? v6[which] : v4[which];
	}
}

/* A third of the links mark, some of them a lot; one end or another may not know of ECN. */
static void draw_ecn(struct rng *rng, struct plan *plan)
{
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		uint32_t share = rng_range(rng, 1, rng_percent(rng, 30) ? 400 : 60);

		plan->tcp[role].ecn = rng_percent(rng, 70);
		plan->tcp[role].ect = rng_percent(rng, 50) ? 1 : 2;
		if (rng_percent(rng, 35))
			plan->links[role].congestion_permille = share;
	}
}

void plan_make(struct plan *plan, uint64_t seed, unsigned without)
{
	struct rng rng = { seed }, links, dialogue, attack, again;

	*plan = (struct plan){ .seed = seed };
	plan->network = rng_fork(&rng);
	links = rng_fork(&rng);
	dialogue = rng_fork(&rng);
	attack = rng_fork(&rng);
	plan->attack = rng_fork(&rng);
	again = rng_fork(&rng);
	plan->ipv6 = rng_percent(&rng, 25);
	plan->darknet = rng_percent(&rng, 40);
	plan->trigger =
		rng_percent(&rng, 70) ? TRIGGER_COUNTER : (enum plan_trigger)rng_range(&rng, 1, 2);
	plan->counter = rng_range(&rng, 0, rng_percent(&rng, 70) ? 8 : 30);
	plan->backend = rng_percent(&rng, 85)
				? BACKEND_SERVES
				: (enum plan_backend)rng_range(&rng, 1, BACKEND_COUNT - 1);
	plan->impaired_until_ns = 20000 * PLAN_MS;
	plan_set_addresses(plan);
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		draw_tcp(&rng, &plan->tcp[role], role);
		if (without & PLAN_NO_OFFLOAD)
			plan->tcp[role].offloads = false;
		draw_link(&links, &plan->links[role], role == ROLE_CLIENT, without);
	}
	plan->tcp[ROLE_BACKEND].refuses = plan->backend == BACKEND_REFUSES;
	draw_dialogue(&dialogue, plan);
	if (!(without & PLAN_NO_ATTACK))
		draw_attack(&attack, plan);
	if (!(without & PLAN_NO_ECN))
		draw_ecn(&(struct rng){ seed ^ ECN_STREAM }, plan);
	if (!(without & PLAN_NO_HOPS))
		draw_hops(&(struct rng){ seed ^ HOPS_STREAM }, plan);
	if (!(without & PLAN_NO_ERRORS))
		draw_errors(&(struct rng){ seed ^ ERRORS_STREAM }, plan);
	draw_again(&again, plan);
	if (without & PLAN_NO_AGAIN)
		plan->again = false;
	for (enum role role = ROLE_FRONTEND; role < ROLE_COUNT; role++)
		plan->tcp[role].lenient = plan->crafts != 0;
}
