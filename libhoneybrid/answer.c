/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When the backend has answered a turn: its answer has the length that the frontend's had and ended with
 * PSH, or it began and then nothing came for a while, or the time for one answer is over and nothing
 * says that it is in the midst of it (handover rule 3).
 */
#include "answer.h"

#include "handover.h"
#include "seq.h"

#define ANSWER_LIMIT_NS (2 * HB_NS_PER_S)
#define MIN_QUIET_NS (20 * HB_NS_PER_MS)
#define SHORT_QUIET_NS (100 * HB_NS_PER_MS)
#define MAX_QUIET_NS (200 * HB_NS_PER_MS)
#define STALLED_NS (1500 * HB_NS_PER_MS)
#define LOST_QUIET_NS (300 * HB_NS_PER_MS) /* a server's first retransmission has come by then */
#define FRONTEND_QUIET_NS HB_NS_PER_S
#define PATIENCE_NS HB_NS_PER_S

/* Where the frontend's answer number i ends, in its numbers: what the client had seen of it. */
static uint32_t answer_end(const struct hb_flow *flow, uint32_t i)
{
	return i < flow->record->turn_count ? flow->record->turns[i].ack : flow->track.server_next;
}

static uint32_t answer_length(const struct hb_flow *flow, uint32_t i)
{
	uint32_t start = i > 0 ? flow->record->turns[i - 1].ack : flow->track.server_isn + 1;
	return hb_seq_distance(start, answer_end(flow, i));
}

uint32_t hb_answer_count(const struct hb_handover *handover)
{
	return handover->redirect.flow->record->turn_count + (handover->frontend_answers ? 1 : 0);
}

/* How long the frontend was silent at most before answer number i was complete. */
static uint64_t frontend_silence_ns(const struct hb_flow *flow, uint32_t i)
{
	const struct hb_record *record = flow->record;
	return i > 0 && i <= record->turn_count ? record->turns[i - 1].silence_ms * HB_NS_PER_MS
						: 0;
}

/* What takes the frontend a while (a login that fails, say) may take the backend one. */
static uint64_t answer_limit_ns(const struct hb_handover *handover)
{
	uint64_t silence_ns = frontend_silence_ns(handover->redirect.flow, handover->replay.answer);
	return 2 * silence_ns > ANSWER_LIMIT_NS ? 2 * silence_ns : ANSWER_LIMIT_NS;
}

/* As long as it usually is; 0: unknown. */
static uint32_t learnt_length(const struct hb_core *core, const struct hb_handover *handover,
			      uint32_t answer)
{
	return hb_learn_length(&core->learnt, core->seed, &handover->redirect.translation.honeypot,
			       answer);
}

/*
 * How long a silence ends an answer: longer where the backend or the frontend has been slow to go on
 * before, where the backend has said less than the frontend did (an echo, say, and the command
 * still runs), and where more is to be expected, since no PSH came or its greeting is a longer one:
 * what got lost is sent again.
 */
static uint64_t quiet_ns(const struct hb_core *core, const struct hb_handover *handover)
{
	const struct hb_replay *replay = &handover->replay;
	if (!replay->answer_psh)
		return STALLED_NS;
	if (replay->answer == 0 && replay->answer_bytes < learnt_length(core, handover, 0))
		return LOST_QUIET_NS + 2 * replay->rtt_ns;
	uint64_t quiet = 4 * replay->answer_gap_ns;
	if (quiet > MAX_QUIET_NS)
		quiet = MAX_QUIET_NS;
	uint64_t frontends = 2 * frontend_silence_ns(handover->redirect.flow, replay->answer);
	if (frontends > FRONTEND_QUIET_NS)
		frontends = FRONTEND_QUIET_NS;
	if (quiet < frontends)
		quiet = frontends;
	if (quiet < 2 * replay->rtt_ns)
		quiet = 2 * replay->rtt_ns;
	uint64_t least = replay->answer_short ? SHORT_QUIET_NS : MIN_QUIET_NS;
	return quiet > least ? quiet : least;
}

