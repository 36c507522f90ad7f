/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Repeats a recorded dialogue to the backend.
 *
 * Before a turn is sent the backend must have answered the one before: answer.c says when it has.
 *
 * The client's numbers are the same on both legs, so what is sent is the record as it is. The peer
 * is on a local network: its window is the only limit to what is on its way at once.
 */
#include "replay.h"

#include "answer.h"
#include "broken.h"
#include "handover.h"
#include "out.h"
#include "seq.h"
#include "tcpopt.h"

#define SYN_RTO_NS (200 * HB_NS_PER_MS)
#define MIN_RTO_NS (200 * HB_NS_PER_MS)
#define MAX_RTO_NS (2 * HB_NS_PER_S)
#define RESENDS_MAX 12

static struct hb_build_tcp segment(const struct hb_handover *handover, uint32_t seq, uint8_t flags)
{
	const struct hb_track *track = &handover->redirect.flow->track;
	const struct hb_replay *replay = &handover->replay;
	bool undone = handover->phase == HB_PHASE_UNDONE;
	uint32_t ack = undone ? track->client_ack : replay->rcv_nxt;
	if (handover->phase == HB_PHASE_COMMITTED)
		ack = hb_seq_max(ack,
				 track->client_ack - handover->redirect.translation.seq_difference);
	bool scaled = undone || (replay->granted & HB_TCPOPT_WSCALE);
	struct hb_build_tcp spec = {
		.seq = seq,
		.ack = ack,
		.flags = flags | HB_TCP_ACK,
		.window = hb_translate_window(hb_track_client_window_bytes(track),
					      scaled ? track->client_wscale : 0),
	};
	if ((undone ? track->granted : replay->granted) & HB_TCPOPT_TIMESTAMP) {
		spec.options.present = HB_TCPOPT_TIMESTAMP;
		spec.options.tsval = track->client_ts;
		spec.options.tsecr = undone ? track->server_ts : replay->ts;
	}
	return spec;
}

static void send_syn(struct hb_core *core, struct hb_handover *handover)
{
	const struct hb_track *track = &handover->redirect.flow->track;
	struct hb_build_tcp spec = {
		.seq = track->client_isn,
		.flags = HB_TCP_SYN,
		.window = hb_translate_window(hb_track_client_window_bytes(track), 0),
		.options = { .present = handover->replay.offered,
			     .wscale = track->client_wscale,
			     .mss = track->client_mss,
			     .tsval = track->client_ts },
	};
	/*
	 * Each of its segments will get a timestamp on its way to the client: keep room for it, on
	 * the link too, where the client takes more than that carries.
	 */
	if ((track->granted & ~handover->replay.offered) & HB_TCPOPT_TIMESTAMP) {
		uint16_t fits =
			(uint16_t)(core->mtu - hb_flow_header_bytes(handover->redirect.flow) -
				   HB_TCPOPT_TIMESTAMP_BYTES);
		spec.options.mss = hb_track_client_payload(track);
		if (spec.options.mss > fits)
			spec.options.mss = fits;
	}
	if (spec.options.mss != 0)
		spec.options.present |= HB_TCPOPT_MSS;
	if (track->flags & HB_TRACK_ECN)
		spec.flags |= HB_TCP_ECE | HB_TCP_CWR;
	hb_out_to_server(core, handover->redirect.flow, HB_LEG_BACKEND, &spec);
}

static bool refuses_timestamps(const struct hb_core *core, const struct hb_handover *handover)
{
	return hb_learn_refuses(&core->learnt, core->seed,
				&handover->redirect.translation.honeypot);
}

void hb_replay_connect(struct hb_core *core, struct hb_handover *handover)
{
	struct hb_replay *replay = &handover->replay;
	uint32_t isn = handover->redirect.flow->track.client_isn;
	uint8_t offered = handover->redirect.flow->track.granted &
			  (HB_TCPOPT_WSCALE | HB_TCPOPT_SACK_OK | HB_TCPOPT_TIMESTAMP);
	if (refuses_timestamps(core, handover))
		offered &= (uint8_t)~HB_TCPOPT_TIMESTAMP;
	*replay = (struct hb_replay){
		.offered = offered,
		.una = isn,
		.nxt = isn + 1,
		.limit = isn + 1,
		.rto_ns = SYN_RTO_NS,
		.sent_ns = core->now.mono_ns,
		.resend_ns = core->now.mono_ns + SYN_RTO_NS,
		.ttl = 64,
	};
	send_syn(core, handover);
}

