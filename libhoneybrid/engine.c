/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A packet's way: parse, find its flow or start one, and hand it to what the flow's state asks for.
 */
#include <honeybrid/engine.h>

#include "contain.h"
#include "decide.h"
#include "forward.h"
#include "handover.h"
#include "icmp.h"
#include "life.h"
#include "out.h"
#include "proxy.h"
#include "state.h"
#include "translate.h"
#include "way.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MTU 1500
/* How long both structs were in the first version. */
#define FIRST_SETUP_SIZE offsetof(struct hb_setup, first_flow_id)
#define FIRST_OPS_SIZE sizeof(struct hb_ops)
#define MIN_MTU 576  /* what every host takes (RFC 1122, 3.3.2) */
#define ND_FIRST 133 /* router solicitation (RFC 4861) */
#define ND_LAST 137  /* redirect */
#define ND_HOP_LIMIT 255
#define ND_PREFIX_BYTES 8 /* of a link's addresses */
#define ND_SCOPE_LINK 2   /* of a group */

struct hb_engine {
	struct hb_core core;
};

static int use_policy(struct hb_engine *engine, struct hb_policy *policy)
{
	if (!policy->sealed)
		return -EINVAL;
	if (hb_policies_add(&engine->core.policies, policy) != 0)
		return -ENOMEM;
	engine->core.policy = policy;
	engine->core.table.by_place |= policy->by_place;
	engine->core.budget.max_total_bytes = policy->options.max_total_buffer_bytes;
	engine->core.budget.max_each_bytes = policy->options.max_flow_buffer_bytes;
	hb_shares_set_limit(&engine->core.shares, policy->options.max_flows);
	return 0;
}

struct hb_engine *hb_engine_new(const struct hb_setup *given, struct hb_policy *policy,
				struct hb_error *err)
{
	struct hb_setup whole = { .size = 0 }, *setup = &whole;
	if (given->size < FIRST_SETUP_SIZE || given->ops->size < FIRST_OPS_SIZE) {
		hb_error_set(
			err, HB_ERROR_CONFIG, 0,
			"the size of hb_setup or hb_ops is not set: make it sizeof the struct");
		return NULL;
	}
	/* What a caller with older headers does not know of is 0. */
	memcpy(setup, given, given->size < sizeof(whole) ? given->size : sizeof(whole));
	struct hb_engine *engine = calloc(1, sizeof(*engine));
	if (engine == NULL)
		goto no_memory;
	struct hb_core *core = &engine->core;
	core->ops = setup->ops;
	core->ctx = setup->ctx;
	core->mtu = setup->mtu ? setup->mtu : DEFAULT_MTU;
	if (core->mtu < MIN_MTU)
		core->mtu = MIN_MTU;
	core->dry_run = setup->dry_run;
	core->next_flow_id = setup->first_flow_id ? setup->first_flow_id : 1;
	core->flow_id_step = setup->flow_id_step ? setup->flow_id_step : 1;
	memcpy(core->seed, setup->seed, sizeof(core->seed));
	hb_wheel_init(&core->wheel, 0);
	hb_reassembly_init(&core->reassembly, &core->wheel, setup->seed);
	memcpy(&core->last_fragment_id, setup->seed, sizeof(core->last_fragment_id));
	core->scratch = malloc((size_t)HB_SCRATCH_SIZE * 2);
	if (core->scratch == NULL || hb_flowtable_init(&core->table, setup->seed) != 0 ||
	    hb_shares_init(&core->shares, &core->budget) != 0)
		goto no_memory;
	int result = use_policy(engine, policy);
	if (result == 0)
		return engine;
	if (result == -ENOMEM)
		goto no_memory;
	hb_error_set(err, HB_ERROR_CONFIG, 0,
		     "the policy is not sealed: call hb_policy_seal() first");
	hb_engine_free(engine);
	return NULL;
no_memory:
	hb_error_set(err, HB_ERROR_SYSTEM, 0, "not enough memory for an engine");
	hb_engine_free(engine);
	return NULL;
}

