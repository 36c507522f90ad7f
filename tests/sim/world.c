/* SPDX-License-Identifier: BSD-2-Clause */
#include "world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* As in the packet scripts, so that a run can be played there. */
#define ORIGIN_NS UINT64_C(1000000000000)
#define ORIGIN_WALL_US INT64_C(1700000000000000)

#define ROOM 128                        /* that a datagram may grow by */
#define RUN_MAX_NS (900000 * PLAN_MS)   /* for the whole session */
#define REST_MAX_NS (9000000 * PLAN_MS) /* until the engine has forgotten it */
#define STEPS_MAX 200000

void world_wrong(struct world *world, const char *format, ...)
{
	va_list args;

	if (world->wrong[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(world->wrong, sizeof(world->wrong), format, args);
	va_end(args);
	trace_remark(&world->trace, world->now_ns, "WRONG: %s", world->wrong);
}

static struct hb_time engine_time(const struct world *world)
{
	return (struct hb_time){ ORIGIN_NS + world->now_ns,
				 ORIGIN_WALL_US + (int64_t)(world->now_ns / 1000) };
}

/* Whose address it is; ROLE_COUNT for nobody's. */
static enum role owner(const struct world *world, const struct hb_addr *addr, uint16_t port)
{
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		const struct hb_endpoint *local = &world->plan->tcp[role].local;

		if (hb_addr_equal(addr, &local->addr) && port == local->port)
			return role;
	}
	return ROLE_COUNT;
}

/* A packet leaves the gateway. */
static void leave(struct world *world, const uint8_t *data, size_t len)
{
	struct hb_packet packet;

	if (hb_packet_parse(data, len, &packet) != 0 || packet.len != len) {
		world_wrong(world, "the gateway sends %zu bytes that are no packet", len);
		return;
	}
	enum role to = owner(world, &packet.dst, packet.dst_port);
	if (to == ROLE_COUNT) {
		world_wrong(world, "the gateway sends a packet to nobody");
		return;
	}
	trace_leaves(&world->trace, to, &packet);
	if (!hb_packet_checksum_ok(&packet))
		world_wrong(world, "the %s is sent a wrong checksum", plan_role_name(to));
	if (owner(world, &packet.src, packet.src_port) == to ||
	    (to == ROLE_CLIENT && !hb_addr_equal(&packet.src, &world->plan->attacked.addr)))
		world_wrong(world, "the %s is sent a packet from elsewhere", plan_role_name(to));
	if (!link_send(&world->net, to, false, data, len, world->now_ns))
		trace_remark(&world->trace, world->now_ns, "lost on its way to the %s: %" PRIu32,
			     plan_role_name(to), packet.seq);
}

static void emit(void *ctx, const struct hb_datagram *dgram)
{
	leave(ctx, dgram->data, dgram->len);
}

static void see_event(void *ctx, const struct hb_event *event)
{
	struct world *world = ctx;

	world->events[event->kind]++;
	trace_remark(&world->trace, world->now_ns, "event %d, state %s%s%s", event->kind,
		     hb_flow_state_name(event->flow.state), event->reason[0] ? ": " : "",
		     event->reason);
	if (event->kind == HB_EVENT_FLOW_NEW &&
	    hb_addr_equal(&event->flow.client.addr, &world->plan->tcp[ROLE_CLIENT].local.addr))
		world->sessions++;
	if (event->kind == HB_EVENT_HANDOVER) {
		world->handed_over = true;
		world->info = event->handover;
		for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++)
			world->impaired_before[role] =
				world->net.lost[role] + world->net.reordered[role];
	} else if (event->kind == HB_EVENT_HANDOVER_FAILED) {
		world->undone = true;
		snprintf(world->failure, sizeof(world->failure), "%s", event->reason);
	}
}

