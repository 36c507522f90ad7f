/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include <string.h>

/* The stream that arrived is the beginning of the one that was sent. */
static void check_prefix(struct world *world, enum role to)
{
	const struct tcp *client = &world->tcp[ROLE_CLIENT], *server = &world->tcp[to];
	int32_t len = tcp_in_len(server);

	if (len > client->out_len)
		world_wrong(world, "the %s got %d bytes, the client sent %d", plan_role_name(to),
			    len, client->out_len);
	else if (memcmp(server->in, client->out, (size_t)len) != 0)
		world_wrong(world, "the %s got other bytes than the client sent",
			    plan_role_name(to));
}

static enum role serving(const struct world *world)
{
	return world->handed_over ? ROLE_BACKEND : ROLE_FRONTEND;
}

static void check_requests(struct world *world)
{
	const struct tcp *client = &world->tcp[ROLE_CLIENT];
	const struct tcp *frontend = &world->tcp[ROLE_FRONTEND];
	const struct tcp *server = &world->tcp[serving(world)];

	check_prefix(world, ROLE_FRONTEND);
	check_prefix(world, ROLE_BACKEND);
	if (world->handed_over && tcp_in_len(frontend) != (int32_t)world->info.replayed_bytes)
		world_wrong(world, "the frontend got %d bytes, replayed were %u",
			    tcp_in_len(frontend), world->info.replayed_bytes);
	if (client->state != TCP_OPEN)
		return;
	if (tcp_in_len(server) != client->out_len)
		world_wrong(world, "the %s got %d bytes of the client's %d",
			    plan_role_name(serving(world)), tcp_in_len(server), client->out_len);
	/* The last ACK may be lost for good: a client that is gone does not repeat it. */
	if (!tcp_peer_closed(server) || !server->closing)
		world_wrong(world, "the %s does not know that the session is over",
			    plan_role_name(serving(world)));
}

static int32_t answer_matches(const struct world *world, enum role role, unsigned turn, int32_t at)
{
	const struct tcp *client = &world->tcp[ROLE_CLIENT];
	int32_t len = world->plan->answers[role][turn].len, i = 0;

	while (i < len && at + i < tcp_in_len(client) &&
	       client->in[at + i] == app_byte(world->plan, role, turn, i))
		i++;
	return i;
}

/* Whole answers, turn by turn: the frontend's first, then the backend's. */
static void check_answers(struct world *world)
{
	const struct tcp *client = &world->tcp[ROLE_CLIENT];
	enum role role = ROLE_FRONTEND;
	int32_t at = 0, len = tcp_in_len(client);

	for (unsigned turn = world->plan->banner ? 0 : 1; at < len; turn++) {
		if (turn > world->plan->turns) {
			world_wrong(world, "the client got %d bytes behind the last answer",
				    len - at);
			return;
		}
		int32_t whole = world->plan->answers[role][turn].len;
		int32_t fits = answer_matches(world, role, turn, at);
		if (role == ROLE_FRONTEND && fits < whole && at + fits < len &&
		    world->handed_over) {
			role = ROLE_BACKEND;
			whole = world->plan->answers[role][turn].len;
			int32_t as_frontend = fits;
			fits = answer_matches(world, role, turn, at);
			if (fits < as_frontend)
				fits = as_frontend;
		}
		if (fits < whole && at + fits < len) {
			world_wrong(
				world,
				"answer %u to the client is damaged at byte %d (%d of its stream)",
				turn, fits, at + fits);
			return;
		}
		at += fits;
	}
	if (client->state == TCP_OPEN && world->client.answered != world->plan->turns)
		world_wrong(world, "the client has %u of %u answers", world->client.answered,
			    world->plan->turns);
}

/* Clocks that step back are noticed even where the network is at its best. */
static void check_clocks(struct world *world)
{
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		if (world->plan->links[role].reorder_permille != 0)
			return;
		if (world->plan->links[role].duplicate_permille != 0)
			return;
	}
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		if (world->tcp[role].paws_drops != 0)
			world_wrong(world, "the %s dropped %u segments by PAWS",
				    plan_role_name(role), world->tcp[role].paws_drops);
	}
}

static void check_rest(struct world *world)
{
	const struct tcp *client = &world->tcp[ROLE_CLIENT];
	uint64_t deadline = hb_engine_next_deadline(world->engine);
	struct hb_time now = { UINT64_C(1) << 62, 0 };

	if (world->counters.broken != 0)
		world_wrong(world, "the engine broke a guarantee of its own");
	if (world->counters.flows != 0 || deadline != UINT64_MAX)
		world_wrong(world, "the engine still knows the session, or waits for something");
	if (world->counters.buffered_bytes != 0)
		world_wrong(world, "the engine keeps %llu bytes",
			    (unsigned long long)world->counters.buffered_bytes);
	if (world->sessions != 1 && client->state != TCP_ABORTED)
		world_wrong(world, "one session was counted as %u", world->sessions);
	hb_engine_stop(world->engine, now);
	hb_engine_get_counters(world->engine, &world->counters);
	if (world->counters.flows != 0 || world->counters.buffered_bytes != 0)
		world_wrong(world, "something is left when the engine has stopped");
	if (world->events[HB_EVENT_FLOW_END] != world->events[HB_EVENT_FLOW_NEW])
		world_wrong(world, "%u flows began, %u ended", world->events[HB_EVENT_FLOW_NEW],
			    world->events[HB_EVENT_FLOW_END]);
}

/* True if silence may have come from a loss, so that an answer seemed to be at its end. */
static bool silence_deceived(const struct world *world)
{
	return world->handed_over && (world->impaired_before[ROLE_FRONTEND] != 0 ||
				      world->impaired_before[ROLE_BACKEND] != 0);
}

/* The backend died when it had the session: nobody can serve it any more. */
static bool is_orphan(const struct world *world)
{
	return world->handed_over && world->plan->backend == BACKEND_DIES;
}

bool check_world(struct world *world)
{
	const struct tcp *client = &world->tcp[ROLE_CLIENT];
	bool deceived = silence_deceived(world);

	if (world->wrong[0] != '\0')
		return false;
	if (is_orphan(world)) {
		check_prefix(world, ROLE_FRONTEND);
		check_rest(world);
		return false;
	}
	check_requests(world);
	check_answers(world);
	if (world->wrong[0] != '\0' && deceived) {
		world->wrong[0] = '\0';
		return true;
	}
	if (!world->finished)
		world_wrong(world, "the session stalls: the client has %u of %u answers",
			    world->client.answered, world->plan->turns);
	if (client->state == TCP_RESET || client->state == TCP_GAVE_UP)
		world_wrong(world, "the client's session was broken off");
	check_clocks(world);
	check_rest(world);
	return false;
}
