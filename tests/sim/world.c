/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

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

/* One packet goes on from the gateway, as its device sends it. */
static void transmit(struct world *world, enum role to, const uint8_t *data, size_t len)
{
	if (!link_send(&world->net, to, false, data, len, (struct wire_offload){ 0 },
		       world->now_ns))
		trace_remark(&world->trace, world->now_ns, "lost on its way to the %s",
			     plan_role_name(to));
}

/* The kernel segments what is left of a super-packet, and believes its length (facts of GSO). */
static void segment(struct world *world, enum role to, const struct hb_packet *packet,
		    uint16_t gso_size)
{
	static _Thread_local uint8_t piece[WIRE_MAX];
	size_t len;

	if (packet->payload_len <= gso_size)
		world_wrong(world, "a super-packet lost its payload");
	for (size_t i = 0; (len = hb_packet_segment(packet, gso_size, i, piece, sizeof(piece))) > 0;
	     i++)
		transmit(world, to, piece, len);
}

/* From cut on the frontend gets nothing while a handover is under way (handover rule 1). */
static void look_at_frontend(struct world *world, const struct hb_packet *packet)
{
	uint32_t first = world->tcp[ROLE_CLIENT].config.iss + 1;
	int32_t end = (int32_t)(packet->seq - first) + (int32_t)packet->payload_len;
	bool resets = packet->tcp_flags & (HB_TCP_RST | HB_TCP_SYN);

	if (world->state == HB_STATE_REPLAY && !resets && packet->payload_len > 0 &&
	    end > world->cut)
		world_wrong(world, "the frontend is shown byte %d, the handover began at %d", end,
			    world->cut);
	if (world->state == HB_STATE_FORWARD && !resets)
		world_wrong(world, "the frontend is sent a packet after the handover");
}

static bool in_order(const struct world *world)
{
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		const struct plan_link *link = &world->plan->links[role];

		if (link->reorder_permille != 0 || link->duplicate_permille != 0 ||
		    link->corrupt_permille != 0)
			return false;
	}
	return true;
}

/* What a fingerprint is made of stays as it was; ACKs and windows do not step back. */
static void look_at_client(struct world *world, const struct hb_packet *packet)
{
	const struct tcp *client = &world->tcp[ROLE_CLIENT];
	uint8_t shift = client->granted & HB_TCPOPT_WSCALE ? client->peer_shift : 0;

	if ((packet->tcp_flags & (HB_TCP_RST | HB_TCP_SYN)) || !(packet->tcp_flags & HB_TCP_ACK) ||
	    client->state != TCP_OPEN)
		return;
	/* A session that a crafted SYN began is none of the client's. */
	if (world->plan->crafts != 0 && world->sessions > 1)
		return;
	int32_t ack = (int32_t)(packet->ack - client->config.iss);
	int32_t edge = ack + (int32_t)((uint32_t)packet->window << shift);
	if (ack > client->max)
		world_wrong(world, "the client is told that %d came, it sent %d", ack, client->max);
	if (world->shown_ttl != 0 && packet->ttl != world->shown_ttl)
		world_wrong(world, "the client sees a TTL of %u after %u", packet->ttl,
			    world->shown_ttl);
	if (in_order(world) && ack < world->shown_ack)
		world_wrong(world, "the client is shown ACK %d after %d", ack, world->shown_ack);
	/* What is rounded up may be so by less at the next time. */
	if (in_order(world) && edge + (1 << shift) <= world->shown_edge)
		world_wrong(world, "the window's edge goes back from %d to %d", world->shown_edge,
			    edge);
	if (ack > world->shown_ack)
		world->shown_ack = ack;
	if (edge > world->shown_edge)
		world->shown_edge = edge;
	world->shown_ttl = packet->ttl;
}

