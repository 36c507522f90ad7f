/* SPDX-License-Identifier: BSD-2-Clause */
/* When a handover must do something without a packet, and what becomes of one whose time is over. */
#include "commit.h"
#include "debt.h"
#include "handover.h"
#include "target.h"

uint64_t hb_handover_time_limit(const struct hb_flow *flow)
{
	const struct hb_options *options = &flow->target->policy->options;
	return hb_handover_of(flow)->begin_ns + options->handover_timeout_ms * HB_NS_PER_MS;
}

uint64_t hb_handover_deadline(const struct hb_core *core, const struct hb_flow *flow)
{
	if (flow->redirect == NULL)
		return UINT64_MAX;
	const struct hb_handover *handover = hb_handover_of(flow);
	uint64_t deadline = UINT64_MAX;
	if (handover->phase <= HB_PHASE_CAUGHT_UP)
		deadline = hb_handover_time_limit(flow);
	if (!hb_flow_is_tcp(flow)) {
		uint64_t answer = handover->udp_deadline_ns;
		return answer != 0 && answer < deadline ? answer : deadline;
	}
	uint64_t replay = hb_replay_deadline(core, handover);
	if (replay < deadline)
		deadline = replay;
	if (handover->early_ack_ns != 0 && handover->early_ack_ns < deadline)
		deadline = handover->early_ack_ns;
	if (handover->phase == HB_PHASE_CAUGHT_UP && handover->frontend_answers) {
		uint64_t quiet = hb_commit_quiet_at(flow);
		if (quiet > core->now.mono_ns && quiet < deadline)
			deadline = quiet;
	}
	return deadline;
}

/* Why the time is over. */
static const char *timeout_reason(const struct hb_flow *flow, char *buf, size_t size)
{
	const struct hb_handover *handover = hb_handover_of(flow);
	if (!hb_flow_is_tcp(flow) || !handover->replay.connected)
		return hb_handover_backend_reason(flow, "does not answer", buf, size);
	if (handover->phase == HB_PHASE_CAUGHT_UP)
		return flow->track.client_ack != flow->track.server_next
			       ? "the client did not acknowledge the frontend's answer in time"
			       : "the frontend did not finish its answer in time";
	return hb_handover_backend_reason(flow, "did not catch up in time", buf, size);
}

static void run_out(struct hb_core *core, struct hb_flow *flow)
{
	struct hb_handover *handover = hb_handover_of(flow);
	char reason[160];
	handover->backend_silent =
		hb_flow_is_tcp(flow) ? !handover->replay.connected : handover->udp_answers == 0;
	hb_commit_undo(core, flow, timeout_reason(flow, reason, sizeof(reason)));
}

void hb_handover_timer(struct hb_core *core, struct hb_flow *flow)
{
	struct hb_handover *handover = hb_handover_of(flow);
	uint64_t now = core->now.mono_ns;
	if (handover->phase <= HB_PHASE_CAUGHT_UP && now >= hb_handover_time_limit(flow)) {
		run_out(core, flow);
		return;
	}
	if (!hb_flow_is_tcp(flow)) {
		hb_handover_udp_timer(core, flow);
		return;
	}
	if (handover->early_ack_ns != 0 && now >= handover->early_ack_ns)
		hb_debt_incur(core, flow);
	if (handover->replay.resend_ns != 0 && now >= handover->replay.resend_ns &&
	    !hb_replay_resend(core, handover,
			      handover->phase == HB_PHASE_UNDONE ? HB_LEG_FRONTEND
								 : HB_LEG_BACKEND)) {
		if (handover->phase <= HB_PHASE_CAUGHT_UP) {
			run_out(core, flow);
			return;
		}
		hb_debt_write_off(core, flow);
		return;
	}
	if (handover->phase == HB_PHASE_REPLAY)
		hb_replay_advance(core, handover);
	hb_commit_try(core, flow);
}
