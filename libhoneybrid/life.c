/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A flow has one timer, and it is set lazily: a packet does not move it. When it fires too early
 * for the last packet it is set again, so that a busy flow costs nothing here.
 *
 * A closed flow is reported after closed_delay_ms and forgotten, at once after a RST. Others stay for
 * a while, so that a repeated FIN does not look like a session, two kinds of them longer, as
 * tombstones: a redirected one, since both honeypots may still send packets that the client must not
 * see; and one whose frontend is in TIME-WAIT on a leg that other flows of the client's could take,
 * since a session with another attacked address is not what that is waiting for (rule 20).
 */
#include "life.h"

#include "broken.h"
#include "commit.h"
#include "handover.h"
#include "out.h"
#include "way.h"

#include <stdlib.h>

#define FLOWS_PER_BLOCK 512
#define LEG_PORT_TRIES 64
#define CROWD_TRIES 64 /* flows of each rank */
#define FIRST_FREE_PORT 1024
#define TOMBSTONE_FIN_NS (60 * HB_NS_PER_S)
#define TOMBSTONE_RESET_NS (10 * HB_NS_PER_S)
#define LINGER_NS (10 * HB_NS_PER_S) /* after both FINs: one may come again */

struct hb_flow_block {
	struct hb_flow_block *next;
	struct hb_flow flows[FLOWS_PER_BLOCK];
};

static struct hb_flow *pool_take(struct hb_flow_pool *pool)
{
	if (pool->free == NULL) {
		struct hb_flow_block *block = malloc(sizeof(*block));
		if (block == NULL)
			return NULL;
		block->next = pool->blocks;
		pool->blocks = block;
		for (size_t i = 0; i < FLOWS_PER_BLOCK; i++) {
			block->flows[i].older = pool->free;
			pool->free = &block->flows[i];
		}
	}
	struct hb_flow *flow = pool->free;
	pool->free = flow->older;
	*flow = (struct hb_flow){ 0 };
	return flow;
}

static void pool_give(struct hb_flow_pool *pool, struct hb_flow *flow)
{
	flow->older = pool->free;
	pool->free = flow;
}

void hb_life_fini(struct hb_core *core)
{
	struct hb_flow_block *next;
	for (struct hb_flow_block *block = core->pool.blocks; block != NULL; block = next) {
		next = block->next;
		free(block);
	}
	core->pool = (struct hb_flow_pool){ 0 };
}

void hb_life_set_state(struct hb_core *core, struct hb_flow *flow, enum hb_flow_state state)
{
	enum hb_flow_state from = flow->state;
	if (from == state)
		return;
	hb_flow_set_state(&core->ranks, flow, state);
	hb_out_state(core, flow, from);
}

void hb_life_advance(struct hb_core *core, struct hb_flow *flow, enum hb_result result)
{
	enum hb_flow_state next = hb_state_next(flow->state, result);
	if (hb_broken(next == HB_STATE_NONE)) {
		core->counters.broken++;
		next = HB_STATE_DROPPED;
	}
	hb_life_set_state(core, flow, next);
}

bool hb_life_is_closed(const struct hb_flow *flow)
{
	return flow->protocol == HB_PROTO_TCP && !(flow->flags & HB_FLOW_SHARED) &&
	       hb_track_closed(&flow->track);
}

static const struct hb_options *options_of(const struct hb_core *core, const struct hb_flow *flow)
{
	return flow->target ? &flow->target->policy->options : &core->policy->options;
}

/* How long a flow stays after it was reported. */
static uint64_t tombstone_ns(const struct hb_flow *flow)
{
	bool redirected = flow->redirect != NULL;
	if (!hb_life_is_closed(flow))
		return 0;
	if (flow->track.flags & HB_TRACK_RESET)
		return redirected ? TOMBSTONE_RESET_NS : 0;
	bool time_wait = flow->track.flags & HB_TRACK_SERVER_ENDED;
	if (redirected || (time_wait && !hb_flow_is_identity(flow)))
		return TOMBSTONE_FIN_NS;
	return LINGER_NS;
}