/* A packet leaves the engine; @dies  its TTL ends here. */
static void leave(struct world *world, const uint8_t *data, size_t len, uint16_t gso_size,
		  bool dies)
{
	struct hb_packet packet;

	size_t pieces = 0;

	if (hb_packet_parse(data, len, &packet) != 0 || packet.len != len) {
		world_wrong(world, "the gateway sends %zu bytes that are no packet", len);
		return;
	}
	if (packet.is_fragment) {
		struct wire_joiner *joiner = &world->joiner;

		if (!wire_join(joiner, &packet) ||
		    hb_packet_parse(joiner->data, joiner->len, &packet) != 0)
			return;
		data = joiner->data;
		len = joiner->len;
		pieces = joiner->pieces;
	}
	enum role to = owner(world, &packet.dst, packet.dst_port);
	if (to == ROLE_COUNT) {
		world_wrong(world, "the gateway sends a packet to nobody");
		return;
	}
	trace_leaves(&world->trace, to, &packet, gso_size != 0, pieces);
	if (dies)
		return;
	if (len > WIRE_MTU && gso_size == 0)
		world_wrong(world, "the %s is sent %zu bytes at once", plan_role_name(to), len);
	if (owner(world, &packet.src, packet.src_port) == to ||
	    (to == ROLE_CLIENT && !hb_addr_equal(&packet.src, &world->plan->attacked.addr)))
		world_wrong(world, "the %s is sent a packet from elsewhere", plan_role_name(to));
	if (hb_packet_checksum_ok(&packet) && to == ROLE_FRONTEND)
		look_at_frontend(world, &packet);
	if (hb_packet_checksum_ok(&packet) && to == ROLE_CLIENT)
		look_at_client(world, &packet);
	if (gso_size != 0)
		segment(world, to, &packet, gso_size);
	else
		transmit(world, to, data, len);
}

static void emit(void *ctx, const struct hb_datagram *dgram)
{
	struct hb_packet packet;

	if (hb_packet_parse(dgram->data, dgram->len, &packet) == 0 && !packet.is_fragment &&
	    !hb_packet_checksum_ok(&packet))
		world_wrong(ctx, "the gateway makes a packet with a wrong checksum");
	leave(ctx, dgram->data, dgram->len, 0, false);
}

static bool is_session(const struct world *world, const struct hb_flow_info *flow)
{
	const struct hb_endpoint *client = &world->plan->tcp[ROLE_CLIENT].local;

	return hb_addr_equal(&flow->client.addr, &client->addr);
}

static void see_event(void *ctx, const struct hb_event *event)
{
	struct world *world = ctx;

	world->events[event->kind]++;
	trace_remark(&world->trace, world->now_ns, "event %d, state %s%s%s", event->kind,
		     hb_flow_state_name(event->flow.state), event->reason[0] ? ": " : "",
		     event->reason);
	if (!is_session(world, &event->flow))
		return;
	if (event->kind == HB_EVENT_FLOW_NEW) {
		world->sessions++;
		world->flow_id = event->flow.id;
	}
	if (event->kind == HB_EVENT_HANDOVER || event->kind == HB_EVENT_HANDOVER_FAILED)
		trace_handover(&world->trace, event->reason[0] ? event->reason : NULL);
	if (event->flow.id != world->flow_id)
		return;
	world->state = event->flow.state;
	if (event->kind == HB_EVENT_FLOW_STATE && event->flow.state == HB_STATE_REPLAY)
		world->cut = (int32_t)event->flow.client_stream_bytes;
	if (event->kind == HB_EVENT_HANDOVER) {
		world->handed_over = true;
		world->info = event->handover;
		for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++)
			world->impaired_before[role] = world->net.lost[role] +
						       world->net.reordered[role] +
						       world->net.corrupted[role];
	} else if (event->kind == HB_EVENT_HANDOVER_FAILED) {
		world->undone = true;
		snprintf(world->failure, sizeof(world->failure), "%s", event->reason);
	}
}

static void leave_checksum_open(uint8_t *data, const struct hb_packet *packet)
{
	data[packet->l4_offset + 16] = 0xde;
	data[packet->l4_offset + 17] = 0xad;
}

