/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include <string.h>

#define WAITS_US 1500000 /* the gateway, at the most, for an answer in whose midst it is */

/*
 * The stream that arrived is the beginning of the one that was sent; of an attacker's bytes either
 * version may have come first.
 */
static void check_prefix(struct world *world, enum role to)
{
	const struct tcp *client = &world->tcp[ROLE_CLIENT], *server = &world->tcp[to];
	int32_t len = tcp_in_len(server), at = 0;

	if (world->old[to])
		return;
	while (at < len && (server->in[at] == client->out[at] ||
			    (world->plan->crafts != 0 &&
			     server->in[at] == attack_byte(world->plan, ATTACK_OTHER, at))))
		at++;

	if (len > client->out_len)
		world_wrong(world, "the %s got %d bytes, the client sent %d", plan_role_name(to),
			    len, client->out_len);
	else if (at < len)
		world_wrong(world, "the %s got another byte than the client sent at %d",
			    plan_role_name(to), at);
}

/* Where segments get lost, marks get lost with them, and may come with others. */
static bool marks_count(const struct world *world)
{
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		const struct plan_link *link = &world->plan->links[role];

		if (link->loss_permille != 0 || link->reorder_permille != 0 ||
		    link->corrupt_permille != 0)
			return false;
	}
	return !(world->plan->crafts & (1u << CRAFT_COPY | 1u << CRAFT_AHEAD |
					1u << CRAFT_NO_STAMP | 1u << CRAFT_OPTION));
}

/*
 * Behind a hole a later copy may take the place of an earlier one (copies.c): where it got lost on
 * its way to the frontend, that has the earlier one, and nobody can tell.
 */
static bool replaced_unseen(const struct world *world)
{
	const struct plan_link *link = &world->plan->links[ROLE_FRONTEND];
	bool copies = world->plan->crafts & (1u << CRAFT_COPY | 1u << CRAFT_AHEAD |
					     1u << CRAFT_NO_STAMP | 1u << CRAFT_OPTION);

	return copies && (link->loss_permille != 0 || link->reorder_permille != 0 ||
			  link->corrupt_permille != 0);
}

/* What was replayed is exactly what the frontend had taken, urgent marks included. */
static void check_replayed(struct world *world)
{
	const struct tcp *frontend = &world->tcp[ROLE_FRONTEND];
	const struct tcp *backend = &world->tcp[ROLE_BACKEND];
	int32_t len = tcp_in_len(frontend);

	if (!world->handed_over)
		return;
	/* One that breaks off is not waited for. */
	bool less = frontend->state == TCP_ABORTED && len < world->cut;
	if ((len != (int32_t)world->info.replayed_bytes || len != world->cut) && !less)
		world_wrong(world, "the frontend got %d bytes, replayed were %u of %d", len,
			    world->info.replayed_bytes, world->cut);
	if (len > tcp_in_len(backend))
		len = tcp_in_len(backend);
	for (int32_t i = 0; i < len; i++) {
		if (frontend->in[i] != backend->in[i] && !replaced_unseen(world))
			world_wrong(world, "the backend was told another byte %d", i);
		if (frontend->urgent[i + 1] != backend->urgent[i + 1] && marks_count(world))
			world_wrong(world, "byte %d is urgent to one honeypot only", i);
	}
}

static enum role serving(const struct world *world)
{
	return world->handed_over ? ROLE_BACKEND : ROLE_FRONTEND;
}

static void check_requests(struct world *world)
{
	const struct tcp *client = &world->tcp[ROLE_CLIENT];
	const struct tcp *server = &world->tcp[serving(world)];

	check_prefix(world, ROLE_FRONTEND);
	check_prefix(world, ROLE_BACKEND);
	check_replayed(world);
	/* Where the server's RST got lost a client that has nothing to say waits for ever. */
	if (client->state != TCP_OPEN || server->state == TCP_ABORTED)
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
	if (client->state == TCP_OPEN && world->client.answered != world->plan->turns &&
	    world->tcp[serving(world)].state != TCP_ABORTED)
		world_wrong(world, "the client has %u of %u answers", world->client.answered,
			    world->plan->turns);
}

