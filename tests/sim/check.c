/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include <string.h>

#define WAITS_US 1500000 /* the gateway, at the most, for an answer in whose midst it is */

/*
 * The stream that arrived is the beginning of the one that was sent; of an attacker's bytes either
 * version may have come first.
 */
static void check_prefix(struct session *session, enum role to)
{
	const struct tcp *client = &session->tcp[ROLE_CLIENT], *server = &session->tcp[to];
	int32_t len = tcp_in_len(server), at = 0;

	if (session->old[to])
		return;
	while (at < len && (server->in[at] == client->out[at] ||
			    (session->plan->crafts != 0 &&
			     server->in[at] == attack_byte(session->plan, ATTACK_OTHER, at))))
		at++;

	if (len > client->out_len)
		session_wrong(session, "the %s got %d bytes, the client sent %d",
			      plan_role_name(to), len, client->out_len);
	else if (at < len)
		session_wrong(session, "the %s got another byte than the client sent at %d",
			      plan_role_name(to), at);
}

/* Where segments get lost, marks get lost with them, and may come with others. */
static bool marks_count(const struct session *session)
{
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		const struct plan_link *link = &session->plan->links[role];

		if (link->loss_permille != 0 || link->reorder_permille != 0 ||
		    link->corrupt_permille != 0 || link->mtu != 0)
			return false;
	}
	return !(session->plan->crafts & (1u << CRAFT_COPY | 1u << CRAFT_AHEAD |
					  1u << CRAFT_NO_STAMP | 1u << CRAFT_OPTION));
}

/* What was replayed is exactly what the frontend had taken, urgent marks included. */
static void check_replayed(struct session *session)
{
	const struct tcp *frontend = &session->tcp[ROLE_FRONTEND];
	const struct tcp *backend = &session->tcp[ROLE_BACKEND];
	int32_t len = tcp_in_len(frontend);

	if (!session->handed_over)
		return;
	/* One that breaks off is not waited for. */
	bool less = frontend->state == TCP_ABORTED && len < session->cut;
	if ((len != (int32_t)session->info.replayed_bytes || len != session->cut) && !less)
		session_wrong(session, "the frontend got %d bytes, replayed were %u of %d", len,
			      session->info.replayed_bytes, session->cut);
	if (len > tcp_in_len(backend))
		len = tcp_in_len(backend);
	for (int32_t i = 0; i < len; i++) {
		if (frontend->in[i] != backend->in[i] && !look_replaced_unseen(session))
			session_wrong(session, "the backend was told another byte %d", i);
		if (frontend->urgent[i + 1] != backend->urgent[i + 1] && marks_count(session))
			session_wrong(session, "byte %d is urgent to one honeypot only", i);
	}
}

static enum role serving(const struct session *session)
{
	return session->handed_over ? ROLE_BACKEND : ROLE_FRONTEND;
}

static void check_requests(struct session *session)
{
	const struct tcp *client = &session->tcp[ROLE_CLIENT];
	const struct tcp *server = &session->tcp[serving(session)];

	check_prefix(session, ROLE_FRONTEND);
	check_prefix(session, ROLE_BACKEND);
	check_replayed(session);
	/* Where the server's RST got lost a client that has nothing to say waits for ever. */
	if (client->state != TCP_OPEN || server->state == TCP_ABORTED)
		return;
	if (tcp_in_len(server) != client->out_len)
		session_wrong(session, "the %s got %d bytes of the client's %d",
			      plan_role_name(serving(session)), tcp_in_len(server),
			      client->out_len);
	/* The last ACK may be lost for good: a client that is gone does not repeat it. */
	if (!tcp_peer_closed(server) || !server->closing)
		session_wrong(session, "the %s does not know that the session is over",
			      plan_role_name(serving(session)));
}

static int32_t answer_matches(const struct session *session, enum role role, unsigned turn,
			      int32_t at)
{
	const struct tcp *client = &session->tcp[ROLE_CLIENT];
	int32_t len = session->plan->answers[role][turn].len, i = 0;

	while (i < len && at + i < tcp_in_len(client) &&
	       client->in[at + i] == app_byte(session->plan, role, turn, i))
		i++;
	return i;
}