void hb_replay_ack(struct hb_core *core, struct hb_handover *handover)
{
	struct hb_build_tcp spec = segment(handover, handover->replay.nxt, 0);
	hb_out_to_server(core, handover->redirect.flow, HB_LEG_BACKEND, &spec);
}

void hb_replay_reset(struct hb_core *core, struct hb_handover *handover)
{
	struct hb_build_tcp spec = { .seq = handover->replay.nxt, .flags = HB_TCP_RST };
	hb_out_to_server(core, handover->redirect.flow, HB_LEG_BACKEND, &spec);
}

static void send_segment(struct hb_core *core, struct hb_handover *handover, enum hb_leg leg,
			 uint32_t seq, uint32_t len)
{
	const struct hb_record *record = handover->redirect.flow->record;
	const struct hb_stream *stream = &record->stream;
	uint32_t mark;
	bool last = seq + len == handover->replay.limit;
	struct hb_build_tcp spec = segment(handover, seq, last ? HB_TCP_PSH : 0);
	size_t there;
	spec.payload = hb_stream_at(stream, seq, &there);
	spec.payload_len = len;
	if (hb_broken(there < len)) {
		core->counters.broken++;
		return;
	}
	if (handover->client_fin && handover->phase >= HB_PHASE_COMMITTED && last &&
	    seq + len == hb_stream_end(stream))
		spec.flags |= HB_TCP_FIN;
	/* The last segment tells of a byte that is yet to come, as the client's did. */
	uint32_t told = seq + len == hb_stream_end(stream) ? seq + UINT16_MAX : seq + len;
	if (hb_record_find_urgent(record, seq, told, &mark)) {
		spec.flags |= HB_TCP_URG;
		spec.urgent = (uint16_t)(hb_seq_distance(seq, mark) + 1);
	}
	hb_out_to_server(core, handover->redirect.flow, leg, &spec);
}

void hb_replay_push(struct hb_core *core, struct hb_handover *handover, enum hb_leg leg)
{
	struct hb_replay *replay = &handover->replay;
	const struct hb_record *record = handover->redirect.flow->record;
	if (record == NULL || replay->mss == 0)
		return;
	uint32_t until = hb_seq_min(replay->limit, replay->una + replay->window);
	while (hb_seq_before(replay->nxt, until)) {
		uint32_t len = hb_seq_distance(replay->nxt, until);
		if (len > replay->mss)
			len = replay->mss;
		/* An urgent pointer tells of one byte: the next segment begins behind it. */
		uint32_t mark;
		if (hb_record_find_urgent(record, replay->nxt, replay->nxt + len, &mark))
			len = hb_seq_distance(replay->nxt, mark) + 1;
		send_segment(core, handover, leg, replay->nxt, len);
		replay->nxt += len;
	}
	if (replay->resend_ns == 0 && hb_seq_before(replay->una, replay->limit))
		replay->resend_ns = core->now.mono_ns + replay->rto_ns;
}

void hb_replay_narrow(struct hb_core *core, struct hb_handover *handover, enum hb_leg leg,
		      uint32_t seq, uint16_t mss)
{
	struct hb_replay *replay = &handover->replay;
	const struct hb_flow *flow = handover->redirect.flow;
	const struct hb_track *track = &flow->track;
	bool undone = handover->phase == HB_PHASE_UNDONE;
	uint16_t each = hb_tcpopt_payload(mss, undone ? track->granted : replay->granted);
	if ((leg != HB_LEG_BACKEND) != undone || each >= replay->mss)
		return;
	/* About nothing that is under way (RFC 5927, 4.1): it is not believed. */
	bool ours = flow->record != NULL && hb_seq_at_or_after(seq, replay->una) &&
		    hb_seq_before(seq, replay->nxt);
	bool clients = handover->phase == HB_PHASE_COMMITTED &&
		       hb_seq_at_or_after(seq, track->server_ack) &&
		       hb_seq_before(seq, track->client_next);
	if (!ours && !clients)
		return;
	replay->mss = each;
	if (!ours)
		return;
	replay->nxt = replay->una;
	handover->info.retransmissions++;
	hb_replay_push(core, handover, leg);
}