static void emit_nothing(void *ctx, const struct hb_datagram *dgram)
{
	(void)ctx;
	(void)dgram;
}

void hb_engine_free(struct hb_engine *engine)
{
	if (engine == NULL)
		return;
	struct hb_core *core = &engine->core;
	static const struct hb_ops mute = { .size = sizeof(mute), .emit = emit_nothing };
	core->ops = &mute;
	if (core->table.buckets != NULL)
		hb_life_end_all(core);
	hb_life_fini(core);
	hb_flowtable_fini(&core->table);
	hb_shares_fini(&core->shares);
	hb_reassembly_fini(&core->reassembly);
	free(core->scratch);
	hb_policies_fini(&core->policies);
	free(engine);
}

int hb_engine_set_policy(struct hb_engine *engine, struct hb_policy *policy)
{
	return use_policy(engine, policy);
}

/* Time never goes back; wall clock as it comes. */
static void set_time(struct hb_core *core, struct hb_time now)
{
	if (now.mono_ns < core->now.mono_ns)
		now.mono_ns = core->now.mono_ns;
	core->now = now;
}

static void fire(void *ctx, struct hb_timer *timer)
{
	struct hb_core *core = ctx;
	if (timer == &core->reassembly.timer)
		hb_reassembly_expire(&core->reassembly, core->now.mono_ns);
	else
		hb_life_timer(core, timer);
}

void hb_engine_advance(struct hb_engine *engine, struct hb_time now)
{
	set_time(&engine->core, now);
	hb_wheel_advance(&engine->core.wheel, engine->core.now.mono_ns, fire, &engine->core);
}

uint64_t hb_engine_next_deadline(const struct hb_engine *engine)
{
	return hb_wheel_next_deadline(&engine->core.wheel);
}

void hb_engine_stop(struct hb_engine *engine, struct hb_time now)
{
	set_time(&engine->core, now);
	hb_life_end_all(&engine->core);
	hb_reassembly_forget(&engine->core.reassembly);
}

void hb_engine_get_counters(const struct hb_engine *engine, struct hb_counters *counters)
{
	*counters = engine->core.counters;
	counters->buffered_bytes =
		engine->core.budget.used_bytes + engine->core.reassembly.used_bytes;
	counters->fragments_lost = engine->core.reassembly.lost;
	counters->backends_down = engine->core.health.down;
}

/* An address of the link's, or a group on it (RFC 4291, 2.5.6 and 2.7); site-local ones are routed. */
static bool is_link_local(const struct hb_addr *addr)
{
	if (addr->bytes[0] == 0xff)
		return (addr->bytes[1] & 0x0f) <= ND_SCOPE_LINK;
	return addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}

/* Never to another link: a honeypot could hide anything in it. */
static bool is_neighbour_discovery(const struct hb_packet *packet)
{
	bool local = is_link_local(&packet->dst) ||
		     memcmp(packet->src.bytes, packet->dst.bytes, ND_PREFIX_BYTES) == 0;
	return packet->protocol == HB_PROTO_ICMPV6 && packet->has_l4 &&
	       packet->icmp_type >= ND_FIRST && packet->icmp_type <= ND_LAST &&
	       packet->ttl == ND_HOP_LIMIT && local;
}

static bool is_syn(const struct hb_packet *packet)
{
	uint8_t flags = HB_TCP_SYN | HB_TCP_ACK | HB_TCP_RST | HB_TCP_FIN;
	return packet->protocol == HB_PROTO_TCP && packet->has_l4 &&
	       (packet->tcp_flags & flags) == HB_TCP_SYN;
}

static enum hb_verdict refuse(struct hb_core *core, struct hb_flow *flow,
			      const struct hb_packet *packet)
{
	bool reset = flow->target != NULL && flow->target->policy->options.reset_ext;
	if (reset && flow->protocol == HB_PROTO_TCP) {
		struct hb_way way = hb_way_to_client(flow);
		hb_out_reset_reply(core, packet, &way);
	}
	return HB_DROP;
}

