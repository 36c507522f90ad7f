/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a handover ends: commit, when the backend has caught up and the frontend is done, or undo.
 */
#include "commit.h"

#include "debt.h"
#include "life.h"
#include "out.h"
#include "seq.h"
#include "state.h"
#include "target.h"

#define FIRST_RTO_NS (200 * HB_NS_PER_MS)
#define LATE_ANSWER_NS HB_NS_PER_S

uint64_t hb_commit_quiet_at(const struct hb_flow *flow)
{
	const struct hb_handover *handover = hb_handover_of(flow);
	if (hb_handover_client_is_full(handover))
		return UINT64_MAX;
	bool ended = flow->track.flags & HB_TRACK_SERVER_PSH;
	return handover->frontend_byte_ns + (ended ? HB_COMMIT_QUIET_NS : HB_COMMIT_STALLED_NS);
}

/* The frontend has said all that it will say, and the client has it. */
static bool frontend_is_done(const struct hb_core *core, const struct hb_flow *flow)
{
	const struct hb_handover *handover = hb_handover_of(flow);
	const struct hb_track *track = &flow->track;
	if (track->client_ack != track->server_next)
		return false;
	if (handover->frontend_reset)
		return true;
	if (track->server_ack != handover->cut)
		return false;
	uint32_t end = track->server_next + (handover->frontend_fin ? 1 : 0);
	if (handover->frontend_answers && hb_seq_after(handover->frontend_max, end))
		return false; /* bytes of its answer got lost on their way here */
	bool ended = (track->flags & HB_TRACK_SERVER_PSH) && !handover->frontend_busy;
	if (!handover->frontend_answers || ended || handover->frontend_fin)
		return true;
	return core->now.mono_ns >= hb_commit_quiet_at(flow);
}

/*
 * Silence was taken for the end of an answer that the client has from the frontend, but then the backend went
 * on, and a piece got lost: what it sends again then would look like an answer to what was held (rules
 * 4 and 5).
 */
static bool backend_goes_on(const struct hb_handover *handover)
{
	return handover->frontend_answers && handover->replay.rcv_nxt != handover->replay.rcv_max;
}

bool hb_commit_ready(const struct hb_core *core, const struct hb_flow *flow)
{
	const struct hb_handover *handover = hb_handover_of(flow);
	return handover->phase <= HB_PHASE_CAUGHT_UP && hb_replay_done(handover) &&
	       !backend_goes_on(handover) && frontend_is_done(core, flow);
}

/* Difference between the clock that the client saw and the backend's (handover rule 12). */
static uint32_t timestamp_difference(const struct hb_core *core, const struct hb_flow *flow)
{
	return hb_track_server_ts_at(&flow->track, hb_flow_age_ms(flow, core->now.mono_ns)) -
	       hb_handover_of(flow)->replay.ts;
}

static void set_translation(struct hb_core *core, struct hb_flow *flow)
{
	struct hb_handover *handover = hb_handover_of(flow);
	const struct hb_replay *replay = &handover->replay;
	const struct hb_track *track = &flow->track;
	struct hb_translation *translation = &handover->redirect.translation;
	translation->numbers_differ = true;
	translation->keep = replay->rcv_nxt;
	translation->seq_difference = track->server_next - replay->rcv_nxt;
	translation->client_shift = track->client_wscale;
	translation->honeypot_shift = replay->shift;
	translation->shown_shift = track->server_wscale;
	translation->granted = track->granted;
	translation->lacks_ecn = replay->refuses_ecn;
	translation->lacks = track->granted & (uint8_t)~replay->granted;
	translation->ttl_difference = (int16_t)(track->server_ttl - replay->ttl);
	if (replay->granted & HB_TCPOPT_TIMESTAMP)
		translation->ts_difference = timestamp_difference(core, flow);
	translation->look = hb_iplook_compare(&track->look, &replay->look);
	handover->ts_floor = replay->ts;
	handover->client_end = hb_stream_end(&flow->record->stream);
}