/* What the kernel does with a packet that may go on. */
static void forward(struct world *world, struct hb_datagram *dgram, enum hb_verdict verdict,
		    const struct link_packet *in, bool right)
{
	bool partial = dgram->checksum == HB_CHECKSUM_PARTIAL;
	struct hb_packet packet;

	if (hb_packet_parse(dgram->data, dgram->len, &packet) != 0) {
		world_wrong(world, "the engine passes %zu bytes that are no packet", dgram->len);
		return;
	}
	if (dgram->gso || (partial && verdict == HB_ACCEPT))
		wire_sum(dgram->data, dgram->len);
	else if (hb_packet_checksum_ok(&packet) != right)
		world_wrong(world, "a checksum was %s, and is not any more",
			    right ? "right" : "wrong");
	leave(world, dgram->data, dgram->len, in->offload.gso_size, packet.ttl <= 1);
}

/* In fragments: the engine takes them all, and sends what they make. */
static void enter_in_pieces(struct world *world, const struct hb_packet *packet,
			    const struct link_packet *in)
{
	static _Thread_local uint8_t buf[WIRE_MTU + ROOM];
	struct hb_datagram dgram = { .data = buf,
				     .cap = sizeof(buf),
				     .in_interface = 1 + (uint32_t)in->role };

	world->fragment_id++;
	for (size_t i = 0;
	     (dgram.len = wire_cut(packet, in->offload.pieces, i, world->fragment_id, buf)) > 0;
	     i++) {
		if (hb_engine_input(world->engine, &dgram, engine_time(world)) != HB_DROP)
			world_wrong(world, "the engine passes a fragment");
	}
}

/* A packet reaches the gateway. */
static void enter(struct world *world, struct link_packet *in)
{
	static _Thread_local uint8_t buf[WIRE_MAX + ROOM];
	struct hb_datagram dgram = { .data = buf,
				     .len = in->len,
				     .cap = sizeof(buf),
				     .gso = in->offload.gso_size != 0,
				     .in_interface = 1 + (uint32_t)in->role };
	struct hb_packet packet;

	memcpy(buf, in->data, in->len);
	if (hb_packet_parse(in->data, in->len, &packet) != 0) {
		/* Damaged so that it is no TCP any more. */
		if (hb_engine_input(world->engine, &dgram, engine_time(world)) != HB_DROP)
			world_wrong(world, "the engine passes what is no packet");
		return;
	}
	bool right = hb_packet_checksum_ok(&packet);
	if (in->offload.partial || dgram.gso) {
		dgram.checksum = HB_CHECKSUM_PARTIAL;
		leave_checksum_open(buf, &packet);
	}
	if (in->offload.pieces != 0)
		enter_in_pieces(world, &packet, in);
	enum hb_verdict verdict = in->offload.pieces != 0 ? HB_DROP
							  : hb_engine_input(world->engine, &dgram,
									    engine_time(world));
	if (verdict != HB_DROP)
		forward(world, &dgram, verdict, in, right);
	trace_enters(&world->trace, world->now_ns, in->role, &packet, &in->offload);
}

static void send_from(struct world *world, enum role role, const uint8_t *data, size_t len,
		      struct wire_offload offload)
{
	bool dead = role == ROLE_BACKEND &&
		    (world->plan->backend == BACKEND_SILENT ||
		     (world->plan->backend == BACKEND_DIES && world->tcp[role].ip_id > 1));

	if (!dead && !link_send(&world->net, role, true, data, len, offload, world->now_ns))
		trace_remark(&world->trace, world->now_ns, "lost on its way from the %s",
			     plan_role_name(role));
}

static void attacker_sends(void *ctx, const uint8_t *data, size_t len, struct wire_offload offload)
{
	send_from(ctx, ROLE_CLIENT, data, len, offload);
}

static void client_sends(void *ctx, const uint8_t *data, size_t len, struct wire_offload offload)
{
	struct world *world = ctx;

	attack_pass(&world->attacker, data, len, offload);
}