static uint64_t idle_ns(const struct hb_core *core, const struct hb_flow *flow)
{
	const struct hb_options *options = options_of(core, flow);
	if (flow->flags & HB_FLOW_REPORTED)
		return tombstone_ns(flow);
	/* A FIN, or what stands before it, may have been lost behind us. */
	if (hb_life_is_closed(flow) && !(flow->track.flags & HB_TRACK_RESET) &&
	    !hb_track_all_acknowledged(&flow->track))
		return TOMBSTONE_FIN_NS;
	if (hb_life_is_closed(flow))
		return options->closed_delay_ms * HB_NS_PER_MS;
	if (flow->track.flags & HB_TRACK_RESET_UNSURE)
		return options->expiration_delay_s * HB_NS_PER_S;
	bool served = flow->state == HB_STATE_PROXY || flow->state == HB_STATE_FORWARD;
	bool established = flow->track.flags & HB_TRACK_ESTABLISHED;
	if (flow->track.flags & HB_TRACK_MIDSTREAM) /* one stray packet is no session */
		established = flow->client_packets > 1;
	bool shared = flow->flags & HB_FLOW_SHARED; /* the tracker follows but one of them */
	if (flow->protocol == HB_PROTO_TCP && served && established && !shared)
		return options->established_timeout_s * HB_NS_PER_S;
	return options->expiration_delay_s * HB_NS_PER_S;
}

/*
 * Since when a flow is idle. A honeypot must not keep alive what an outsider began, or one packet with
 * a forged source would let it talk to somebody for as long as it likes.
 */
static uint64_t idle_since_ns(const struct hb_flow *flow)
{
	if ((flow->flags & HB_FLOW_FROM_HONEYPOT) || flow->state == HB_STATE_DROPPED)
		return flow->last_ns;
	if (!hb_flow_is_tcp(flow))
		return flow->started_ns + flow->track.client_next * HB_NS_PER_MS;
	bool session = flow->track.flags & (HB_TRACK_ESTABLISHED | HB_TRACK_RESET);
	return session || flow->client_packets > 1 ? flow->last_ns : flow->started_ns;
}

void hb_life_arm(struct hb_core *core, struct hb_flow *flow)
{
	hb_flow_rank(&core->ranks, flow);
	uint64_t deadline = idle_since_ns(flow) + idle_ns(core, flow);
	uint64_t handover = hb_handover_deadline(core, flow);
	hb_wheel_arm(&core->wheel, &flow->timer, handover < deadline ? handover : deadline);
}

static struct hb_share *share_of(const struct hb_core *core, const struct hb_flow *flow)
{
	return hb_shares_find(&core->shares, core->seed, &flow->client);
}

static void forget(struct hb_core *core, struct hb_flow *flow)
{
	hb_wheel_cancel(&core->wheel, &flow->timer);
	hb_handover_free(core, flow);
	if (!(flow->flags & HB_FLOW_FROM_HONEYPOT))
		hb_record_free(flow->record, hb_core_budget(core, flow));
	hb_flowtable_remove(&core->table, &flow->nodes[HB_LEG_CLIENT]);
	hb_flowtable_remove(&core->table, &flow->nodes[HB_LEG_FRONTEND]);
	hb_flow_set_state(&core->ranks, flow, HB_STATE_NONE);
	core->counters.flows--;
	if (core->shares.slots != NULL)
		hb_shares_leave(&core->shares, share_of(core, flow));
	hb_policies_leave(&core->policies, flow);
	pool_give(&core->pool, flow);
}

/*
 * A flow of a source that has so many that others find no room. Those of other sources, which are met on
 * the way, go to the end of their list: so the next search begins behind them.
 */
static struct hb_flow *first_of_a_crowd(struct hb_core *core)
{
	if (core->shares.crowds == 0)
		return NULL;
	for (enum hb_rank rank = HB_RANK_SHORT; rank < HB_RANK_COUNT; rank++) {
		for (unsigned i = 0; i < CROWD_TRIES; i++) {
			struct hb_flow *flow = core->ranks.lists[rank].oldest;
			if (flow == NULL)
				break;
			if (hb_shares_is_crowd(&core->shares, share_of(core, flow)))
				return flow;
			hb_flow_requeue(&core->ranks, flow);
		}
	}
	return NULL;
}