/* Whole answers, turn by turn: the frontend's first, then the backend's. */
static void check_answers(struct session *session)
{
	const struct tcp *client = &session->tcp[ROLE_CLIENT];
	enum role role = ROLE_FRONTEND;
	int32_t at = 0, len = tcp_in_len(client);

	for (unsigned turn = session->plan->banner ? 0 : 1; at < len; turn++) {
		if (turn > session->plan->turns) {
			session_wrong(session, "the client got %d bytes behind the last answer",
				      len - at);
			return;
		}
		int32_t whole = session->plan->answers[role][turn].len;
		int32_t fits = answer_matches(session, role, turn, at);
		if (role == ROLE_FRONTEND && fits < whole && at + fits < len &&
		    session->handed_over) {
			role = ROLE_BACKEND;
			whole = session->plan->answers[role][turn].len;
			int32_t as_frontend = fits;
			fits = answer_matches(session, role, turn, at);
			if (fits < as_frontend)
				fits = as_frontend;
		}
		if (fits < whole && at + fits < len) {
			session_wrong(
				session,
				"answer %u to the client is damaged at byte %d (%d of its stream)",
				turn, fits, at + fits);
			return;
		}
		at += fits;
	}
	if (client->state == TCP_OPEN && session->client.answered != session->plan->turns &&
	    session->tcp[serving(session)].state != TCP_ABORTED)
		session_wrong(session, "the client has %u of %u answers", session->client.answered,
			      session->plan->turns);
}

static bool nothing_lost(const struct session *session)
{
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		const struct plan_link *link = &session->plan->links[role];

		if (link->loss_permille != 0 || link->corrupt_permille != 0)
			return false;
	}
	return true;
}

/* Who was told of congestion said so until it was heard, if it had the time. */
static void check_ecn(struct session *session)
{
	const struct tcp *client = &session->tcp[ROLE_CLIENT];
	const struct tcp *server = &session->tcp[serving(session)];

	if (client->state != TCP_OPEN || server->state != TCP_OPEN || !nothing_lost(session))
		return;
	/* The session is over, and the last ACK was not sent yet. */
	if (client->ack_due_ns != TCP_NEVER || server->ack_due_ns != TCP_NEVER)
		return;
	if (server->ecn && client->ce_seen > 0 && server->ece_seen == 0 &&
	    session->tcp[ROLE_FRONTEND].ece_seen == 0)
		session_wrong(session, "the %s is not told that there was congestion",
			      plan_role_name(serving(session)));
	if (server->ecn && server->ce_seen > 0 && client->ece_seen == 0)
		session_wrong(session, "the client is not told that there was congestion");
}

/* Clocks that step back are noticed even where the network is at its best. */
static void check_clocks(struct session *session)
{
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		if (session->plan->links[role].reorder_permille != 0)
			return;
		if (session->plan->links[role].duplicate_permille != 0 ||
		    session->plan->crafts != 0)
			return;
	}
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		if (session->tcp[role].paws_drops != 0)
			session_wrong(session, "the %s dropped %u segments by PAWS",
				      plan_role_name(role), session->tcp[role].paws_drops);
	}
}

/* The backend died when it had the session: nobody can serve it any more. */
static bool is_orphan(const struct session *session)
{
	if (!session->handed_over)
		return false;
	/* A copy of the RST to a connection that was declined may end the one that follows. */
	return session->plan->backend == BACKEND_DIES ||
	       session->tcp[ROLE_BACKEND].state == TCP_LISTEN;
}

/* The session began once in the engine. */
static void check_flows(struct session *session)
{
	const struct tcp *client = &session->tcp[ROLE_CLIENT];
	/*
	 * A server that is gone makes room for a SYN that was crafted, and where its RST was lost
	 * the client may still speak when the engine has forgotten the session.
	 */
	bool again = session->plan->crafts & (1u << CRAFT_SYN | 1u << CRAFT_FLAGS);
	bool gone = session->tcp[serving(session)].state == TCP_ABORTED || is_orphan(session);
	/*
	 * Nobody sums what the frontend sends on a decided flow: damaged, it may hide that the
	 * first session has ended, and the second goes on in its flow.
	 */
	bool hidden = session->round > 0 && session->flows == 0 &&
		      session->plan->links[ROLE_FRONTEND].corrupt_permille != 0;
	if (session->flows != 1 && client->state != TCP_ABORTED && !again && !gone && !hidden)
		session_wrong(session, "one session was counted as %u", session->flows);
}