/* The frontend rule about a new flow, and the state that its answer leads to. */
static void decide_first(struct hb_core *core, struct hb_flow *flow, const struct hb_packet *packet)
{
	static const enum hb_result results[HB_DECISION_COUNT] = {
		[HB_DECISION_REJECT] = HB_RESULT_REJECT,
		[HB_DECISION_DEFER] = HB_RESULT_DEFER,
		[HB_DECISION_ACCEPT] = HB_RESULT_ACCEPT,
	};
	enum hb_result result = results[hb_decide_frontend(core, flow, packet)];
	bool session = flow->protocol == HB_PROTO_TCP || flow->protocol == HB_PROTO_UDP;
	if (result == HB_RESULT_ACCEPT && (flow->target->backend_count == 0 || !session))
		result = HB_RESULT_NO_BACKEND;
	hb_life_advance(core, flow, result);
	if (flow->state == HB_STATE_DECISION && flow->protocol == HB_PROTO_TCP &&
	    (flow->track.flags & HB_TRACK_MIDSTREAM))
		hb_handover_decline(core, flow, "midstream: the session's start was not seen");
}

/* @before  the unanswered SYN of the flow in whose place this one starts */
static enum hb_verdict start_flow(struct hb_core *core, struct hb_datagram *dgram,
				  const struct hb_packet *packet, const struct hb_syn *before)
{
	const struct hb_target *honeypot = hb_policy_find_honeypot(core->policy, &packet->src);
	if (honeypot != NULL)
		return hb_contain_start(core, dgram, packet, honeypot);
	const struct hb_target *target = hb_policy_match(core->policy, packet);
	struct hb_origin origin = { .target = target, .mark = dgram->mark };
	struct hb_flow *flow = hb_life_start(core, packet, &origin);
	if (flow == NULL)
		return HB_DROP;
	if (hb_flow_is_tcp(flow))
		hb_track_begins_after(&flow->track, before);
	enum hb_verdict verdict = HB_DROP;
	if (flow->target == NULL) {
		if (target == NULL)
			core->counters.unmatched++;
		hb_life_set_state(core, flow, HB_STATE_DROPPED);
	} else {
		decide_first(core, flow, packet);
		verdict = flow->state == HB_STATE_DROPPED
				  ? refuse(core, flow, packet)
				  : hb_proxy_client(core, flow, dgram, packet);
	}
	hb_life_arm(core, flow);
	return verdict;
}

static enum hb_verdict from_client(struct hb_core *core, struct hb_flow *flow,
				   struct hb_datagram *dgram, const struct hb_packet *packet)
{
	switch ((enum hb_flow_state)flow->state) {
	case HB_STATE_CONTROL:
		return hb_contain_packet(core,
					 &(struct hb_match){ flow, HB_LEG_CLIENT, HB_FROM_CLIENT },
					 dgram, packet);
	case HB_STATE_DECISION:
	case HB_STATE_PROXY:
		return hb_proxy_client(core, flow, dgram, packet);
	case HB_STATE_REPLAY:
		return hb_proxy_shares_leg(flow, dgram, packet)
			       ? HB_DROP
			       : hb_handover_client(core, flow, dgram, packet);
	case HB_STATE_FORWARD: /* into a session that is open a SYN opens no other */
		return hb_life_is_closed(flow) && hb_proxy_shares_leg(flow, dgram, packet)
			       ? HB_DROP
			       : hb_forward_client(core, flow, dgram, packet);
	case HB_STATE_DROPPED: /* the answer to its first packet may have got lost */
		return is_syn(packet) ? refuse(core, flow, packet) : HB_DROP;
	default:
		return HB_DROP;
	}
}