/* The oldest flow of the lowest rank gives way, if no crowd must. */
static void evict(struct hb_core *core)
{
	static const char reason[] = "gave way: too many flows";
	struct hb_flow *flow = first_of_a_crowd(core);
	if (flow == NULL)
		flow = hb_flow_first_to_go(&core->ranks);
	if (flow == NULL)
		return;
	core->counters.flows_evicted++;
	if (flow->state == HB_STATE_REPLAY)
		hb_commit_undo(core, flow, reason);
	hb_life_end(core, flow, reason);
}

/* Enters a leg. A flow that only waits for a repeated FIN gives way. */
static bool enter_leg(struct hb_core *core, struct hb_flow *flow, enum hb_leg leg)
{
	struct hb_leg_key key = hb_flow_leg(flow, leg);
	struct hb_node *node = &flow->nodes[leg];
	struct hb_flow *other = hb_flowtable_clash(&core->table, node, leg, &key);
	if (other != NULL && (other->flags & HB_FLOW_REPORTED) && tombstone_ns(other) == LINGER_NS)
		forget(core, other);
	return hb_flowtable_insert(&core->table, node, leg, &key);
}

/* Enters both legs as they are, or neither. */
static bool try_legs(struct hb_core *core, struct hb_flow *flow)
{
	if (!enter_leg(core, flow, HB_LEG_CLIENT))
		return false;
	if (hb_flow_is_identity(flow) || enter_leg(core, flow, HB_LEG_FRONTEND))
		return true;
	hb_flowtable_remove(&core->table, &flow->nodes[HB_LEG_CLIENT]);
	return false;
}

static void take_other_port(struct hb_flow *flow, unsigned attempt)
{
	uint32_t step = (uint32_t)(flow->id * 7919 + attempt);
	flow->leg_port = (uint16_t)(FIRST_FREE_PORT + step % (UINT16_MAX - FIRST_FREE_PORT));
}

/*
 * A client that reaches two addresses of a darknet, or one and the frontend's own, from one port
 * would have one leg to the frontend twice: the later flow gets another port there (handover rule
 * 20). So it is with the identifier of echoes, and with clones that talk to one host: they are alike,
 * ports and all, and its answers would be for either.
 */
static bool enter_legs(struct hb_core *core, struct hb_flow *flow, const struct hb_packet *packet)
{
	bool has_ports = flow->protocol == HB_PROTO_TCP || flow->protocol == HB_PROTO_UDP ||
			 packet->is_icmp_echo;
	bool may_translate = has_ports && (!(flow->flags & HB_FLOW_FROM_HONEYPOT) ||
					   hb_way_starter(flow) != NULL);
	for (unsigned i = 0; i < LEG_PORT_TRIES; i++) {
		if (try_legs(core, flow))
			return true;
		if (!may_translate)
			return false;
		take_other_port(flow, i);
	}
	return false;
}

bool hb_life_enter_diverted(struct hb_core *core, struct hb_flow *flow)
{
	struct hb_node *node = &flow->nodes[HB_LEG_FRONTEND];
	for (unsigned i = 0; i < LEG_PORT_TRIES; i++) {
		if (node->in_table || hb_flow_is_identity(flow))
			return true;
		struct hb_leg_key key = hb_flow_leg(flow, HB_LEG_FRONTEND);
		if (hb_flowtable_insert(&core->table, node, HB_LEG_FRONTEND, &key))
			return true;
		take_other_port(flow, i);
	}
	return false;
}

/* No leg to the frontend is free for it: it is refused, and the log knows of it. */
static bool enter_refused(struct hb_core *core, struct hb_flow *flow)
{
	if (flow->flags & HB_FLOW_FROM_HONEYPOT)
		return false;
	flow->target = NULL;
	flow->leg_port = flow->client_port;
	return try_legs(core, flow);
}

