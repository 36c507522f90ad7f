/* SPDX-License-Identifier: BSD-2-Clause */
#include "gateway.h"

#include "icmp.h"

#include <string.h>

/* As in the packet scripts, so that a run can be played there. */
#define ORIGIN_NS UINT64_C(1000000000000)
#define ORIGIN_WALL_US INT64_C(1700000000000000)

#define ROOM 128 /* that a datagram may grow by */

/* Whose packet it is. */
struct party {
	struct session *session; /* NULL: nobody's */
	enum role role;
};

struct hb_time gateway_time(const struct world *world)
{
	return (struct hb_time){ ORIGIN_NS + world->now_ns,
				 ORIGIN_WALL_US + (int64_t)(world->now_ns / 1000) };
}

uint64_t gateway_deadline(const struct world *world)
{
	uint64_t at = hb_engine_next_deadline(world->engine);

	if (at == UINT64_MAX)
		return TCP_NEVER;
	return at > ORIGIN_NS ? at - ORIGIN_NS : 0;
}

static bool same_endpoint(const struct hb_endpoint *a, const struct hb_endpoint *b)
{
	return a->port == b->port && hb_addr_equal(&a->addr, &b->addr);
}

static bool is_party(const struct session *session, enum role role, const struct hb_endpoint *own,
		     const struct hb_endpoint *peer)
{
	const struct tcp_config *config = &session->plan->tcp[role];

	if (!same_endpoint(own, &config->local))
		return false;
	if (role == ROLE_CLIENT)
		return same_endpoint(peer, &config->peer);
	return hb_addr_equal(&peer->addr, &config->peer.addr) &&
	       peer->port == session->leg_port[role];
}

/* Who has an address and port, and talks to the other. */
static struct party find_party(struct world *world, const struct hb_endpoint *own,
			       const struct hb_endpoint *peer)
{
	for (unsigned i = 0; i < world->session_count; i++) {
		struct session *session = &world->sessions[i];

		for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++) {
			if (is_party(session, role, own, peer))
				return (struct party){ session, role };
		}
	}
	return (struct party){ .session = NULL };
}

/* One whose session is forgotten lets another have its port. */
static void take_port(struct world *world, struct session *session, enum role role, uint16_t port)
{
	for (unsigned i = 0; i < world->session_count; i++) {
		struct session *other = &world->sessions[i];

		if (other != session && other->leg_port[role] == port &&
		    hb_addr_equal(&other->plan->tcp[role].peer.addr,
				  &session->plan->tcp[role].peer.addr))
			other->leg_port[role] = 0;
	}
	session_learn_port(session, role, port);
}

/* A SYN to a honeypot has the number that the client drew: it tells whose leg begins there. */
static void learn_port(struct world *world, const struct hb_packet *packet)
{
	uint8_t flags = HB_TCP_SYN | HB_TCP_ACK | HB_TCP_RST;

	if ((packet->tcp_flags & flags) != HB_TCP_SYN)
		return;
	for (unsigned i = 0; i < world->session_count; i++) {
		struct session *session = &world->sessions[i];

		for (enum role role = ROLE_FRONTEND; role < ROLE_COUNT; role++) {
			const struct tcp_config *config = &session->plan->tcp[role];

			if (hb_addr_equal(&packet->dst, &config->local.addr) &&
			    hb_addr_equal(&packet->src, &config->peer.addr) &&
			    packet->seq == session->tcp[ROLE_CLIENT].config.iss)
				take_port(world, session, role, packet->src_port);
		}
	}
}

static struct party receiver(struct world *world, const struct hb_packet *packet)
{
	const struct hb_endpoint dst = { packet->dst, packet->dst_port };
	const struct hb_endpoint src = { packet->src, packet->src_port };

	learn_port(world, packet);
	return find_party(world, &dst, &src);
}

/* One packet goes on from the gateway, as its device sends it. */
static void transmit(struct session *session, enum role to, const uint8_t *data, size_t len,
		     size_t pieces)
{
	static _Thread_local uint8_t buf[WIRE_MAX];
	struct link_way way = { session->number, to, false };
	struct wire_offload offload = { .pieces = (uint16_t)pieces };
	struct world *world = session->world;

	memcpy(buf, data, len);
	if (wire_hop(buf, 1) && !link_send(&world->net, way, buf, len, offload, world->now_ns))
		trace_remark(&world->trace, world->now_ns, "lost on its way to the %s",
			     plan_role_name(to));
}