bool hb_replay_resend(struct hb_core *core, struct hb_handover *handover, enum hb_leg leg)
{
	struct hb_replay *replay = &handover->replay;
	if (++replay->tries > RESENDS_MAX)
		return false;
	handover->info.retransmissions++;
	replay->rto_ns *= 2;
	if (replay->rto_ns > MAX_RTO_NS)
		replay->rto_ns = MAX_RTO_NS;
	replay->resend_ns = core->now.mono_ns + replay->rto_ns;
	if (leg == HB_LEG_BACKEND && !replay->connected) {
		send_syn(core, handover);
		return true;
	}
	if (replay->una == replay->limit && !replay->heard) {
		hb_replay_ack(core, handover);
		return true;
	}
	replay->nxt = replay->una;
	uint32_t window = replay->window;
	if (replay->window == 0)
		replay->window = 1; /* a zero-window probe */
	hb_replay_push(core, handover, leg);
	replay->window = window;
	return true;
}

void hb_replay_acknowledged(struct hb_core *core, struct hb_handover *handover,
			    const struct hb_packet *packet)
{
	struct hb_replay *replay = &handover->replay;
	enum hb_leg leg = handover->phase == HB_PHASE_UNDONE ? HB_LEG_FRONTEND : HB_LEG_BACKEND;
	if (!(packet->tcp_flags & HB_TCP_ACK))
		return;
	uint8_t shift = leg == HB_LEG_BACKEND ? replay->shift
					      : handover->redirect.flow->track.server_wscale;
	replay->window = (uint32_t)packet->window << shift;
	if (replay->window == 0)
		replay->tries = 0; /* it lives, and may keep us waiting for as long as it likes */
	uint32_t sent = hb_seq_max(replay->nxt, replay->limit);
	if (handover->client_fin && handover->phase >= HB_PHASE_COMMITTED)
		sent++; /* the FIN behind it */
	/* After that the client may have sent more. */
	bool advances =
		hb_seq_after(packet->ack, replay->una) &&
		(hb_seq_at_or_before(packet->ack, sent) || handover->phase >= HB_PHASE_COMMITTED);
	if (advances) {
		replay->una = packet->ack;
		replay->nxt = hb_seq_max(replay->nxt, replay->una);
		replay->dup_acks = 0;
		replay->tries = 0;
		replay->rto_ns = MIN_RTO_NS + replay->rtt_ns;
		replay->resend_ns = 0;
		replay->acked_ns = core->now.mono_ns;
	} else if (packet->ack == replay->una && packet->payload_len == 0 &&
		   hb_seq_before(replay->una, replay->nxt) && ++replay->dup_acks == 3) {
		replay->nxt = replay->una;
		handover->info.retransmissions++;
	}
	hb_replay_push(core, handover, leg);
}

bool hb_replay_done(const struct hb_handover *handover)
{
	return handover->replay.connected && handover->replay.answer >= hb_answer_count(handover) &&
	       hb_seq_at_or_after(handover->replay.una, handover->cut);
}

void hb_replay_advance(struct hb_core *core, struct hb_handover *handover)
{
	struct hb_replay *replay = &handover->replay;
	const struct hb_record *record = handover->redirect.flow->record;
	while (replay->connected && replay->answer < hb_answer_count(handover) &&
	       hb_answer_is_complete(core, handover)) {
		if (replay->answer < record->turn_count)
			replay->limit = record->turns[replay->answer].end;
		hb_answer_next(core, handover);
	}
	hb_replay_push(core, handover, HB_LEG_BACKEND);
}

static uint16_t payload_mss(const struct hb_core *core, const struct hb_flow *flow,
			    const struct hb_replay *replay, const struct hb_packet *packet)
{
	uint16_t mss = packet->options.present & HB_TCPOPT_MSS ? packet->options.mss : 0;
	uint16_t taken = hb_tcpopt_payload(mss, replay->granted);
	uint16_t fits = hb_tcpopt_payload((uint16_t)(core->mtu - hb_flow_header_bytes(flow)),
					  replay->granted);
	return taken < fits ? taken : fits;
}

/*
 * It refuses timestamps, which the client goes on to send and to expect. Its segments must leave
 * room for those that we shall add: another connection, with a smaller MSS (handover rule 16).
 */