static enum hb_verdict from_server(struct hb_core *core, const struct hb_match *match,
				   struct hb_datagram *dgram, const struct hb_packet *packet)
{
	struct hb_flow *flow = match->flow;
	bool backend = match->leg == HB_LEG_BACKEND;
	switch ((enum hb_flow_state)flow->state) {
	case HB_STATE_CONTROL:
		return hb_contain_packet(core, match, dgram, packet);
	case HB_STATE_DECISION:
	case HB_STATE_PROXY:
		return backend ? HB_DROP : hb_proxy_frontend(core, flow, dgram, packet);
	case HB_STATE_REPLAY:
		return backend ? hb_handover_backend(core, flow, dgram, packet)
			       : hb_handover_frontend(core, flow, dgram, packet);
	case HB_STATE_FORWARD:
		return backend ? hb_forward_backend(core, flow, dgram, packet)
			       : hb_forward_frontend(core, flow, dgram, packet);
	default:
		return HB_DROP;
	}
}

/* A RST has ended it; not one before bytes that are on their way, where these are followed. */
static bool was_reset(const struct hb_track *track)
{
	unsigned at_next = HB_TRACK_RESET_AT_NEXT | HB_TRACK_LOOSE;
	bool overtaken = (track->flags & HB_TRACK_RESET_DOUBTED) && !(track->flags & at_next);
	return (track->flags & HB_TRACK_RESET) && !overtaken;
}

/*
 * A SYN with another number opens a new flow where one has ended, or was refused. So does one
 * on a flow that nobody has answered; but where a tracker sees it, that may have been another session.
 * A server whose FIN is not acknowledged yet would answer it with a challenge (RFC 5961, 4.2), one
 * that waits after its own with an ACK, if the SYN is none of a later session (RFC 6191). A flow that
 * began with something else than a SYN was no session: or a stray packet would keep one from being
 * decided.
 */
static bool opens_again(const struct hb_flow *flow, const struct hb_datagram *dgram,
			const struct hb_packet *packet)
{
	bool syn = is_syn(packet) && hb_track_acceptable(&flow->track, packet);
	if (syn && (flow->track.flags & HB_TRACK_MIDSTREAM) && !dgram->tracked &&
	    flow->state != HB_STATE_CONTROL)
		return true;
	bool half_open = !(flow->track.flags & (HB_TRACK_SYN_ACK | HB_TRACK_MIDSTREAM));
	if (flow->state == HB_STATE_CONTROL)
		half_open = !(flow->track.flags & HB_TRACK_SYN_ACK);
	bool finished = !(flow->track.flags & HB_TRACK_RESET) && hb_life_is_closed(flow) &&
			flow->track.client_ack == flow->track.server_next &&
			hb_track_may_reopen(&flow->track, packet);
	bool over = finished || (hb_life_is_closed(flow) && was_reset(&flow->track));
	return syn && packet->seq != flow->track.client_isn &&
	       ((half_open && !dgram->tracked) || over || flow->state == HB_STATE_DROPPED);
}

/*
 * What a honeypot was refused leaves a flow behind; when somebody outside uses the same addresses
 * and ports for a session of its own, that is no answer.
 */
static bool is_superseded(struct hb_core *core, const struct hb_match *match,
			  const struct hb_datagram *dgram, const struct hb_packet *packet)
{
	const struct hb_flow *flow = match->flow;
	if (match->direction == HB_FROM_CLIENT)
		return opens_again(flow, dgram, packet);
	return flow->state == HB_STATE_CONTROL && !(flow->flags & HB_FLOW_LET_OUT) &&
	       hb_policy_find_honeypot(core->policy, &packet->src) == NULL;
}

/*
 * A receiver drops a packet whose checksum is wrong: it must not change what we believe of the flow
 * (handover rule 25). Data of a settled flow has nothing to change and is not summed.
 */