/* The kernel segments what is left of a super-packet, and believes its length (facts of GSO). */
static void segment(struct session *session, enum role to, const struct hb_packet *packet,
		    uint16_t gso_size)
{
	static _Thread_local uint8_t piece[WIRE_MAX];
	size_t len;

	if (packet->payload_len <= gso_size)
		session_wrong(session, "a super-packet lost its payload");
	for (size_t i = 0; (len = hb_packet_segment(packet, gso_size, i, piece, sizeof(piece))) > 0;
	     i++)
		transmit(session, to, piece, len, 0);
}

/* Who sent what it quotes gets to know. */
static void leave_error(struct world *world, const struct hb_packet *error)
{
	struct hb_packet quoted = { .data = NULL };
	struct hb_endpoint src, dst;

	if (hb_packet_parse_quoted(error, &quoted) != 0) {
		world_wrong(world, "the gateway sends an error about nothing");
		return;
	}
	src = (struct hb_endpoint){ quoted.src, quoted.src_port };
	dst = (struct hb_endpoint){ quoted.dst, quoted.dst_port };
	struct party to = find_party(world, &src, &dst);
	if (to.session == NULL) {
		world_wrong(world, "the gateway sends an error about nobody's packet");
		return;
	}
	trace_leaves(&world->trace, to.session->number, to.role, error, false, 0);
	icmp_look(to.session, to.role, error, &quoted);
	transmit(to.session, to.role, error->data, error->len, 0);
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
	if (packet.is_icmp_error) {
		leave_error(world, &packet);
		return;
	}
	struct party to = receiver(world, &packet);
	if (to.session == NULL) {
		world_wrong(world, "the gateway sends a packet to nobody, or from nobody");
		return;
	}
	trace_leaves(&world->trace, to.session->number, to.role, &packet, gso_size != 0, pieces);
	if (dies)
		return;
	if (len > WIRE_MTU && gso_size == 0)
		session_wrong(to.session, "the %s is sent %zu bytes at once",
			      plan_role_name(to.role), len);
	look_at_packet(to.session, to.role, &packet);
	if (gso_size != 0)
		segment(to.session, to.role, &packet, gso_size);
	else
		transmit(to.session, to.role, data, len, pieces);
}

static void emit(void *ctx, const struct hb_datagram *dgram)
{
	struct hb_packet packet;

	if (hb_packet_parse(dgram->data, dgram->len, &packet) == 0 && !packet.is_fragment &&
	    !hb_packet_checksum_ok(&packet))
		world_wrong(ctx, "the gateway makes a packet with a wrong checksum");
	leave(ctx, dgram->data, dgram->len, 0, false);
}

/* NULL: it is nobody's session, but perhaps a honeypot that speaks on behind its end. */
static struct session *find_session(struct world *world, const struct hb_flow_info *flow)
{
	struct party party = find_party(world, &flow->client, &flow->attacked);

	return party.role == ROLE_CLIENT ? party.session : NULL;
}

static void see_handover(struct session *session, const struct hb_event *event)
{
	const struct link_net *net = &session->world->net;
	unsigned number = session->number;

	if (event->kind == HB_EVENT_HANDOVER_FAILED) {
		session->undone = true;
		snprintf(session->failure, sizeof(session->failure), "%s", event->reason);
		return;
	}
	session->handed_over = true;
	session->info = event->handover;
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++)
		session->impaired_before[role] = net->lost[number][role] +
						 net->reordered[number][role] +
						 net->corrupted[number][role];
}

static void see_event(void *ctx, const struct hb_event *event)
{
	struct world *world = ctx;
	struct session *session = find_session(world, &event->flow);
	bool decides = event->kind == HB_EVENT_HANDOVER || event->kind == HB_EVENT_HANDOVER_FAILED;

	world->events[event->kind]++;
	trace_remark(&world->trace, world->now_ns, "event %d, state %s%s%s", event->kind,
		     hb_flow_state_name(event->flow.state), event->reason[0] ? ": " : "",
		     event->reason);
	if (session == NULL)
		return;
	if (event->kind == HB_EVENT_FLOW_NEW) {
		session->flows++;
		session->flow_id = event->flow.id;
	}
	if (decides)
		trace_handover(&world->trace, event->reason[0] ? event->reason : NULL);
	if (event->flow.id != session->flow_id)
		return;
	session->state = event->flow.state;
	if (event->kind == HB_EVENT_FLOW_STATE && event->flow.state == HB_STATE_REPLAY)
		session->cut = (int32_t)event->flow.client_stream_bytes;
	if (decides)
		see_handover(session, event);
}

static void leave_checksum_open(uint8_t *data, const struct hb_packet *packet)
{
	data[packet->l4_offset + 16] = 0xde;
	data[packet->l4_offset + 17] = 0xad;
}