static void connect_without_timestamps(struct hb_core *core, struct hb_handover *handover,
				       uint32_t declined_isn)
{
	hb_learn_refusal(&core->learnt, core->seed, &handover->redirect.translation.honeypot);
	hb_replay_reset(core, handover);
	hb_replay_connect(core, handover);
	handover->replay.declined = true;
	handover->replay.declined_isn = declined_isn;
}

static void syn_ack(struct hb_core *core, struct hb_handover *handover,
		    const struct hb_packet *packet)
{
	struct hb_replay *replay = &handover->replay;
	const struct hb_track *track = &handover->redirect.flow->track;
	replay->granted = replay->offered & packet->options.present;
	if ((packet->options.present & ~replay->offered) & HB_TCPOPT_TIMESTAMP)
		handover->info.problems |= HB_PROBLEM_TIMESTAMP_UNEXPECTED;
	if ((track->granted & ~replay->offered) & HB_TCPOPT_TIMESTAMP)
		handover->info.problems |= HB_PROBLEM_TIMESTAMP_MISSING;
	replay->refuses_ecn = (track->flags & HB_TRACK_ECN) && !(packet->tcp_flags & HB_TCP_ECE);
	replay->connected = true;
	replay->una = packet->ack;
	replay->rcv_nxt = packet->seq + 1;
	replay->rcv_max = replay->rcv_nxt;
	replay->ts = packet->options.tsval;
	replay->ttl = packet->ttl;
	replay->shift = replay->granted & HB_TCPOPT_WSCALE ? packet->options.wscale : 0;
	replay->window = packet->window; /* not scaled in a SYN */
	replay->mss = payload_mss(core, handover->redirect.flow, replay, packet);
	if (replay->tries == 0)
		replay->rtt_ns = core->now.mono_ns - replay->sent_ns;
	replay->rto_ns = MIN_RTO_NS + replay->rtt_ns;
	replay->resend_ns = 0;
	replay->tries = 0;
	replay->answer_since_ns = core->now.mono_ns;
}

/* SYN-SENT (RFC 9293, 3.10.7.3). */
static enum hb_replay_result input_connecting(struct hb_core *core, struct hb_handover *handover,
					      const struct hb_packet *packet)
{
	bool acknowledges = (packet->tcp_flags & HB_TCP_ACK) && packet->ack == handover->replay.nxt;
	if (packet->tcp_flags & HB_TCP_RST)
		return acknowledges ? HB_REPLAY_REFUSED : HB_REPLAY_GOES_ON;
	if ((packet->tcp_flags & HB_TCP_ACK) && !acknowledges) {
		/* The backend still knows an old connection from this port. */
		handover->info.problems |= HB_PROBLEM_ACK;
		hb_out_reset_reply(core, packet, &handover->redirect.translation.way);
		send_syn(core, handover);
		return HB_REPLAY_GOES_ON;
	}
	if (!(packet->tcp_flags & HB_TCP_SYN) || !acknowledges)
		return HB_REPLAY_GOES_ON;
	if (handover->replay.declined && packet->seq == handover->replay.declined_isn)
		return HB_REPLAY_GOES_ON;
	if ((handover->replay.offered & ~packet->options.present) & HB_TCPOPT_TIMESTAMP) {
		connect_without_timestamps(core, handover, packet->seq);
		return HB_REPLAY_GOES_ON;
	}
	syn_ack(core, handover, packet);
	uint32_t before = handover->replay.nxt;
	hb_replay_advance(core, handover);
	if (handover->replay.nxt == before && !hb_replay_done(handover)) {
		/* A server speaks when it has got this: as long as none is heard it may be lost. */
		hb_replay_ack(core, handover);
		handover->replay.resend_ns = core->now.mono_ns + handover->replay.rto_ns;
	}
	return HB_REPLAY_GOES_ON;
}