/* A packet reaches the gateway. */
static void enter(struct world *world, struct link_packet *in)
{
	uint8_t buf[WIRE_MTU + ROOM];
	struct hb_datagram dgram = { .data = buf,
				     .len = in->len,
				     .cap = sizeof(buf),
				     .in_interface = 1 + (uint32_t)in->role };
	struct hb_packet packet;

	if (hb_packet_parse(in->data, in->len, &packet) != 0) {
		world_wrong(world, "the model sends no packet");
		return;
	}
	memcpy(buf, in->data, in->len);
	enum hb_verdict verdict = hb_engine_input(world->engine, &dgram, engine_time(world));
	if (verdict != HB_DROP)
		leave(world, dgram.data, dgram.len);
	trace_enters(&world->trace, world->now_ns, in->role, &packet);
}

static void send_from(struct world *world, enum role role, const uint8_t *data, size_t len)
{
	bool dead = role == ROLE_BACKEND &&
		    (world->plan->backend == BACKEND_SILENT ||
		     (world->plan->backend == BACKEND_DIES && world->tcp[role].ip_id > 1));

	if (!dead && !link_send(&world->net, role, true, data, len, world->now_ns))
		trace_remark(&world->trace, world->now_ns, "lost on its way from the %s",
			     plan_role_name(role));
}

static void client_sends(void *ctx, const uint8_t *data, size_t len)
{
	send_from(ctx, ROLE_CLIENT, data, len);
}

static void frontend_sends(void *ctx, const uint8_t *data, size_t len)
{
	send_from(ctx, ROLE_FRONTEND, data, len);
}

static void backend_sends(void *ctx, const uint8_t *data, size_t len)
{
	send_from(ctx, ROLE_BACKEND, data, len);
}

static bool make_policy(struct world *world)
{
	static const char *const modules[TRIGGER_COUNT] = { "counter", "hash", "random" };
	static const char *const params[TRIGGER_COUNT] = { "counter", NULL, "value" };
	const struct plan *plan = world->plan;
	char number[16];
	struct hb_setting setting = { .name = params[plan->trigger], .value = number };
	struct hb_target *target;

	snprintf(number, sizeof(number), "%u",
		 plan->trigger == TRIGGER_COUNTER ? plan->counter : 1);
	world->policy = hb_policy_new();
	if (world->policy == NULL ||
	    hb_policy_add_instance(world->policy, "m", hb_module_builtin(modules[plan->trigger]),
				   &setting, setting.name != NULL, NULL) != 0)
		return false;
	target = hb_policy_add_target(world->policy);
	struct hb_endpoint frontend = plan->tcp[ROLE_FRONTEND].local;
	struct hb_endpoint backend = plan->tcp[ROLE_BACKEND].local;
	frontend.port = backend.port = 0;
	return target != NULL && hb_target_set_filter(target, "tcp", NULL) == 0 &&
	       hb_target_set_frontend(target, &frontend, NULL, NULL) == 0 &&
	       hb_target_add_backend(target, &backend, "m", NULL) == 0 &&
	       hb_policy_seal(world->policy, NULL) == 0;
}

static bool set_up(struct world *world, const struct plan *plan, FILE *trace)
{
	static void (*const sends[ROLE_COUNT])(void *ctx, const uint8_t *data,
					       size_t len) = { client_sends, frontend_sends,
							       backend_sends };

	*world = (struct world){ .plan = plan };
	trace_open(&world->trace, plan, trace);
	world->ops =
		(struct hb_ops){ .size = sizeof(world->ops), .emit = emit, .event = see_event };
	struct hb_setup setup = {
		.size = sizeof(setup), .ops = &world->ops, .ctx = world, .seed = "a seed to keep"
	};
	bool ok = link_init(&world->net, plan) && make_policy(world);
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		ok = tcp_init(&world->tcp[role], &plan->tcp[role], sends[role], world) && ok;
		app_server_init(&world->servers[role], plan, role, &world->tcp[role]);
	}
	app_client_init(&world->client, plan, &world->tcp[ROLE_CLIENT]);
	if (ok)
		world->engine = hb_engine_new(&setup, world->policy, NULL);
	return world->engine != NULL;
}