/* Sends on what was held for the backend, or at least the ACK that its SYN-ACK waits for. */
static void release_to_backend(struct hb_core *core, struct hb_flow *flow)
{
	struct hb_handover *handover = hb_handover_of(flow);
	struct hb_replay *replay = &handover->replay;
	replay->limit = hb_stream_end(&flow->record->stream);
	replay->nxt = hb_seq_max(replay->nxt, handover->cut);
	if (replay->nxt != replay->limit)
		hb_replay_push(core, handover, HB_LEG_BACKEND);
	else if (handover->client_fin)
		hb_debt_send_fin(core, flow, HB_LEG_BACKEND, replay->rcv_nxt);
	else if (handover->info.turns == 0 && handover->info.discarded_bytes == 0)
		hb_replay_ack(core, handover);
}

/* All that was held has passed to a honeypot now. */
static void follow_released(struct hb_flow *flow)
{
	flow->track.client_next = hb_stream_end(&flow->record->stream);
	if (hb_handover_of(flow)->client_fin) {
		flow->track.client_next++;
		flow->track.flags |= HB_TRACK_CLIENT_FIN;
	}
}

/* What the backend has answered already goes to the client, who will acknowledge it. */
static void release_to_client(struct hb_core *core, struct hb_flow *flow)
{
	struct hb_handover *handover = hb_handover_of(flow);
	const struct hb_track *track = &flow->track;
	size_t mss = hb_out_client_payload(core, flow);
	if (mss > handover->replay.mss)
		mss = handover->replay.mss;
	size_t at = 0;
	while (at < handover->kept.len) {
		size_t len = handover->kept.len - at;
		if (len > mss)
			len = mss;
		uint32_t ack = hb_seq_max(track->server_ack, handover->replay.una);
		struct hb_build_tcp spec = {
			.seq = track->server_next,
			.ack = hb_seq_max(ack, handover->owed),
			.flags = HB_TCP_ACK | HB_TCP_PSH,
			.payload = handover->kept.data + at,
			.payload_len = len,
		};
		spec.window = hb_track_keep_edge(&flow->track, spec.ack);
		hb_debt_stamp(flow, &spec);
		hb_out_to_client(core, flow, &spec);
		flow->track.server_next += (uint32_t)len;
		handover->passed_byte = true;
		handover->heard = true;
		at += len;
	}
	hb_stream_fini(&handover->kept, hb_core_budget(core, flow));
}

void hb_commit_try(struct hb_core *core, struct hb_flow *flow)
{
	if (flow->redirect == NULL || !hb_flow_is_tcp(flow))
		return;
	struct hb_handover *handover = hb_handover_of(flow);
	if (handover->phase == HB_PHASE_REPLAY && hb_replay_done(handover))
		handover->phase = HB_PHASE_CAUGHT_UP;
	if (!hb_commit_ready(core, flow))
		return;
	handover->phase = HB_PHASE_COMMITTED;
	if (!handover->frontend_reset) {
		struct hb_build_tcp spec = { .seq = handover->cut, .flags = HB_TCP_RST };
		hb_out_to_server(core, flow, HB_LEG_FRONTEND, &spec);
	}
	handover->info.replayed_bytes = hb_seq_distance(flow->track.client_isn + 1, handover->cut);
	/* It may have gone on with an answer when the backend's was complete. */
	handover->info.recorded_bytes =
		hb_seq_distance(flow->track.server_isn + 1, flow->track.server_next);
	handover->info.latency_us = (uint32_t)((core->now.mono_ns - handover->begin_ns) / 1000);
	set_translation(core, flow);
	release_to_backend(core, flow);
	release_to_client(core, flow);
	follow_released(flow);
	if (handover->trigger_empty) {
		uint64_t wait = 4 * handover->replay.rtt_ns;
		handover->late_until_ns =
			core->now.mono_ns + (wait > LATE_ANSWER_NS ? wait : LATE_ANSWER_NS);
	}
	if (!handover->frontend_answers)
		handover->passed_byte = true; /* nothing of the backend's is discarded any more */
	handover->early_ack_ns = 0;
	flow->track.flags |= HB_TRACK_ESTABLISHED;
	hb_debt_settle(core, flow);
	struct hb_service service = hb_handover_service(flow);
	hb_health_reached(&core->health, core->seed, &service);
	core->counters.handovers_done++;
	hb_life_advance(core, flow, HB_RESULT_CAUGHT_UP);
	hb_out_handover(core, flow, &handover->info, NULL);
}