static void input_data(struct hb_core *core, struct hb_handover *handover,
		       const struct hb_packet *packet)
{
	struct hb_replay *replay = &handover->replay;
	uint32_t end = packet->seq + (uint32_t)packet->payload_len;
	bool fresh = hb_seq_at_or_before(packet->seq, replay->rcv_nxt) &&
		     hb_seq_after(end, replay->rcv_nxt);
	bool discards =
		replay->answer < hb_answer_count(handover) ||
		(handover->frontend_answers && hb_seq_at_or_before(packet->ack, handover->cut));
	if (!discards) {
		/* The client's: kept, and not acknowledged before the client does it. */
		if (handover->kept.len == 0) {
			hb_stream_init(&handover->kept, replay->rcv_nxt);
			hb_answer_learn(core, handover);
		}
		uint32_t kept_end = hb_stream_end(&handover->kept);
		if (hb_seq_at_or_before(packet->seq, kept_end) && hb_seq_after(end, kept_end)) {
			uint32_t known = hb_seq_distance(packet->seq, kept_end);
			hb_stream_append(&handover->kept,
					 hb_core_budget(core, handover->redirect.flow),
					 packet->data + packet->payload_offset + known,
					 packet->payload_len - known);
		}
		return;
	}
	uint32_t before = replay->nxt;
	replay->rcv_max = hb_seq_max(replay->rcv_max, end);
	if (hb_seq_after(packet->seq, replay->rcv_nxt))
		handover->info.problems |= HB_PROBLEM_SEQ;
	if (fresh) {
		hb_answer_take(core, handover, packet, hb_seq_distance(replay->rcv_nxt, end));
		hb_replay_advance(core, handover);
	}
	if (replay->nxt == before)
		hb_replay_ack(core, handover);
}

/* The handshake has ended for the backend, too. */
static void hear(struct hb_replay *replay)
{
	if (!replay->heard && replay->una == replay->limit) {
		replay->resend_ns = 0;
		replay->tries = 0;
		replay->rto_ns = MIN_RTO_NS + replay->rtt_ns;
	}
	replay->heard = true;
}

static void follow_timestamp(struct hb_handover *handover, const struct hb_packet *packet)
{
	struct hb_replay *replay = &handover->replay;
	if (!(packet->options.present & HB_TCPOPT_TIMESTAMP) ||
	    hb_seq_after(packet->seq, replay->rcv_nxt))
		return;
	if (hb_seq_at_or_after(packet->options.tsval, replay->ts))
		replay->ts = packet->options.tsval;
	else if (packet->seq == replay->rcv_nxt && packet->payload_len > 0)
		handover->info.problems |= HB_PROBLEM_TIMESTAMP_STEP;
}

enum hb_replay_result hb_replay_input(struct hb_core *core, struct hb_handover *handover,
				      const struct hb_packet *packet)
{
	struct hb_replay *replay = &handover->replay;
	if (!replay->connected)
		return input_connecting(core, handover, packet);
	if (packet->tcp_flags & HB_TCP_RST)
		return packet->seq == replay->rcv_nxt ||
				       (handover->kept.len > 0 &&
					packet->seq == hb_stream_end(&handover->kept))
			       ? HB_REPLAY_RESET
			       : HB_REPLAY_GOES_ON;
	follow_timestamp(handover, packet);
	if (packet->tcp_flags & HB_TCP_SYN) {
		hb_replay_ack(core, handover); /* our ACK of its SYN-ACK was lost */
		return HB_REPLAY_GOES_ON;
	}
	hb_iplook_follow(&replay->look, packet, 1);
	hear(replay);
	uint32_t una = replay->una;
	hb_replay_acknowledged(core, handover, packet);
	if (packet->payload_len > 0)
		input_data(core, handover, packet);
	replay->rcv_max = hb_seq_max(replay->rcv_max, packet->seq); /* what is before it got lost */
	if (packet->payload_len == 0 && hb_seq_before(packet->seq, replay->rcv_nxt) &&
	    !(packet->tcp_flags & HB_TCP_FIN))
		hb_replay_ack(core, handover); /* it asks whether we live, or for our window */
	if (replay->una != una)
		hb_replay_advance(core, handover); /* where no answer is awaited */
	bool at_end = packet->seq + (uint32_t)packet->payload_len == replay->rcv_nxt;
	bool discards = replay->answer < hb_answer_count(handover);
	if ((packet->tcp_flags & HB_TCP_FIN) && at_end && (discards || handover->frontend_answers))
		return HB_REPLAY_CLOSED;
	return HB_REPLAY_GOES_ON;
}

uint64_t hb_replay_deadline(const struct hb_core *core, const struct hb_handover *handover)
{
	const struct hb_replay *replay = &handover->replay;
	uint64_t deadline = replay->resend_ns ? replay->resend_ns : UINT64_MAX;
	if (handover->phase != HB_PHASE_REPLAY || !replay->connected ||
	    replay->answer >= hb_answer_count(handover))
		return deadline;
	uint64_t answer = hb_answer_deadline(core, handover);
	return answer < deadline ? answer : deadline;
}