void world_free(struct world *world)
{
	hb_engine_free(world->engine);
	hb_policy_unref(world->policy);
	link_fini(&world->net);
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++)
		tcp_fini(&world->tcp[role]);
	trace_close(&world->trace);
}

static uint64_t engine_deadline(const struct world *world)
{
	uint64_t at = hb_engine_next_deadline(world->engine);

	if (at == UINT64_MAX)
		return TCP_NEVER;
	return at > ORIGIN_NS ? at - ORIGIN_NS : 0;
}

/* The models' next deadline, without the engine's. */
static uint64_t models_deadline(const struct world *world)
{
	uint64_t at = link_deadline(&world->net), other = app_client_deadline(&world->client);

	at = other < at ? other : at;
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		other = tcp_deadline(&world->tcp[role]);
		at = other < at ? other : at;
		if (role != ROLE_CLIENT && world->servers[role].due_ns < at)
			at = world->servers[role].due_ns;
	}
	return at;
}

static void step_models(struct world *world)
{
	struct link_packet in;
	struct hb_packet packet;

	while (link_deadline(&world->net) <= world->now_ns) {
		link_take(&world->net, &in);
		if (in.inwards)
			enter(world, &in);
		else if (hb_packet_parse(in.data, in.len, &packet) == 0)
			tcp_input(&world->tcp[in.role], &packet, world->now_ns);
		app_client_step(&world->client, world->now_ns);
		app_server_step(&world->servers[ROLE_FRONTEND], world->now_ns);
		app_server_step(&world->servers[ROLE_BACKEND], world->now_ns);
	}
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		if (tcp_deadline(&world->tcp[role]) <= world->now_ns)
			tcp_timer(&world->tcp[role], world->now_ns);
	}
	app_client_step(&world->client, world->now_ns);
	app_server_step(&world->servers[ROLE_FRONTEND], world->now_ns);
	app_server_step(&world->servers[ROLE_BACKEND], world->now_ns);
}

static void look_for_wrong(struct world *world)
{
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		if (world->tcp[role].wrong != NULL)
			world_wrong(world, "the %s %s", plan_role_name(role),
				    world->tcp[role].wrong);
	}
	if (world->net.overflowed)
		world_wrong(world, "packets without end, or one that is too long");
}

/* One moment. False: nothing more will happen before until_ns. */
static bool step(struct world *world, uint64_t until_ns)
{
	uint64_t models = models_deadline(world), engine = engine_deadline(world);
	uint64_t at = models < engine ? models : engine;

	if (at > until_ns)
		return false;
	if (at > world->now_ns)
		world->now_ns = at;
	if (engine <= world->now_ns) {
		hb_engine_advance(world->engine, engine_time(world));
		trace_enters(&world->trace, world->now_ns, ROLE_COUNT, NULL);
	}
	step_models(world);
	look_for_wrong(world);
	return world->wrong[0] == '\0';
}

/* The client's session is over for both who take part in it, and no packet is on its way. */
static bool is_finished(const struct world *world)
{
	const struct tcp *client = &world->tcp[ROLE_CLIENT];

	return tcp_is_over(client) && world->net.count == 0;
}

void world_run(struct world *world, const struct plan *plan, FILE *trace)
{
	if (!set_up(world, plan, trace)) {
		world_wrong(world, "the engine cannot be set up");
		return;
	}
	tcp_connect(&world->tcp[ROLE_CLIENT], 0);
	unsigned steps = 0;
	while (!is_finished(world) && step(world, RUN_MAX_NS) && ++steps < STEPS_MAX)
		;
	world->finished = is_finished(world);
	world->finished_ns = world->now_ns;
	trace_remark(&world->trace, world->now_ns, world->finished ? "finished" : "not finished");
	while (++steps < STEPS_MAX && step(world, REST_MAX_NS))
		;
	trace_end(&world->trace, world->handed_over, world->undone ? world->failure : NULL);
	if (steps >= STEPS_MAX)
		world_wrong(world, "it does not come to rest");
	hb_engine_get_counters(world->engine, &world->counters);
}