static void frontend_sends(void *ctx, const uint8_t *data, size_t len, struct wire_offload offload)
{
	send_from(ctx, ROLE_FRONTEND, data, len, offload);
}

static void backend_sends(void *ctx, const uint8_t *data, size_t len, struct wire_offload offload)
{
	send_from(ctx, ROLE_BACKEND, data, len, offload);
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

/* An endpoint that knows of no connection, with its application. */
static bool set_up_endpoint(struct world *world, enum role role)
{
	static void (*const sends[ROLE_COUNT])(
		void *ctx, const uint8_t *data, size_t len,
		struct wire_offload offload) = { client_sends, frontend_sends, backend_sends };
	const struct plan *plan = world->plan;
	struct tcp *tcp = &world->tcp[role];
	struct tcp_config config = plan->tcp[role];

	if (world->round > 0)
		config.iss = plan->again_iss[role];
	world->trace.isn[role] = config.iss;
	world->old[role] = false;
	world->conflict_at[role] = 0;
	tcp_fini(tcp);
	if (!tcp_init(tcp, &config, sends[role], world))
		return false;
	app_server_init(&world->servers[role], plan, role, tcp);
	if (role == ROLE_CLIENT) {
		app_client_init(&world->client, plan, tcp);
		attack_init(&world->attacker, plan, tcp, attacker_sends, world);
	}
	return true;
}

static bool set_up(struct world *world, const struct plan *plan, FILE *trace)
{
	*world = (struct world){ .plan = plan, .again_ns = TCP_NEVER };
	trace_open(&world->trace, plan, trace);
	world->ops =
		(struct hb_ops){ .size = sizeof(world->ops), .emit = emit, .event = see_event };
	struct hb_setup setup = {
		.size = sizeof(setup), .ops = &world->ops, .ctx = world, .seed = "a seed to keep"
	};
	bool ok = link_init(&world->net, plan) && make_policy(world);
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++)
		ok = set_up_endpoint(world, role) && ok;
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

	if (world->again_ns < at)
		at = world->again_ns;

	at = other < at ? other : at;
	other = attack_deadline(&world->attacker);
	at = other < at ? other : at;
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		other = tcp_deadline(&world->tcp[role]);
		at = other < at ? other : at;
		if (role != ROLE_CLIENT && world->servers[role].due_ns < at)
			at = world->servers[role].due_ns;
		if (role != ROLE_CLIENT && world->servers[role].abort_ns < at)
			at = world->servers[role].abort_ns;
	}
	return at;
}

/* A server whose connection is over takes a new one from the same port. */
static bool makes_room(struct world *world, enum role role, const struct hb_packet *packet)
{
	struct tcp *tcp = &world->tcp[role];
	bool opens = (packet->tcp_flags & (HB_TCP_SYN | HB_TCP_ACK | HB_TCP_RST)) == HB_TCP_SYN &&
		     packet->seq == world->tcp[ROLE_CLIENT].config.iss;

	if (!world->old[role] || !opens || !tcp_is_over(tcp))
		return true;
	return set_up_endpoint(world, role);
}