static bool checksum_is_wrong(const struct hb_datagram *dgram, const struct hb_packet *packet,
			      const struct hb_match *match)
{
	const struct hb_flow *flow = match->flow;
	/* After a handover clocks and windows are followed: the backend's, and perhaps the client's. */
	bool followed = flow != NULL && flow->redirect != NULL && flow->state == HB_STATE_FORWARD &&
			(match->direction == HB_FROM_SERVER ||
			 (flow->redirect->translation.lacks & HB_TCPOPT_TIMESTAMP));
	bool settled = flow != NULL && flow->record == NULL && !followed &&
		       (flow->state == HB_STATE_PROXY || flow->state == HB_STATE_FORWARD);
	bool plain = packet->protocol != HB_PROTO_TCP ||
		     !(packet->tcp_flags & (HB_TCP_SYN | HB_TCP_FIN | HB_TCP_RST));
	if (dgram->checksum != HB_CHECKSUM_COMPLETE || dgram->gso || (settled && plain))
		return false;
	return !hb_packet_checksum_ok(packet);
}

/*
 * Nor does it take what its own IP refuses, which tells the sender; what a honeypot began is judged by
 * other rules.
 */
static bool is_refused(const struct hb_packet *packet, const struct hb_match *match)
{
	return packet->refused && match->flow != NULL && match->direction == HB_FROM_CLIENT &&
	       match->flow->state != HB_STATE_CONTROL;
}

/*
 * Nor does it ever see one that dies on its way there. A hop limit of 1 or 0 dies in the kernel here,
 * which tells the sender; that of a session that was handed over counts for the way to the frontend.
 */
static bool dies_on_its_way(const struct hb_datagram *dgram, const struct hb_packet *packet,
			    const struct hb_match *match)
{
	return match->flow != NULL && match->direction == HB_FROM_CLIENT &&
	       hb_flow_is_tcp(match->flow) && match->flow->state != HB_STATE_CONTROL &&
	       hb_track_dies(&match->flow->track, packet, dgram->tracked);
}

/* The client answers the SYN-ACK, which was the flow's last packet. */
static void measure_client(const struct hb_core *core, struct hb_flow *flow)
{
	unsigned flags = flow->track.flags & (HB_TRACK_SYN_ACK | HB_TRACK_ESTABLISHED);
	if (!hb_flow_is_tcp(flow) || flags != HB_TRACK_SYN_ACK)
		return;
	uint64_t units = (core->now.mono_ns - flow->last_ns) / (4 * HB_NS_PER_MS);
	flow->client_rtt_4ms = units < UINT8_MAX ? (uint8_t)units : UINT8_MAX;
}

static enum hb_verdict packet_of_flow(struct hb_core *core, const struct hb_match *match,
				      struct hb_datagram *dgram, const struct hb_packet *packet)
{
	struct hb_flow *flow = match->flow;
	enum hb_flow_state state = flow->state;
	enum hb_verdict verdict;
	if (match->direction == HB_FROM_CLIENT)
		measure_client(core, flow);
	if (!(flow->flags & HB_FLOW_REPORTED))
		hb_life_count(core, flow, packet, match->direction);
	if (match->direction == HB_FROM_CLIENT)
		verdict = from_client(core, flow, dgram, packet);
	else
		verdict = from_server(core, match, dgram, packet);
	hb_flow_rank(&core->ranks, flow);
	bool replays = flow->redirect != NULL && flow->record != NULL;
	bool ends = hb_life_is_closed(flow) || (flow->track.flags & HB_TRACK_RESET_UNSURE);
	if (replays || flow->state != state || ends)
		hb_life_arm(core, flow);
	return verdict;
}

