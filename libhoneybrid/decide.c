/* SPDX-License-Identifier: BSD-2-Clause */
#include "decide.h"

#include "out.h"
#include "registry.h"
#include "seq.h"
#include "siphash.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct asking {
	struct hb_core *core;
	struct hb_flow *flow;
	const struct hb_bound_rule *rule;
	struct hb_query query;
	struct hb_flow_info info;
	struct hb_query_sink sink;
	const struct hb_endpoint *divert; /* where a module wants the flow to go */
};

static enum hb_decision remembered(const struct hb_flow *flow, unsigned leaf, bool *known)
{
	unsigned bits = (unsigned)(flow->answers >> (2 * leaf)) & 3;
	*known = bits != 0;
	return bits ? (enum hb_decision)(bits - 1) : HB_DECISION_DEFER;
}

static void remember(struct hb_flow *flow, unsigned leaf, enum hb_decision decision)
{
	flow->answers &= ~(UINT64_C(3) << (2 * leaf));
	flow->answers |= (uint64_t)(decision + 1) << (2 * leaf);
}

/* The same for a flow and a leaf on whichever worker: drawn from addresses, not from a counter. */
static uint64_t flow_random(const struct asking *asking, unsigned leaf)
{
	const struct hb_flow *flow = asking->flow;
	uint8_t input[48] = { 0 };
	memcpy(input, &flow->client, 16);
	memcpy(input + 16, &flow->attacked, 16);
	memcpy(input + 32, &flow->client_port, 2);
	memcpy(input + 34, &flow->attacked_port, 2);
	memcpy(input + 36, &flow->track.client_isn, 4);
	memcpy(input + 40, &leaf, 4);
	input[44] = flow->protocol;
	return hb_siphash(asking->core->seed, input, sizeof(input));
}

static void note(void *ctx, const struct hb_instance *instance, const char *text)
{
	const struct asking *asking = ctx;
	hb_out_note(asking->core, asking->flow, hb_instance_name(instance), text);
}

/*
 * The client's stream. Only a flow that is being decided has a record; without one this is the
 * session's first payload.
 */
static const uint8_t *stream(void *ctx, size_t *len)
{
	const struct asking *asking = ctx;
	const struct hb_flow *flow = asking->flow;
	const struct hb_packet *packet = asking->query.packet;
	const uint8_t *payload = packet->data + packet->payload_offset;
	*len = packet->payload_len;
	if (!hb_flow_is_tcp(flow) || flow->state != HB_STATE_DECISION)
		return payload;
	*len = hb_track_usable(&flow->track, packet);
	if (flow->record != NULL)
		return hb_record_preview(flow->record, hb_core_budget(asking->core, flow),
					 packet->seq, payload, *len, len);
	uint32_t known = hb_seq_distance(packet->seq, flow->track.client_next);
	if (hb_seq_after(packet->seq, flow->track.client_next) || known > *len)
		known = (uint32_t)*len;
	*len -= known;
	return payload + known;
}

static int pick(void *ctx, unsigned number)
{
	const struct asking *asking = ctx;
	if (number < 1 || number > asking->flow->target->backend_count)
		return -EINVAL;
	asking->flow->picked = (uint16_t)number;
	return 0;
}

/* True if a backend was not reached lately: it is not asked, nor anybody about it. */
static bool backend_rests(const struct hb_core *core, const struct hb_flow *flow, unsigned number)
{
	const struct hb_backend *backend = &flow->target->backends[number - 1];
	struct hb_service service = { backend->endpoint, flow->protocol, backend->way.interface };
	if (service.at.port == 0)
		service.at.port = flow->attacked_port;
	return hb_health_rests(&core->health, core->seed, &service, core->now.mono_ns);
}

static bool rests(void *ctx, unsigned number)
{
	const struct asking *asking = ctx;
	return number >= 1 && number <= asking->flow->target->backend_count &&
	       backend_rests(asking->core, asking->flow, number);
}