/* Clocks that step back are noticed even where the network is at its best. */
static void check_clocks(struct world *world)
{
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		if (world->plan->links[role].reorder_permille != 0)
			return;
		if (world->plan->links[role].duplicate_permille != 0 || world->plan->crafts != 0)
			return;
	}
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		if (world->tcp[role].paws_drops != 0)
			world_wrong(world, "the %s dropped %u segments by PAWS",
				    plan_role_name(role), world->tcp[role].paws_drops);
	}
}

/* The backend died when it had the session: nobody can serve it any more. */
static bool is_orphan(const struct world *world)
{
	if (!world->handed_over)
		return false;
	/* A copy of the RST to a connection that was declined may end the one that follows. */
	return world->plan->backend == BACKEND_DIES || world->tcp[ROLE_BACKEND].state == TCP_LISTEN;
}

void check_rest(struct world *world)
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
	/*
	 * A server that is gone makes room for a SYN that was crafted, and where its RST was lost
	 * the client may still speak when the engine has forgotten the session.
	 */
	bool again = world->plan->crafts & (1u << CRAFT_SYN | 1u << CRAFT_FLAGS);
	bool gone = world->tcp[serving(world)].state == TCP_ABORTED || is_orphan(world);
	/*
	 * Nobody sums what the frontend sends on a decided flow: damaged, it may hide that the
	 * first session has ended, and the second goes on in its flow.
	 */
	bool hidden = world->round > 0 && world->sessions == 0 &&
		      world->plan->links[ROLE_FRONTEND].corrupt_permille != 0;
	if (world->sessions != 1 && client->state != TCP_ABORTED && !again && !gone && !hidden)
		world_wrong(world, "one session was counted as %u", world->sessions);
	hb_engine_stop(world->engine, now);
	hb_engine_get_counters(world->engine, &world->counters);
	if (world->counters.flows != 0 || world->counters.buffered_bytes != 0)
		world_wrong(world, "something is left when the engine has stopped");
	if (world->events[HB_EVENT_FLOW_END] != world->events[HB_EVENT_FLOW_NEW])
		world_wrong(world, "%u flows began, %u ended", world->events[HB_EVENT_FLOW_NEW],
			    world->events[HB_EVENT_FLOW_END]);
}

/* Where the answers to the turns up to last end in a honeypot's stream. */
static int32_t answers_end(const struct plan *plan, enum role role, unsigned last)
{
	int32_t end = 0;

	for (unsigned turn = plan->banner ? 0 : 1; turn <= last && turn <= plan->turns; turn++)
		end += plan->answers[role][turn].len;
	return end;
}

/* True if a piece of an answer of a honeypot's ends there, the last one included. */
static bool piece_ends(const struct plan *plan, enum role role, int32_t at)
{
	int32_t start = 0;

	for (unsigned turn = plan->banner ? 0 : 1; turn <= plan->turns; turn++) {
		const struct plan_answer *answer = &plan->answers[role][turn];

		for (unsigned piece = 0; piece < answer->pieces; piece++) {
			if (start + app_piece_end(answer->len, answer->pieces, piece) == at)
				return true;
		}
		start += answer->len;
	}
	return at == 0;
}

/* How many requests are whole in the first bytes of the client's stream. */
static unsigned whole_requests(const struct plan *plan, int32_t bytes)
{
	unsigned turn = 0;

	while (turn < plan->turns && bytes >= plan->requests[turn + 1].len)
		bytes -= plan->requests[++turn].len;
	return turn;
}

/* The last turn whose answer ends within the first bytes of a honeypot's stream. */
static unsigned whole_answers(const struct plan *plan, enum role role, int32_t bytes)
{
	unsigned turn = 0;

	while (turn < plan->turns && bytes >= answers_end(plan, role, turn + 1))
		turn++;
	return turn;
}