static void step_models(struct world *world)
{
	struct link_packet in;
	struct hb_packet packet;

	while (link_deadline(&world->net) <= world->now_ns) {
		link_take(&world->net, &in);
		if (in.inwards)
			enter(world, &in);
		else if (hb_packet_parse(in.data, in.len, &packet) == 0 &&
			 makes_room(world, in.role, &packet))
			tcp_input(&world->tcp[in.role], &packet, world->now_ns);
		free(in.data);
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
	attack_step(&world->attacker, world->now_ns);
}

/* Of two versions of one byte the gateway lets only the first pass, as long as it may matter. */
static void look_for_conflicts(struct world *world)
{
	bool attack = world->plan->crafts != 0;
	bool decided = world->state != HB_STATE_DECISION && world->state != HB_STATE_REPLAY;
	int32_t frontend = world->tcp[ROLE_FRONTEND].conflict_at;
	int32_t backend = world->tcp[ROLE_BACKEND].conflict_at;

	if (frontend != world->conflict_at[ROLE_FRONTEND] && (!attack || !decided))
		world_wrong(world, "the frontend gets two versions of byte %d", frontend);
	if (backend != world->conflict_at[ROLE_BACKEND] &&
	    (!attack || world->state == HB_STATE_REPLAY))
		world_wrong(world, "the backend gets two versions of byte %d", backend);
	world->conflict_at[ROLE_FRONTEND] = frontend;
	world->conflict_at[ROLE_BACKEND] = backend;
	if (world->tcp[ROLE_CLIENT].conflict_at != 0)
		world_wrong(world, "the client gets two versions of byte %d",
			    world->tcp[ROLE_CLIENT].conflict_at);
	if (world->tcp[ROLE_CLIENT].overrun)
		world_wrong(world, "the client gets more than its window has room for");
}

static void look_for_wrong(struct world *world)
{
	/* A server that takes a crafted SYN for a new session does not know the client's, nor it that. */
	bool stray = world->plan->crafts != 0 && world->sessions > 1;

	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
		struct tcp *tcp = &world->tcp[role];

		if (world->old[role] || stray)
			tcp->wrong = NULL;
		if (tcp->wrong != NULL)
			world_wrong(world, "the %s %s", plan_role_name(role), tcp->wrong);
	}
	look_for_conflicts(world);
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
		trace_enters(&world->trace, world->now_ns, ROLE_COUNT, NULL, NULL);
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

/* What is known of the first session is forgotten; servers wait for a SYN to do so. */
static void begin_again(struct world *world)
{
	world->round = 1;
	world->handed_over = world->undone = false;
	world->sessions = 0;
	world->cut = world->shown_ack = world->shown_edge = 0;
	world->shown_ttl = 0;
	memset(world->impaired_before, 0, sizeof(world->impaired_before));
	memset(world->net.lost, 0, sizeof(world->net.lost));
	memset(world->net.reordered, 0, sizeof(world->net.reordered));
	memset(world->net.corrupted, 0, sizeof(world->net.corrupted));
	for (enum role role = ROLE_FRONTEND; role < ROLE_COUNT; role++) {
		world->old[role] = true;
		world->conflict_at[role] = world->tcp[role].conflict_at;
	}
	set_up_endpoint(world, ROLE_CLIENT);
	world->again_ns = TCP_NEVER;
	trace_remark(&world->trace, world->now_ns, "a second session");
	tcp_connect(&world->tcp[ROLE_CLIENT], world->now_ns);
}

static void run_session(struct world *world, unsigned *steps)
{
	uint64_t until_ns = world->now_ns + RUN_MAX_NS;

	while (!is_finished(world) && step(world, until_ns) && ++*steps < STEPS_MAX)
		;
	world->finished = is_finished(world);
	trace_remark(&world->trace, world->now_ns, world->finished ? "finished" : "not finished");
	world->deceived = check_session(world);
}

void world_run(struct world *world, const struct plan *plan, FILE *trace)
{
	unsigned steps = 0;

	if (!set_up(world, plan, trace)) {
		world_wrong(world, "the engine cannot be set up");
		return;
	}
	tcp_connect(&world->tcp[ROLE_CLIENT], 0);
	run_session(world, &steps);
	if (plan->again && !world->deceived && world->wrong[0] == '\0') {
		world->again_ns = world->now_ns + plan->again_ns;
		while (world->now_ns < world->again_ns && ++steps < STEPS_MAX &&
		       step(world, world->again_ns))
			;
		begin_again(world);
		run_session(world, &steps);
	}
	uint64_t until_ns = world->now_ns + REST_MAX_NS;
	while (++steps < STEPS_MAX && step(world, until_ns))
		;
	trace_end(&world->trace);
	if (steps >= STEPS_MAX)
		world_wrong(world, "it does not come to rest");
	hb_engine_get_counters(world->engine, &world->counters);
}