/* The frontend gets what it was not given, and goes on. */
static void return_to_frontend(struct hb_core *core, struct hb_flow *flow)
{
	struct hb_handover *handover = hb_handover_of(flow);
	struct hb_replay *replay = &handover->replay;
	struct hb_track *track = &flow->track;
	handover->phase = HB_PHASE_UNDONE;
	if (handover->frontend_reset) {
		struct hb_build_tcp spec = { .seq = track->server_next, .flags = HB_TCP_RST };
		hb_out_to_client(core, flow, &spec);
		track->flags |= HB_TRACK_RESET;
		handover->owed = handover->cut;
		replay->una = handover->cut;
		replay->resend_ns = 0;
		return;
	}
	*replay = (struct hb_replay){
		.una = handover->cut,
		.nxt = handover->cut,
		.limit = hb_stream_end(&flow->record->stream),
		.window = hb_seq_distance(handover->cut, track->edge),
		.mss = (uint16_t)(core->mtu - 80),
		.rto_ns = FIRST_RTO_NS,
		.granted = track->granted,
	};
	if (replay->nxt != replay->limit)
		hb_replay_push(core, handover, HB_LEG_FRONTEND);
	else if (handover->client_fin)
		hb_debt_send_fin(core, flow, HB_LEG_FRONTEND, track->client_ack);
	else if (!(track->flags & HB_TRACK_ESTABLISHED))
		hb_debt_send_ack(core, flow, HB_LEG_FRONTEND, track->client_ack);
	track->flags |= HB_TRACK_ESTABLISHED;
	follow_released(flow);
}

static void lose_session(struct hb_core *core, struct hb_flow *flow)
{
	struct hb_build_tcp to_frontend = { .seq = hb_handover_of(flow)->cut, .flags = HB_TCP_RST };
	struct hb_build_tcp to_client = { .seq = flow->track.server_next, .flags = HB_TCP_RST };
	hb_out_to_server(core, flow, HB_LEG_FRONTEND, &to_frontend);
	if (flow->target->on_failure == HB_ON_FAILURE_RESET)
		hb_out_to_client(core, flow, &to_client);
}

/*
 * A backend that was not reached rests. One that was may have disliked this very session, and what
 * ended for another reason says nothing of it. Connections are taken whatever the client says then:
 * only where there is none may silence be about the client's words.
 */
static void note_health(struct hb_core *core, const struct hb_flow *flow)
{
	const struct hb_handover *handover = hb_handover_of(flow);
	bool reached =
		hb_flow_is_tcp(flow) ? handover->replay.connected : handover->udp_answers > 0;
	struct hb_service service = hb_handover_service(flow);
	if (reached) {
		hb_health_reached(&core->health, core->seed, &service);
		return;
	}
	if (!handover->backend_gone && !handover->backend_silent)
		return;
	core->counters.backend_failures++;
	if (handover->backend_gone || hb_flow_is_tcp(flow))
		hb_health_failed(&core->health, core->seed, &service, core->now.mono_ns);
	else
		hb_health_silent(&core->health, core->seed, &service, &flow->client,
				 core->now.mono_ns);
}

void hb_commit_undo(struct hb_core *core, struct hb_flow *flow, const char *reason)
{
	struct hb_handover *handover = hb_handover_of(flow);
	bool keeps = flow->target->on_failure == HB_ON_FAILURE_FRONTEND;
	core->counters.handovers_failed++;
	note_health(core, flow);
	handover->info.latency_us = (uint32_t)((core->now.mono_ns - handover->begin_ns) / 1000);
	hb_out_handover(core, flow, &handover->info, reason);
	if (hb_flow_is_tcp(flow) && !handover->backend_gone)
		hb_replay_reset(core, handover);
	hb_life_advance(core, flow, keeps ? HB_RESULT_UNDONE : HB_RESULT_LOST);
	if (hb_flow_is_tcp(flow)) {
		if (keeps)
			return_to_frontend(core, flow);
		else
			lose_session(core, flow);
	} else if (keeps) {
		hb_handover_udp_release(core, flow, HB_LEG_FRONTEND);
	}
	handover->early_ack_ns = 0;
	if (keeps && hb_flow_is_tcp(flow) && hb_debt_is_open(handover))
		return;
	hb_handover_retire(core, flow);
}
