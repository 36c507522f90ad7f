/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include <string.h>

#define RUN_MAX_NS (900000 * PLAN_MS) /* for a whole session */

static void send_from(struct session *session, enum role role, const uint8_t *data, size_t len,
		      struct wire_offload offload)
{
	struct world *world = session->world;
	enum plan_backend backend = session->plan->backend;
	bool dead =
		role == ROLE_BACKEND && (backend == BACKEND_SILENT ||
					 (backend == BACKEND_DIES && session->tcp[role].ip_id > 1));

	if (!dead && !link_send(&world->net, (struct link_way){ session->number, role, true }, data,
				len, offload, world->now_ns))
		trace_remark(&world->trace, world->now_ns, "lost on its way from the %s",
			     plan_role_name(role));
}

static void attacker_sends(void *ctx, const uint8_t *data, size_t len, struct wire_offload offload)
{
	send_from(ctx, ROLE_CLIENT, data, len, offload);
}

static void client_sends(void *ctx, const uint8_t *data, size_t len, struct wire_offload offload)
{
	struct session *session = ctx;

	attack_pass(&session->attacker, data, len, offload);
}

static void frontend_sends(void *ctx, const uint8_t *data, size_t len, struct wire_offload offload)
{
	send_from(ctx, ROLE_FRONTEND, data, len, offload);
}

static void backend_sends(void *ctx, const uint8_t *data, size_t len, struct wire_offload offload)
{
	send_from(ctx, ROLE_BACKEND, data, len, offload);
}

/* An endpoint that knows of no connection, with its application. */
static bool set_up_endpoint(struct session *session, enum role role)
{
	static void (*const sends[ROLE_COUNT])(
		void *ctx, const uint8_t *data, size_t len,
		struct wire_offload offload) = { client_sends, frontend_sends, backend_sends };
	const struct plan *plan = session->plan;
	struct tcp *tcp = &session->tcp[role];
	struct tcp_config config = plan->tcp[role];

	if (session->round > 0)
		config.iss = plan->again_iss[role];
	session->world->trace.isn[session->number][role] = config.iss;
	session->old[role] = false;
	session->conflict_at[role] = 0;
	if (session->leg_port[role] != 0)
		config.peer.port = session->leg_port[role];
	tcp_fini(tcp);
	if (!tcp_init(tcp, &config, sends[role], session))
		return false;
	app_server_init(&session->servers[role], plan, role, tcp);
	if (role == ROLE_CLIENT) {
		app_client_init(&session->client, plan, tcp);
		attack_init(&session->attacker, plan, tcp, attacker_sends, session);
	}
	return true;
}

bool session_init(struct session *session, struct world *world, const struct plan *plan,
		  unsigned number)
{
	bool ok = true;

	*session = (struct session){
		.world = world, .plan = plan, .number = number, .due_ns = plan->start_ns
	};
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++)
		ok = set_up_endpoint(session, role) && ok;
	return ok;
}

void session_learn_port(struct session *session, enum role role, uint16_t port)
{
	session->leg_port[role] = port;
	session->tcp[role].config.peer.port = port;
}

void session_fini(struct session *session)
{
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++)
		tcp_fini(&session->tcp[role]);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t session_deadline(const struct session *session)
{
	uint64_t at = session->phase == SESSION_OVER ? TCP_NEVER : session->due_ns;

	at = earlier(at, app_client_deadline(&session->client));
	at = earlier(at, attack_deadline(&session->attacker));
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		at = earlier(at, tcp_deadline(&session->tcp[role]));
		if (role == ROLE_CLIENT)
			continue;
		at = earlier(at, session->servers[role].due_ns);
		at = earlier(at, session->servers[role].abort_ns);
	}
	return at;
}

/* A server whose connection is over takes a new one from the same port. */
static bool makes_room(struct session *session, enum role role, const struct hb_packet *packet)
{
	struct tcp *tcp = &session->tcp[role];
	bool opens = (packet->tcp_flags & (HB_TCP_SYN | HB_TCP_ACK | HB_TCP_RST)) == HB_TCP_SYN &&
		     packet->seq == session->tcp[ROLE_CLIENT].config.iss;

	if (!session->old[role] || !opens || !tcp_is_over(tcp))
		return true;
	return set_up_endpoint(session, role);
}

static void step_applications(struct session *session)
{
	uint64_t now = session->world->now_ns;

	app_client_step(&session->client, now);
	app_server_step(&session->servers[ROLE_FRONTEND], now);
	app_server_step(&session->servers[ROLE_BACKEND], now);
}

void session_input(struct session *session, enum role role, const struct hb_packet *packet)
{
	if (packet->is_icmp_error)
		tcp_error(&session->tcp[role], packet, session->world->now_ns);
	else if (packet->protocol == HB_PROTO_TCP && makes_room(session, role, packet))
		tcp_input(&session->tcp[role], packet, session->world->now_ns);
	step_applications(session);
}

/* What is known of the first session is forgotten; servers wait for a SYN to do so. */
static void forget_first(struct session *session)
{
	struct link_net *net = &session->world->net;
	unsigned number = session->number;

	session->round = 1;
	session->handed_over = session->undone = false;
	session->flows = 0;
	session->state = HB_STATE_INIT;
	session->flow_id = 0; /* what its flow does yet is none of the second's */
	session->cut = session->shown_ack = session->shown_edge = 0;
	session->shown_ttl = 0;
	memset(session->impaired_before, 0, sizeof(session->impaired_before));
	memset(net->lost[number], 0, sizeof(net->lost[number]));
	memset(net->reordered[number], 0, sizeof(net->reordered[number]));
	memset(net->corrupted[number], 0, sizeof(net->corrupted[number]));
	for (enum role role = ROLE_FRONTEND; role < ROLE_COUNT; role++) {
		session->old[role] = true;
		session->conflict_at[role] = session->tcp[role].conflict_at;
	}
	set_up_endpoint(session, ROLE_CLIENT);
	trace_remark(&session->world->trace, session->world->now_ns, "a second session");
}

static void begin(struct session *session)
{
	uint64_t now = session->world->now_ns;

	if (session->finished)
		forget_first(session);
	session->phase = SESSION_RUNS;
	session->finished = false;
	session->due_ns = now + RUN_MAX_NS;
	tcp_connect(&session->tcp[ROLE_CLIENT], now);
}

/* The session is over for who takes part in it and no packet of it is on its way, or never will be. */
static void end(struct session *session, bool finished)
{
	struct world *world = session->world;

	session->finished = finished;
	trace_remark(&world->trace, world->now_ns, finished ? "finished" : "not finished");
	session->deceived = check_session(session);
	session->phase = SESSION_OVER;
	if (!session->plan->again || session->round > 0 || session->deceived || !finished)
		return;
	session->phase = SESSION_WAITS;
	session->due_ns = world->now_ns + session->plan->again_ns;
}

void session_step(struct session *session)
{
	uint64_t now = session->world->now_ns;

	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		if (tcp_deadline(&session->tcp[role]) <= now)
			tcp_timer(&session->tcp[role], now);
	}
	step_applications(session);
	attack_step(&session->attacker, now);
	if (session->phase == SESSION_WAITS && now >= session->due_ns)
		begin(session);
	if (session->phase != SESSION_RUNS)
		return;
	bool finished = tcp_is_over(&session->tcp[ROLE_CLIENT]) &&
			session->world->net.in_flight[session->number] == 0;
	if (finished || now >= session->due_ns)
		end(session, finished);
}