void check_rest(struct world *world)
{
	const struct hb_counters *counters = &world->counters;
	struct hb_time now = { UINT64_C(1) << 62, 0 };

	if (counters->broken != 0)
		world_wrong(world, "the engine broke a guarantee of its own");
	if (counters->flows != 0 || hb_engine_next_deadline(world->engine) != UINT64_MAX)
		world_wrong(world, "the engine still knows a session, or waits for something");
	if (counters->buffered_bytes != 0)
		world_wrong(world, "the engine keeps %llu bytes",
			    (unsigned long long)counters->buffered_bytes);
	for (unsigned i = 0; i < world->session_count; i++)
		check_flows(&world->sessions[i]);
	hb_engine_stop(world->engine, now);
	hb_engine_get_counters(world->engine, &world->counters);
	if (counters->flows != 0 || counters->buffered_bytes != 0)
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
static bool silence_deceived(const struct session *session)
{
	const struct plan *plan = session->plan;
	int32_t frontend = (int32_t)session->info.recorded_bytes;
	int32_t backend = (int32_t)session->info.discarded_bytes;
	unsigned asked = whole_requests(plan, session->cut);
	unsigned answered = whole_answers(plan, ROLE_FRONTEND, frontend);

	if (!session->handed_over)
		return false;
	if (backend < answers_end(plan, ROLE_BACKEND, answered) && length_deceived(plan, backend))
		return true;
	/* Nor from an answer to the same turn of another client's that was so long (learn.c). */
	bool company = session->world->session_count > 1;
	if (company && piece_ends(plan, ROLE_BACKEND, backend) &&
	    backend < answers_end(plan, ROLE_BACKEND, answered))
		return true;
	unsigned losses =
		session->impaired_before[ROLE_FRONTEND] + session->impaired_before[ROLE_BACKEND];
	if (plan->backend == BACKEND_SLOW || (losses != 0 && session->info.latency_us >= WAITS_US))
		return true;
	if (session->impaired_before[ROLE_FRONTEND] != 0 &&
	    piece_ends(plan, ROLE_FRONTEND, frontend) &&
	    frontend < answers_end(plan, ROLE_FRONTEND, asked))
		return true;
	return session->impaired_before[ROLE_BACKEND] != 0 &&
	       piece_ends(plan, ROLE_BACKEND, backend) &&
	       backend < answers_end(plan, ROLE_BACKEND, answered);
}

bool check_session(struct session *session)
{
	const struct tcp *client = &session->tcp[ROLE_CLIENT];
	bool deceived = silence_deceived(session);

	if (session->world->wrong[0] != '\0')
		return false;
	if (is_orphan(session)) {
		check_prefix(session, ROLE_FRONTEND);
		return false;
	}
	check_requests(session);
	check_answers(session);
	if (session->world->wrong[0] != '\0' && deceived) {
		session->world->wrong[0] = '\0';
		return true;
	}
	bool aborted = session->tcp[serving(session)].state == TCP_ABORTED;
	if (!session->finished && !aborted)
		session_wrong(session, "the session stalls: the client has %u of %u answers",
			      session->client.answered, session->plan->turns);
	/* A SYN that was crafted and arrives when all is over opens a session of its own. */
	bool again = session->flows > 1 &&
		     (session->plan->crafts & (1u << CRAFT_SYN | 1u << CRAFT_FLAGS));
	if ((client->state == TCP_RESET && !aborted && !again) ||
	    (client->state == TCP_GAVE_UP && !(aborted && again)))
		session_wrong(session, "the client's session was broken off");
	check_clocks(session);
	check_ecn(session);
	return false;
}

void check_pair(struct session *session)
{
	const struct tcp *client = &session->tcp[ROLE_CLIENT];
	int32_t answers = tcp_in_len(client) - (int32_t)session->info.recorded_bytes;

	if (!session->handed_over)
		session_wrong(session, "it was not handed over%s%s", session->undone ? ": " : "",
			      session->failure);
	else if (session->deceived)
		session_wrong(session, "silence deceives where nothing gets lost");
	else if (client->out_len - session->cut < PLAN_MATRIX_BYTES || answers < PLAN_MATRIX_BYTES)
		session_wrong(session, "behind the handover only %d and %d bytes moved",
			      client->out_len - session->cut, answers);
}