static int divert(void *ctx, const struct hb_endpoint *to)
{
	struct asking *asking = ctx;
	const struct hb_flow *flow = asking->flow;
	bool has_ports = flow->protocol == HB_PROTO_TCP || flow->protocol == HB_PROTO_UDP;
	if (hb_flow_diverted(flow) != NULL)
		return 0;
	if (!has_ports || (flow->flags & HB_FLOW_LET_OUT) ||
	    !(flow->flags & HB_FLOW_FROM_HONEYPOT) ||
	    hb_addr_is_ipv4(&to->addr) != hb_addr_is_ipv4(&flow->client))
		return -EINVAL;
	if (!asking->core->dry_run)
		asking->divert = to;
	return 0;
}

static enum hb_decision ask_leaf(void *ctx, size_t i)
{
	struct asking *asking = ctx;
	unsigned leaf = asking->rule->first_leaf + (unsigned)i;
	struct hb_instance *instance = asking->rule->instances[i];
	bool keeps = hb_instance_module(instance)->flags & HB_MODULE_KEEPS_ANSWER;
	bool known;
	enum hb_decision decision = remembered(asking->flow, leaf, &known);
	if (keeps && known && decision != HB_DECISION_DEFER)
		return decision;
	asking->query.flow_random = flow_random(asking, leaf);
	asking->query.previous = decision;
	asking->sink.instance = instance;
	decision = hb_instance_decide(instance, &asking->query);
	remember(asking->flow, leaf, decision);
	return decision;
}

/* A leg that it has to whom it was for is its leg no more. */
static void lead_away(struct hb_core *core, struct hb_flow *flow, const struct hb_endpoint *to)
{
	hb_flowtable_remove(&core->table, &flow->nodes[HB_LEG_FRONTEND]);
	flow->diverted = to;
}

static enum hb_decision ask(struct hb_core *core, struct hb_flow *flow,
			    const struct hb_packet *packet, const struct hb_bound_rule *rule,
			    unsigned backend)
{
	struct asking asking = { .core = core, .flow = flow, .rule = rule };
	hb_out_flow_info(core, flow, &asking.info);
	asking.sink = (struct hb_query_sink){ .note = note, .stream = stream, .ctx = &asking };
	asking.sink.rests = rests;
	if (rule == &flow->target->backpick_rule)
		asking.sink.pick = pick;
	if (rule == &flow->target->control_rule)
		asking.sink.divert = divert;
	asking.query = (struct hb_query){
		.size = sizeof(struct hb_query),
		.packet = packet,
		.direction = HB_FROM_CLIENT,
		.flow = &asking.info,
		.now = core->now,
		.backend = backend,
		.backend_count = flow->target->backend_count,
		.reserved = &asking.sink,
	};
	enum hb_decision decision = hb_rule_evaluate(rule->rule, ask_leaf, &asking);
	if (decision == HB_DECISION_ACCEPT && asking.divert != NULL)
		lead_away(core, flow, asking.divert);
	return decision;
}

enum hb_decision hb_decide_frontend(struct hb_core *core, struct hb_flow *flow,
				    const struct hb_packet *packet)
{
	const struct hb_bound_rule *rule = &flow->target->frontend_rule;
	return rule->rule ? ask(core, flow, packet, rule, 0) : HB_DECISION_ACCEPT;
}

/* As ask(), but a rule that has rejected has done so for good. */
static enum hb_decision ask_unless_rejected(struct hb_core *core, struct hb_flow *flow,
					    const struct hb_packet *packet,
					    const struct hb_bound_rule *rule, unsigned backend)
{
	uint32_t bit = UINT32_C(1) << rule->first_leaf;
	if (flow->rejected & bit)
		return HB_DECISION_REJECT;
	enum hb_decision decision = ask(core, flow, packet, rule, backend);
	if (decision == HB_DECISION_REJECT)
		flow->rejected |= bit;
	return decision;
}

/*
 * The backpick rule.
 * @number  gets the backend that it names, 0 for none. ACCEPT: that one's rule has accepted too.
 */