struct hb_flow *hb_life_start(struct hb_core *core, const struct hb_packet *packet,
			      const struct hb_origin *origin)
{
	if (core->counters.flows >= core->policy->options.max_flows)
		evict(core);
	struct hb_flow *flow = pool_take(&core->pool);
	if (flow == NULL)
		return NULL;
	flow->id = core->next_flow_id;
	core->next_flow_id += core->flow_id_step;
	flow->target = origin->target;
	flow->protocol = packet->protocol;
	flow->client = packet->src;
	flow->client_port = packet->src_port;
	flow->leg_port = packet->src_port;
	flow->attacked = packet->dst;
	flow->attacked_port = packet->dst_port;
	flow->mark = origin->mark;
	flow->started_ns = core->now.mono_ns;
	flow->flags = origin->from_honeypot ? HB_FLOW_FROM_HONEYPOT : 0;
	flow->picked = (uint16_t)origin->clone;
	if (core->dry_run)
		flow->flags |= HB_FLOW_DRY_RUN;
	if (packet->protocol == HB_PROTO_TCP)
		hb_track_init(&flow->track, packet);
	flow->track.client_ttl = packet->ttl;
	if (!enter_legs(core, flow, packet) && !enter_refused(core, flow)) {
		pool_give(&core->pool, flow);
		return NULL;
	}
	hb_policies_enter(&core->policies, flow);
	if (core->shares.slots != NULL)
		hb_shares_enter(&core->shares, share_of(core, flow));
	core->counters.flows++;
	core->counters.flows_started++;
	hb_life_count(core, flow, packet, HB_FROM_CLIENT);
	hb_flow_set_state(&core->ranks, flow, HB_STATE_INIT);
	hb_out_flow(core, flow, HB_EVENT_FLOW_NEW, NULL);
	return flow;
}

void hb_life_count_unseen(struct hb_core *core, struct hb_flow *flow,
			  const struct hb_packet *packet)
{
	flow->last_ns = core->now.mono_ns;
	flow->packets++;
	flow->bytes += packet->len;
}

void hb_life_count(struct hb_core *core, struct hb_flow *flow, const struct hb_packet *packet,
		   enum hb_direction direction)
{
	hb_life_count_unseen(core, flow, packet);
	if (direction != HB_FROM_CLIENT)
		return;
	flow->client_packets++;
	if (!hb_flow_is_tcp(flow))
		flow->track.client_next = hb_flow_age_ms(flow, core->now.mono_ns);
}

static void report(struct hb_core *core, struct hb_flow *flow, const char *reason)
{
	if (flow->flags & HB_FLOW_REPORTED)
		return;
	flow->flags |= HB_FLOW_REPORTED;
	hb_flow_rank(&core->ranks, flow);
	hb_out_flow(core, flow, HB_EVENT_FLOW_END, reason);
}

void hb_life_end(struct hb_core *core, struct hb_flow *flow, const char *reason)
{
	report(core, flow, reason);
	forget(core, flow);
}

void hb_life_timer(struct hb_core *core, struct hb_timer *timer)
{
	struct hb_flow *flow = (struct hb_flow *)((char *)timer - offsetof(struct hb_flow, timer));
	if (flow->redirect != NULL && flow->record != NULL)
		hb_handover_timer(core, flow); /* what is not due yet stays */
	bool replaying = flow->state == HB_STATE_REPLAY;
	if (replaying || core->now.mono_ns < idle_since_ns(flow) + idle_ns(core, flow)) {
		hb_life_arm(core, flow);
		return;
	}
	bool closed = hb_life_is_closed(flow);
	if (tombstone_ns(flow) > 0 && !(flow->flags & HB_FLOW_REPORTED)) {
		report(core, flow, "");
		hb_life_arm(core, flow);
		return;
	}
	hb_life_end(core, flow, closed ? "" : "idle");
}

void hb_life_end_all(struct hb_core *core)
{
	const char *reason = core->dry_run ? "the capture ends" : "the gateway stops";
	for (size_t i = 0; i <= core->table.mask; i++) {
		struct hb_node *node = core->table.buckets[i];
		while (node != NULL) {
			if (node->leg != HB_LEG_CLIENT) {
				node = node->next;
				continue;
			}
			struct hb_flow *flow = hb_flowtable_flow(node);
			if (flow->state == HB_STATE_REPLAY)
				hb_commit_undo(core, flow, reason);
			hb_life_end(core, flow, reason);
			node = core->table.buckets[i]; /* other nodes of the flow may have gone */
		}
	}
	core->health = (struct hb_health){ .down = 0 }; /* what we stopped says nothing of it */
}