/*
 * True if the backend's answer to the first of several pipelined requests is as long as all of the
 * frontend's: it is taken for the whole (handover rule 3).
 */
static bool length_deceived(const struct plan *plan, int32_t backend)
{
	for (unsigned first = 1, last; first <= plan->turns; first = last + 1) {
		last = first;
		while (last < plan->turns && plan->requests[last + 1].pipelined)
			last++;
		int32_t whole = answers_end(plan, ROLE_FRONTEND, last) -
				answers_end(plan, ROLE_FRONTEND, first - 1);
		int32_t start = answers_end(plan, ROLE_BACKEND, first - 1);
		if (last > first && backend == start + whole)
			return true;
	}
	return false;
}

/*
 * True if a loss made a silence that looks like the end of an answer: where a piece of it ends that
 * is not the last, or where all of it is missing. Also if the silence was longer than the gateway
 * waits: since the backend thought so long, or copies got lost one after the other. Nothing that a
 * gateway sees tells these from an answer that is at its end.
 */
static bool silence_deceived(const struct world *world)
{
	const struct plan *plan = world->plan;
	int32_t frontend = (int32_t)world->info.recorded_bytes;
	int32_t backend = (int32_t)world->info.discarded_bytes;
	unsigned asked = whole_requests(plan, world->cut);
	unsigned answered = whole_answers(plan, ROLE_FRONTEND, frontend);

	if (!world->handed_over)
		return false;
	if (backend < answers_end(plan, ROLE_BACKEND, answered) && length_deceived(plan, backend))
		return true;
	unsigned losses =
		world->impaired_before[ROLE_FRONTEND] + world->impaired_before[ROLE_BACKEND];
	if (plan->backend == BACKEND_SLOW || (losses != 0 && world->info.latency_us >= WAITS_US))
		return true;
	if (world->impaired_before[ROLE_FRONTEND] != 0 &&
	    piece_ends(plan, ROLE_FRONTEND, frontend) &&
	    frontend < answers_end(plan, ROLE_FRONTEND, asked))
		return true;
	return world->impaired_before[ROLE_BACKEND] != 0 &&
	       piece_ends(plan, ROLE_BACKEND, backend) &&
	       backend < answers_end(plan, ROLE_BACKEND, answered);
}

bool check_session(struct world *world)
{
	const struct tcp *client = &world->tcp[ROLE_CLIENT];
	bool deceived = silence_deceived(world);

	if (world->wrong[0] != '\0')
		return false;
	if (is_orphan(world)) {
		check_prefix(world, ROLE_FRONTEND);
		return false;
	}
	check_requests(world);
	check_answers(world);
	if (world->wrong[0] != '\0' && deceived) {
		world->wrong[0] = '\0';
		return true;
	}
	bool aborted = world->tcp[serving(world)].state == TCP_ABORTED;
	if (!world->finished && !aborted)
		world_wrong(world, "the session stalls: the client has %u of %u answers",
			    world->client.answered, world->plan->turns);
	/* A SYN that was crafted and arrives when all is over opens a session of its own. */
	bool again = world->sessions > 1 &&
		     (world->plan->crafts & (1u << CRAFT_SYN | 1u << CRAFT_FLAGS));
	if ((client->state == TCP_RESET && !aborted && !again) || client->state == TCP_GAVE_UP)
		world_wrong(world, "the client's session was broken off");
	check_clocks(world);
	return false;
}

void check_pair(struct world *world)
{
	const struct tcp *client = &world->tcp[ROLE_CLIENT];
	int32_t answers = tcp_in_len(client) - (int32_t)world->info.recorded_bytes;

	if (!world->handed_over)
		world_wrong(world, "it was not handed over%s%s", world->undone ? ": " : "",
			    world->failure);
	else if (world->deceived)
		world_wrong(world, "silence deceives where nothing gets lost");
	else if (client->out_len - world->cut < PLAN_MATRIX_BYTES || answers < PLAN_MATRIX_BYTES)
		world_wrong(world, "behind the handover only %d and %d bytes moved",
			    client->out_len - world->cut, answers);
}