static enum hb_decision pick_backend(struct hb_core *core, struct hb_flow *flow,
				     const struct hb_packet *packet, unsigned *number)
{
	const struct hb_target *target = flow->target;
	*number = 0;
	if (target->backpick_rule.rule == NULL)
		return HB_DECISION_REJECT;
	enum hb_decision decision =
		ask_unless_rejected(core, flow, packet, &target->backpick_rule, 0);
	if (decision != HB_DECISION_ACCEPT)
		return decision;
	if (flow->picked == 0)
		return HB_DECISION_REJECT;
	*number = flow->picked;
	const struct hb_bound_rule *rule = &target->backends[*number - 1].rule;
	if (backend_rests(core, flow, *number))
		return HB_DECISION_DEFER;
	if (rule->rule == NULL)
		return HB_DECISION_ACCEPT;
	return ask_unless_rejected(core, flow, packet, rule, *number);
}

enum hb_decision hb_decide_backend(struct hb_core *core, struct hb_flow *flow,
				   const struct hb_packet *packet, unsigned *number)
{
	unsigned picked;
	enum hb_decision decision = pick_backend(core, flow, packet, &picked);
	bool all_rejected = decision == HB_DECISION_REJECT;
	if (decision == HB_DECISION_ACCEPT) {
		*number = picked;
		return decision;
	}
	for (unsigned i = 1; i <= flow->target->backend_count; i++) {
		const struct hb_bound_rule *rule = &flow->target->backends[i - 1].rule;
		if (rule->rule == NULL || i == picked) /* nobody is asked twice */
			continue;
		decision = backend_rests(core, flow, i)
				   ? HB_DECISION_DEFER
				   : ask_unless_rejected(core, flow, packet, rule, i);
		if (decision == HB_DECISION_ACCEPT) {
			*number = i;
			return decision;
		}
		all_rejected = all_rejected && decision == HB_DECISION_REJECT;
	}
	return all_rejected ? HB_DECISION_REJECT : HB_DECISION_DEFER;
}

enum hb_decision hb_decide_control(struct hb_core *core, struct hb_flow *flow,
				   const struct hb_packet *packet)
{
	const struct hb_bound_rule *rule = &flow->target->control_rule;
	return rule->rule ? ask(core, flow, packet, rule, 0) : HB_DECISION_REJECT;
}

static size_t trace_rule(const struct hb_flow *flow, const struct hb_bound_rule *rule, char *buf,
			 size_t at)
{
	size_t count = rule->rule ? hb_rule_leaf_count(rule->rule) : 0;
	for (size_t i = 0; i < count; i++) {
		bool known;
		enum hb_decision decision =
			remembered(flow, rule->first_leaf + (unsigned)i, &known);
		if (!known)
			continue;
		int written = snprintf(buf + at, HB_DECIDE_TRACE_SIZE - at, "%s%c%s", at ? ";" : "",
				       "-?+"[decision], hb_rule_leaf_name(rule->rule, i));
		if (written < 0 || (size_t)written >= HB_DECIDE_TRACE_SIZE - at)
			return HB_DECIDE_TRACE_SIZE - 1;
		at += (size_t)written;
	}
	return at;
}

const char *hb_decide_trace(const struct hb_flow *flow, char buf[HB_DECIDE_TRACE_SIZE])
{
	buf[0] = '\0';
	const struct hb_target *target = flow->target;
	if (target == NULL || flow->answers == 0)
		return buf;
	size_t at = trace_rule(flow, &target->frontend_rule, buf, 0);
	at = trace_rule(flow, &target->backpick_rule, buf, at);
	for (unsigned i = 0; i < target->backend_count; i++)
		at = trace_rule(flow, &target->backends[i].rule, buf, at);
	at = trace_rule(flow, &target->control_rule, buf, at);
	if (flow->flags & HB_FLOW_SUPPOSED)
		snprintf(buf + at, HB_DECIDE_TRACE_SIZE - at, "%sredirect:%u", at ? ";" : "",
			 (unsigned)flow->picked);
	return buf;
}
