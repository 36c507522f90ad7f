/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"
#include "gateway.h"

#include <stdarg.h>
#include <stdlib.h>

#define REST_MAX_NS (9000000 * PLAN_MS) /* until the engine has forgotten all sessions */
#define STEPS_MAX 200000                /* for each of them */

static void note_wrong(struct world *world, const char *prefix, const char *format, va_list args)
{
	size_t len = (size_t)snprintf(world->wrong, sizeof(world->wrong), "%s", prefix);

	vsnprintf(world->wrong + len, sizeof(world->wrong) - len, format, args);
	trace_remark(&world->trace, world->now_ns, "WRONG: %s", world->wrong);
}

void world_wrong(struct world *world, const char *format, ...)
{
	va_list args;

	if (world->wrong[0] != '\0')
		return;
	va_start(args, format);
	note_wrong(world, "", format, args);
	va_end(args);
}

void session_wrong(struct session *session, const char *format, ...)
{
	char prefix[32] = "";
	va_list args;

	if (session->world->wrong[0] != '\0')
		return;
	if (session->world->session_count > 1)
		snprintf(prefix, sizeof(prefix), "session %u: ", session->number + 1);
	va_start(args, format);
	note_wrong(session->world, prefix, format, args);
	va_end(args);
}

unsigned world_deceived(const struct world *world)
{
	unsigned count = 0;

	for (unsigned i = 0; i < world->session_count; i++)
		count += world->sessions[i].deceived;
	return count;
}

unsigned world_rounds(const struct world *world)
{
	unsigned count = 0;

	for (unsigned i = 0; i < world->session_count; i++)
		count += 1 + world->sessions[i].round;
	return count;
}

static bool set_up(struct world *world, const struct plans *plans, FILE *trace)
{
	*world = (struct world){ .session_count = plans->count };
	trace_open(&world->trace, plans, trace);
	bool ok = link_init(&world->net, plans);
	for (unsigned i = 0; i < plans->count; i++)
		ok = session_init(&world->sessions[i], world, &plans->each[i], i) && ok;
	return ok && gateway_set_up(world, &plans->each[0]);
}

void world_free(struct world *world)
{
	hb_engine_free(world->engine);
	hb_policy_unref(world->policy);
	link_fini(&world->net);
	for (unsigned i = 0; i < world->session_count; i++)
		session_fini(&world->sessions[i]);
	trace_close(&world->trace);
}

/* The models' next deadline, without the engine's. */
static uint64_t models_deadline(const struct world *world)
{
	uint64_t at = link_deadline(&world->net);

	for (unsigned i = 0; i < world->session_count; i++) {
		uint64_t other = session_deadline(&world->sessions[i]);

		at = other < at ? other : at;
	}
	return at;
}

static void deliver(struct world *world)
{
	struct link_packet in;
	struct hb_packet packet;

	while (link_deadline(&world->net) <= world->now_ns) {
		link_take(&world->net, &in);
		if (in.way.inwards)
			gateway_input(world, &in);
		else if (hb_packet_parse(in.data, in.len, &packet) == 0)
			session_input(&world->sessions[in.way.session], in.way.role, &packet);
		free(in.data);
	}
}

/* One moment. False: nothing more will happen before until_ns. */
static bool step(struct world *world, uint64_t until_ns)
{
	uint64_t models = models_deadline(world), engine = gateway_deadline(world);
	uint64_t at = models < engine ? models : engine;

	if (at > until_ns)
		return false;
	if (at > world->now_ns)
		world->now_ns = at;
	if (engine <= world->now_ns) {
		hb_engine_advance(world->engine, gateway_time(world));
		trace_enters(&world->trace, world->now_ns, NULL, NULL);
	}
	deliver(world);
	for (unsigned i = 0; i < world->session_count; i++) {
		session_step(&world->sessions[i]);
		look_at_endpoints(&world->sessions[i]);
	}
	if (world->net.overflowed)
		world_wrong(world, "packets without end, or one that is too long");
	return world->wrong[0] == '\0';
}

static bool all_over(const struct world *world)
{
	for (unsigned i = 0; i < world->session_count; i++) {
		if (world->sessions[i].phase != SESSION_OVER)
			return false;
	}
	return true;
}

void world_run(struct world *world, const struct plans *plans, FILE *trace)
{
	unsigned steps = 0, most = plans->count * STEPS_MAX;

	if (!set_up(world, plans, trace)) {
		world_wrong(world, "the engine cannot be set up");
		return;
	}
	while (!all_over(world) && ++steps < most && step(world, TCP_NEVER - 1))
		;
	uint64_t until_ns = world->now_ns + REST_MAX_NS;
	while (++steps < most && step(world, until_ns))
		;
	trace_end(&world->trace);
	if (steps >= most)
		world_wrong(world, "it does not come to rest");
	hb_engine_get_counters(world->engine, &world->counters);
}
