/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handover of a UDP flow: the client's datagrams are sent again one by one; as many answers as the
 * frontend gave to each are awaited and swallowed; then those from the trigger on go out, and what
 * the backend says is the client's (handover rule 32).
 */
#include "handover.h"

#include "commit.h"
#include "life.h"
#include "out.h"
#include "way.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_WAIT_NS (300 * HB_NS_PER_MS)

bool hb_handover_udp_hold(struct hb_core *core, struct hb_handover *handover,
			  const struct hb_packet *packet)
{
	size_t len = packet->payload_len;
	size_t bytes = sizeof(struct hb_held_datagram) + len;
	struct hb_budget *budget = hb_core_budget(core, handover->redirect.flow);
	if (handover->held_bytes + bytes > hb_budget_each(budget) || !hb_budget_take(budget, bytes))
		return false;
	struct hb_held_datagram *held = malloc(bytes);
	if (held == NULL) {
		hb_budget_give(budget, bytes);
		return false;
	}
	held->next = NULL;
	held->len = len;
	memcpy(held->data, packet->data + packet->payload_offset, len);
	handover->held_bytes += bytes;
	*handover->held_last = held;
	handover->held_last = &held->next;
	return true;
}

void hb_handover_udp_forget(struct hb_core *core, struct hb_handover *handover)
{
	while (handover->held_first != NULL) {
		struct hb_held_datagram *held = handover->held_first;
		handover->held_first = held->next;
		free(held);
	}
	hb_budget_give(hb_core_budget(core, handover->redirect.flow), handover->held_bytes);
	handover->held_bytes = 0;
	handover->held_last = &handover->held_first;
}

void hb_handover_udp_release(struct hb_core *core, struct hb_flow *flow, enum hb_leg leg)
{
	const struct hb_held_datagram *held = hb_handover_of(flow)->held_first;
	for (; held != NULL; held = held->next)
		hb_out_udp_to_server(core, flow, leg, held->data, held->len);
}

static void commit(struct hb_core *core, struct hb_flow *flow)
{
	struct hb_handover *handover = hb_handover_of(flow);
	handover->phase = HB_PHASE_COMMITTED;
	handover->udp_deadline_ns = 0;
	hb_handover_udp_forget(core, handover);
	hb_record_free(flow->record, hb_core_budget(core, flow));
	flow->record = NULL;
	core->counters.handovers_done++;
	hb_life_advance(core, flow, HB_RESULT_CAUGHT_UP);
	hb_out_handover(core, flow, &handover->info, NULL);
}

/*
 * All is replayed: what was held goes out. If nothing was heard of the backend so far it may not be
 * there: until it answers, or has had the time to, copies stay here for the frontend.
 */
static void release(struct hb_core *core, struct hb_flow *flow)
{
	struct hb_handover *handover = hb_handover_of(flow);
	handover->info.latency_us = (uint32_t)((core->now.mono_ns - handover->begin_ns) / 1000);
	handover->phase = HB_PHASE_CAUGHT_UP;
	hb_handover_udp_release(core, flow, HB_LEG_BACKEND);
	if (handover->udp_answers > 0)
		commit(core, flow);
	else
		handover->udp_deadline_ns = core->now.mono_ns + ANSWER_WAIT_NS;
}

/* Sends recorded datagrams until one has answers to wait for, or none is left. */
static void replay(struct hb_core *core, struct hb_flow *flow)
{
	struct hb_handover *handover = hb_handover_of(flow);
	const struct hb_record *record = flow->record;
	while (handover->udp_turn < record->turn_count) {
		size_t len;
		const uint8_t *payload = hb_record_datagram(record, handover->udp_turn, &len);
		const struct hb_turn *turn = &record->turns[handover->udp_turn];
		handover->udp_swallow = turn->answers;
		handover->info.recorded_bytes += turn->answer_bytes;
		handover->udp_turn++;
		handover->info.turns++;
		handover->info.replayed_bytes += (uint32_t)len;
		hb_out_udp_to_server(core, flow, HB_LEG_BACKEND, payload, len);
		if (handover->udp_swallow > 0) {
			handover->udp_deadline_ns = core->now.mono_ns + ANSWER_WAIT_NS;
			return;
		}
	}
	release(core, flow);
}

void hb_handover_udp_start(struct hb_core *core, struct hb_flow *flow)
{
	replay(core, flow);
}

enum hb_verdict hb_handover_udp_client(struct hb_core *core, struct hb_flow *flow,
				       const struct hb_packet *packet)
{
	struct hb_handover *handover = hb_handover_of(flow);
	hb_handover_udp_hold(core, handover, packet); /* or it gets lost, as datagrams may */
	if (handover->phase == HB_PHASE_CAUGHT_UP)
		hb_out_udp_to_server(core, flow, HB_LEG_BACKEND,
				     packet->data + packet->payload_offset, packet->payload_len);
	return HB_DROP;
}

void hb_handover_udp_hear(struct hb_core *core, struct hb_flow *flow,
			  const struct hb_packet *packet)
{
	struct hb_handover *handover = hb_handover_of(flow);
	struct hb_translation *translation = &handover->redirect.translation;
	if (handover->udp_answers++ > 0)
		return;
	struct hb_service service = hb_handover_service(flow);
	hb_health_reached(&core->health, core->seed, &service);
	/* Nothing to keep up if the client never saw an answer of the frontend's. */
	if (flow->track.server_ttl == 0)
		return;
	struct hb_iplook look = { .seen = 0 };
	hb_iplook_follow(&look, packet, 1);
	if (look.ids != HB_IP_IDS_ZERO)
		look.ip_id--; /* this very packet has the next number */
	translation->ttl_difference = (int16_t)(flow->track.server_ttl - packet->ttl);
	translation->look = hb_iplook_compare(&flow->track.look, &look);
}

enum hb_verdict hb_handover_udp_backend(struct hb_core *core, struct hb_flow *flow,
					struct hb_datagram *dgram, const struct hb_packet *packet)
{
	struct hb_handover *handover = hb_handover_of(flow);
	hb_handover_udp_hear(core, flow, packet);
	if (handover->udp_swallow == 0) {
		/* An answer to what the frontend never answered: the client's. */
		struct hb_edit edit;
		if (handover->phase == HB_PHASE_CAUGHT_UP)
			commit(core, flow);
		hb_edit_begin(&edit, dgram, packet);
		hb_translate_to_client(&edit, flow, &handover->redirect.translation);
		return hb_edit_finish(&edit);
	}
	handover->udp_swallow--;
	handover->info.discarded_bytes += (uint32_t)packet->payload_len;
	if (handover->udp_swallow == 0)
		replay(core, flow);
	return HB_DROP;
}

void hb_handover_udp_timer(struct hb_core *core, struct hb_flow *flow)
{
	struct hb_handover *handover = hb_handover_of(flow);
	if (handover->udp_deadline_ns == 0 || core->now.mono_ns < handover->udp_deadline_ns)
		return;
	if (handover->phase == HB_PHASE_CAUGHT_UP) {
		commit(core, flow); /* a service that says nothing */
		return;
	}
	bool more = handover->udp_turn < flow->record->turn_count;
	/* A backend that never answers what the frontend answered is not there. */
	if (!more && handover->udp_answers == 0) {
		char name[HB_WAY_NAME_SIZE], reason[HB_WAY_NAME_SIZE + 32];
		snprintf(reason, sizeof(reason), "backend %s does not answer",
			 hb_way_backend_name(flow, name));
		handover->backend_silent = true;
		hb_commit_undo(core, flow, reason);
		return;
	}
	handover->udp_swallow = 0;
	replay(core, flow);
}