/* It ended with PSH at the length of the frontend's, or at the usual one. */
static bool answer_has_end(const struct hb_core *core, const struct hb_handover *handover)
{
	const struct hb_replay *replay = &handover->replay;
	uint32_t length = answer_length(handover->redirect.flow, replay->answer);
	if (length == 0)
		return replay->answer_bytes == 0;
	return replay->answer_psh &&
	       (replay->answer_bytes == length ||
		replay->answer_bytes == learnt_length(core, handover, replay->answer));
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/*
 * It has not said anything since it was connected, where the frontend had: it looks up our name
 * first, say. Whatever it will say comes late, so it is waited for to the end, which is an undo.
 */
static bool is_not_awake(const struct hb_handover *handover)
{
	return handover->info.discarded_bytes == 0;
}

/* When the backend may have come to the end of an answer that began: since then it is silent. */
static uint64_t silent_since(const struct hb_replay *replay)
{
	return later(replay->answer_byte_ns, replay->acked_ns);
}

/* It has all that it is to answer. */
static bool was_asked(const struct hb_replay *replay)
{
	return hb_seq_at_or_after(replay->una, replay->limit);
}

/*
 * It began, nothing is missing in between, and nothing more came for a while, though the client
 * has room for it.
 */
static bool answer_went_quiet(const struct hb_core *core, const struct hb_handover *handover)
{
	const struct hb_replay *replay = &handover->replay;
	return replay->answer_bytes > 0 && replay->rcv_nxt == replay->rcv_max &&
	       !hb_handover_client_is_full(handover) &&
	       core->now.mono_ns >= silent_since(replay) + quiet_ns(core, handover);
}

/* The backend is in the midst of it: a piece got lost, or its last segment said that more comes. */
static bool answer_is_partial(const struct hb_replay *replay)
{
	return replay->rcv_nxt != replay->rcv_max ||
	       (replay->answer_bytes > 0 && !replay->answer_psh);
}

static uint64_t limit_from(const struct hb_replay *replay)
{
	return later(replay->answer_since_ns, replay->acked_ns);
}

bool hb_answer_is_complete(const struct hb_core *core, const struct hb_handover *handover)
{
	const struct hb_replay *replay = &handover->replay;
	if (!was_asked(replay))
		return false;
	if (answer_has_end(core, handover) || answer_went_quiet(core, handover))
		return true;
	return !answer_is_partial(replay) && !is_not_awake(handover) &&
	       core->now.mono_ns >= limit_from(replay) + answer_limit_ns(handover);
}

void hb_answer_learn(struct hb_core *core, struct hb_handover *handover)
{
	struct hb_replay *replay = &handover->replay;
	if (replay->answer == 0 || replay->last_answer_bytes == 0)
		return;
	hb_learn_remember(&core->learnt, core->seed, &handover->redirect.translation.honeypot,
			  replay->answer - 1, replay->last_answer_bytes);
}

uint64_t hb_answer_deadline(const struct hb_core *core, const struct hb_handover *handover)
{
	const struct hb_replay *replay = &handover->replay;
	if (!was_asked(replay))
		return UINT64_MAX;
	uint64_t deadline = limit_from(replay) + answer_limit_ns(handover);
	if (answer_is_partial(replay) || is_not_awake(handover))
		deadline = UINT64_MAX;
	bool gap = replay->rcv_nxt != replay->rcv_max || hb_handover_client_is_full(handover);
	uint64_t quiet = silent_since(replay) + quiet_ns(core, handover);
	return replay->answer_bytes > 0 && !gap && quiet < deadline ? quiet : deadline;
}

void hb_answer_next(const struct hb_core *core, struct hb_handover *handover)
{
	struct hb_replay *replay = &handover->replay;
	uint32_t length = answer_length(handover->redirect.flow, replay->answer);
	handover->info.recorded_bytes += length;
	if (length > 0)
		handover->info.turns++;
	if (length != replay->answer_bytes)
		handover->info.problems |= HB_PROBLEM_PAYLOAD;
	replay->answer++;
	replay->last_answer_bytes = replay->answer_bytes;
	replay->answer_bytes = 0;
	replay->answer_gap_ns = 0;
	replay->answer_psh = false;
	replay->answer_since_ns = core->now.mono_ns;
}

/* Written before the backend had a byte of the turn: the rest of the answer before (rule 4). */
static bool is_late(const struct hb_handover *handover, const struct hb_packet *packet)
{
	const struct hb_flow *flow = handover->redirect.flow;
	uint32_t answer = handover->replay.answer;
	uint32_t begin =
		answer > 1 ? flow->record->turns[answer - 2].end : flow->track.client_isn + 1;
	return answer > 0 && hb_seq_at_or_before(packet->ack, begin);
}

/*
 * The frontend said more to this turn, so more may come. Not for long after the trigger: many short
 * answers must not use up the time for the whole handover.
 */
static bool is_short(const struct hb_core *core, const struct hb_handover *handover)
{
	const struct hb_replay *replay = &handover->replay;
	return replay->answer < hb_answer_count(handover) &&
	       replay->answer_bytes < answer_length(handover->redirect.flow, replay->answer) &&
	       core->now.mono_ns < handover->begin_ns + PATIENCE_NS;
}

void hb_answer_take(struct hb_core *core, struct hb_handover *handover,
		    const struct hb_packet *packet, uint32_t fresh)
{
	struct hb_replay *replay = &handover->replay;
	if (is_late(handover, packet)) {
		replay->rcv_nxt += fresh;
		replay->last_answer_bytes += fresh;
		handover->info.discarded_bytes += fresh;
		return;
	}
	if (replay->answer_bytes == 0)
		hb_answer_learn(core, handover);
	uint64_t gap = core->now.mono_ns - (replay->answer_bytes > 0 ? replay->answer_byte_ns
								     : replay->answer_since_ns);
	if (gap > replay->answer_gap_ns)
		replay->answer_gap_ns = gap;
	if (is_not_awake(handover))
		replay->answer_since_ns = core->now.mono_ns; /* it is now */
	replay->rcv_nxt += fresh;
	replay->answer_bytes += fresh;
	replay->answer_byte_ns = core->now.mono_ns;
	replay->answer_psh = packet->tcp_flags & HB_TCP_PSH;
	replay->answer_short = is_short(core, handover);
	handover->info.discarded_bytes += fresh;
}