/* What the kernel says, in its own name, of a packet that ended here. */
static void report_death(struct world *world, const struct link_packet *in, const uint8_t *data,
			 size_t len)
{
	const struct plan *plan = world->sessions[in->way.session].plan;
	struct hb_addr own = icmp_router(plan, ROLE_CLIENT, 0);
	static _Thread_local uint8_t buf[WIRE_MTU + ROOM];
	struct hb_datagram dgram = { .data = buf, .cap = sizeof(buf) };
	struct hb_packet error, told;
	uint8_t before[WIRE_MTU];
	struct link_packet said = { .way = in->way };

	dgram.len = icmp_write(buf, &own, ICMP_TIME_EXCEEDED, 0, data, len, WIRE_MTU);
	if (hb_packet_parse(buf, dgram.len, &error) != 0) {
		world_wrong(world, "a packet that ends here cannot be told of");
		return;
	}
	memcpy(before, buf, dgram.len);
	enum hb_verdict verdict = hb_engine_input(world->engine, &dgram, gateway_time(world));
	if (verdict != HB_DROP)
		leave(world, dgram.data, dgram.len, 0, false);
	if (hb_packet_parse(before, error.len, &told) == 0)
		trace_enters(&world->trace, world->now_ns, &said, &told);
}

/* What the kernel does with a packet that may go on. False: it ends here. */
static bool forward(struct world *world, struct hb_datagram *dgram, enum hb_verdict verdict,
		    const struct link_packet *in, bool right)
{
	bool partial = dgram->checksum == HB_CHECKSUM_PARTIAL;
	struct hb_packet packet, before;

	if (hb_packet_parse(dgram->data, dgram->len, &packet) != 0) {
		world_wrong(world, "the engine passes %zu bytes that are no packet", dgram->len);
		return true;
	}
	if (dgram->gso || (partial && verdict == HB_ACCEPT))
		wire_sum(dgram->data, dgram->len);
	else if (hb_packet_checksum_ok(&packet) != right)
		world_wrong(world, "a checksum was %s, and is not any more",
			    right ? "right" : "wrong");
	struct party to = receiver(world, &packet);
	if (to.session != NULL && hb_packet_parse(in->data, in->len, &before) == 0)
		look_at_passing(to.session, to.role, &before, &packet);
	leave(world, dgram->data, dgram->len, in->offload.gso_size, packet.ttl <= 1);
	return packet.ttl > 1;
}

/* In fragments: the engine takes them all, and sends what they make. */
static void enter_in_pieces(struct world *world, const struct hb_packet *packet,
			    const struct link_packet *in)
{
	static _Thread_local uint8_t buf[WIRE_MTU + ROOM];
	struct hb_datagram dgram = { .data = buf,
				     .cap = sizeof(buf),
				     .in_interface = 1 + (uint32_t)in->way.role };

	world->fragment_id++;
	for (size_t i = 0;
	     (dgram.len = wire_cut(packet, in->offload.pieces, i, world->fragment_id, buf)) > 0;
	     i++) {
		if (hb_engine_input(world->engine, &dgram, gateway_time(world)) != HB_DROP)
			world_wrong(world, "the engine passes a fragment");
	}
}

void gateway_input(struct world *world, struct link_packet *in)
{
	static _Thread_local uint8_t buf[WIRE_MAX + ROOM];
	struct hb_datagram dgram = { .data = buf,
				     .len = in->len,
				     .cap = sizeof(buf),
				     .gso = in->offload.gso_size != 0,
				     .in_interface = 1 + (uint32_t)in->way.role };
	struct hb_packet packet;

	memcpy(buf, in->data, in->len);
	if (hb_packet_parse(in->data, in->len, &packet) != 0) {
		/* Damaged so that it is no TCP any more. */
		if (hb_engine_input(world->engine, &dgram, gateway_time(world)) != HB_DROP)
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
									    gateway_time(world));
	bool goes_on = verdict == HB_DROP || forward(world, &dgram, verdict, in, right);
	trace_enters(&world->trace, world->now_ns, in, &packet);
	if (!goes_on && !packet.is_icmp_error)
		report_death(world, in, dgram.data, dgram.len);
}

static bool make_policy(struct world *world, const struct plan *plan)
{
	static const char *const modules[TRIGGER_COUNT] = { "counter", "hash", "random" };
	static const char *const params[TRIGGER_COUNT] = { "counter", NULL, "value" };
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

bool gateway_set_up(struct world *world, const struct plan *plan)
{
	world->ops =
		(struct hb_ops){ .size = sizeof(world->ops), .emit = emit, .event = see_event };
	struct hb_setup setup = {
		.size = sizeof(setup), .ops = &world->ops, .ctx = world, .seed = "a seed to keep"
	};

	if (make_policy(world, plan))
		world->engine = hb_engine_new(&setup, world->policy, NULL);
	return world->engine != NULL;
}