static enum hb_verdict judge(struct hb_core *core, struct hb_datagram *dgram,
			     const struct hb_packet *packet)
{
	if (packet->is_icmp_error)
		return hb_icmp_error(core, dgram, packet);
	struct hb_match match = hb_flowtable_find(&core->table, packet, dgram);
	bool wrong = checksum_is_wrong(dgram, packet, &match);
	bool refused = !wrong && is_refused(packet, &match);
	bool dies = !wrong && !refused && dies_on_its_way(dgram, packet, &match);
	bool unseen = wrong || refused || dies;
	struct hb_syn before = { .is_there = false };
	if (match.flow != NULL && !unseen && is_superseded(core, &match, dgram, packet)) {
		if (match.flow->state == HB_STATE_DECISION || match.flow->state == HB_STATE_PROXY)
			before = hb_track_unanswered(&match.flow->track);
		hb_handover_superseded(core, match.flow);
		hb_life_end(core, match.flow, "a new session began");
		match.flow = NULL;
	}
	if (wrong && (match.flow == NULL || match.direction == HB_FROM_SERVER)) {
		core->counters.malformed++;
		return HB_DROP;
	}
	if (match.flow == NULL)
		return start_flow(core, dgram, packet, &before);
	if (!wrong && match.direction == HB_FROM_CLIENT && hb_flow_is_tcp(match.flow))
		hb_track_note_client_real(&match.flow->track, packet);
	if (unseen && !(match.flow->flags & HB_FLOW_REPORTED))
		hb_life_count_unseen(core, match.flow, packet);
	if (wrong)
		return hb_proxy_unseen(match.flow, dgram, packet);
	if (refused)
		return hb_proxy_refused(match.flow, dgram, packet);
	if (dies)
		return hb_proxy_dying(match.flow, dgram, packet);
	if (match.direction == HB_FROM_SERVER && hb_contain_is_own_idea(match.flow, packet)) {
		core->counters.contained++;
		return HB_DROP;
	}
	return packet_of_flow(core, &match, dgram, packet);
}

/*
 * What was put together leaves as a packet of ours: who emits it takes this hop off its TTL, as of all
 * others, unless that was done before the packet came here. False: it ends here.
 */
static bool lives_on(const struct hb_datagram *dgram)
{
	struct hb_packet packet;
	return dgram->tracked ||
	       (hb_packet_parse(dgram->data, dgram->len, &packet) == 0 && packet.ttl > 1);
}

/*
 * A piece of a packet waits here for the others; the last one brings the whole packet, which is
 * judged as any other, and goes on in pieces of its own. So the kernel's pieces are all dropped.
 */
static enum hb_verdict take_fragment(struct hb_core *core, const struct hb_datagram *dgram,
				     const struct hb_packet *fragment)
{
	struct hb_whole whole;
	struct hb_packet packet;
	core->counters.fragments++;
	if (fragment->refused) {
		core->counters.malformed++;
		return HB_DROP;
	}
	if (!hb_reassembly_add(&core->reassembly, dgram, fragment, core->now.mono_ns, &whole))
		return HB_DROP;
	if (hb_packet_parse(whole.dgram.data, whole.dgram.len, &packet) != 0 ||
	    packet.is_fragment) {
		core->counters.malformed++;
		return HB_DROP;
	}
	core->counters.reassembled++;
	if (judge(core, &whole.dgram, &packet) != HB_DROP && lives_on(&whole.dgram))
		hb_out_whole(core, &whole);
	return HB_DROP;
}

static enum hb_verdict decide_verdict(struct hb_core *core, struct hb_datagram *dgram)
{
	struct hb_packet packet;
	if (hb_packet_parse(dgram->data, dgram->len, &packet) != 0) {
		core->counters.malformed++;
		return HB_DROP;
	}
	if (packet.is_fragment)
		return take_fragment(core, dgram, &packet);
	if (is_neighbour_discovery(&packet)) /* never in fragments (RFC 6980) */
		return HB_ACCEPT;
	return judge(core, dgram, &packet);
}

enum hb_verdict hb_engine_input(struct hb_engine *engine, struct hb_datagram *dgram,
				struct hb_time now)
{
	struct hb_core *core = &engine->core;
	set_time(core, now);
	core->counters.packets++;
	core->counters.bytes += dgram->len;
	dgram->segment_bytes = 0;
	enum hb_verdict verdict = decide_verdict(core, dgram);
	if (verdict == HB_DROP)
		core->counters.dropped++;
	else if (verdict == HB_ACCEPT)
		core->counters.accepted++;
	else
		core->counters.modified++;
	return verdict;
}
