/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moves a live session from the frontend to a backend, or leaves it as it was.
 *
 * Until commit the frontend's connection is alive: it has not seen a client byte from the trigger
 * packet P on (cut), and got no RST. So undo is to give it what we hold, and to pay our debt.
 *
 *   begin   copy P, verdict drop; SYN to the backend with the client's ISN          -> REPLAY
 *   turns   replay.c speaks as the client, acknowledges and discards the answers
 *   timers  handover_timer.c: repeats, the early ACK, the time limit
 *   commit  commit.c: difference = frontend's next - keep; frontend reset; P onwards -> FORWARD
 *   undo    commit.c: backend reset; P to the frontend; the event says why          -> PROXY
 *
 * handover.md beside this file has the rules that comments cite by number.
 *
 * Invariants: commit happens once. The client's sequence numbers are the same on both legs. A byte
 * acknowledged to the client is ours until a honeypot acknowledged it (debt.c). The RST has the
 * number that the frontend expects (RFC 5961, 3.2). The bytes from cut on follow the replayed ones
 * in the flow's record, so there is one stream to send from.
 */
#include "handover.h"

#include "commit.h"
#include "copies.h"
#include "debt.h"
#include "life.h"
#include "out.h"
#include "reset.h"
#include "seq.h"
#include "state.h"
#include "target.h"
#include "way.h"

#include <stdio.h>
#include <stdlib.h>

#define EARLY_ACK_NS (200 * HB_NS_PER_MS)
#define PORT_TRIES 64
#define FIRST_FREE_PORT 1024

void hb_handover_free(struct hb_core *core, struct hb_flow *flow)
{
	if (flow->redirect == NULL)
		return;
	struct hb_handover *handover = hb_handover_of(flow);
	hb_flowtable_remove(&core->table, &handover->redirect.node);
	hb_stream_fini(&handover->kept, hb_core_budget(core, flow));
	hb_handover_udp_forget(core, handover);
	flow->redirect = NULL;
	free(handover);
}

void hb_handover_retire(struct hb_core *core, struct hb_flow *flow)
{
	struct hb_handover *handover = hb_handover_of(flow);
	handover->phase = HB_PHASE_UNDONE;
	handover->owed = handover->cut;
	handover->early_ack_ns = 0;
	handover->udp_deadline_ns = 0;
	handover->replay = (struct hb_replay){ .una = handover->cut, .nxt = handover->cut };
	hb_stream_fini(&handover->kept, hb_core_budget(core, flow));
	hb_handover_udp_forget(core, handover);
	hb_record_free(flow->record, hb_core_budget(core, flow));
	flow->record = NULL;
}

void hb_handover_superseded(struct hb_core *core, const struct hb_flow *flow)
{
	if (flow->redirect == NULL || !hb_flow_is_tcp(flow))
		return;
	const struct hb_handover *handover = hb_handover_of(flow);
	struct hb_build_tcp spec = { .seq = handover->cut, .flags = HB_TCP_RST };
	if (handover->phase == HB_PHASE_COMMITTED && !handover->frontend_reset)
		hb_out_to_server(core, flow, HB_LEG_FRONTEND, &spec);
}

void hb_handover_decline(struct hb_core *core, struct hb_flow *flow, const char *reason)
{
	core->counters.handovers_declined++;
	hb_record_free(flow->record, hb_core_budget(core, flow));
	flow->record = NULL;
	hb_out_handover(core, flow, NULL, reason);
	hb_life_advance(core, flow, HB_RESULT_DECLINED);
}

/* Dry run: the flow stays where it is, and its trace says who would have got it. */
static void suppose(struct hb_core *core, struct hb_flow *flow, unsigned backend_number)
{
	flow->picked = (uint16_t)backend_number;
	flow->flags |= HB_FLOW_SUPPOSED;
	hb_record_free(flow->record, hb_core_budget(core, flow));
	flow->record = NULL;
	hb_life_advance(core, flow, HB_RESULT_DECLINED);
}

/* Why this session cannot be handed over at all; NULL if it can. */
static const char *obstacle(const struct hb_flow *flow)
{
	const struct hb_track *track = &flow->track;
	if (flow->record != NULL && flow->record->given_up)
		return "the recording was given up at a limit";
	if (!hb_flow_is_tcp(flow))
		return NULL;
	if (flow->record != NULL && flow->record->stream.base != track->client_isn + 1)
		return "the session began in an unusual way";
	if (track->granted & HB_TCPOPT_FOREIGN)
		return "the frontend granted a TCP option that cannot be handed over";
	if (track->flags & HB_TRACK_RESET)
		return "the session was reset";
	if (track->flags & HB_TRACK_CLIENT_FIN)
		return "the client had closed its side";
	if (track->flags & HB_TRACK_SERVER_FIN)
		return "the frontend had closed its side";
	return NULL;
}

/*
 * Enters the backend leg. Two flows never share one: where another session of the client already
 * uses its port towards this backend, this one gets another port (handover rule 20).
 */
static bool enter_leg(struct hb_core *core, struct hb_flow *flow)
{
	struct hb_handover *handover = hb_handover_of(flow);
	struct hb_translation *translation = &handover->redirect.translation;
	for (unsigned i = 0; i < PORT_TRIES; i++) {
		struct hb_leg_key key = hb_flow_leg(flow, HB_LEG_BACKEND);
		if (hb_flowtable_insert(&core->table, &handover->redirect.node, HB_LEG_BACKEND,
					&key))
			return true;
		uint32_t step = (uint32_t)(core->counters.packets * 7919 + i);
		translation->client_port =
			(uint16_t)(FIRST_FREE_PORT + step % (UINT16_MAX - FIRST_FREE_PORT));
	}
	return false;
}

/* True if the frontend has given a byte of its answer to the last turn (handover rule 2). */
static bool frontend_has_begun(const struct hb_flow *flow)
{
	const struct hb_record *record = flow->record;
	uint32_t seen = record->turn_count > 0 ? record->turns[record->turn_count - 1].ack
					       : flow->track.server_isn + 1;
	return hb_seq_after(flow->track.server_next, seen);
}

static bool prepare(struct hb_core *core, struct hb_flow *flow, unsigned backend_number)
{
	struct hb_handover *handover = calloc(1, sizeof(*handover));
	if (handover == NULL)
		return false;
	const struct hb_backend *backend = &flow->target->backends[backend_number - 1];
	flow->redirect = &handover->redirect;
	handover->redirect.flow = flow;
	handover->redirect.backend_number = backend_number;
	handover->begin_ns = core->now.mono_ns;
	handover->held_last = &handover->held_first;
	handover->cut = flow->track.client_next;
	handover->owed = handover->cut;
	handover->redirect.translation.honeypot = backend->endpoint;
	handover->redirect.translation.way = backend->way;
	handover->redirect.translation.client_port = flow->leg_port;
	if (backend->endpoint.port == 0)
		handover->redirect.translation.honeypot.port = flow->attacked_port;
	if (flow->record == NULL)
		flow->record = hb_record_new(hb_core_budget(core, flow),
					     hb_flow_is_tcp(flow) ? handover->cut : 0);
	if (flow->record != NULL)
		hb_record_window(flow->record, hb_track_client_window_bytes(&flow->track));
	if (flow->record == NULL || !enter_leg(core, flow)) {
		hb_handover_free(core, flow);
		return false;
	}
	return true;
}

/* A segment for the frontend in the client's name, with the ACK of a packet of the client's. */
static struct hb_build_tcp frontend_segment(const struct hb_flow *flow,
					    const struct hb_packet *packet, uint32_t seq)
{
	struct hb_build_tcp spec = {
		.seq = seq,
		.ack = flow->track.client_ack,
		.flags = HB_TCP_ACK,
		.window = packet->window,
	};
	if (flow->track.granted & HB_TCPOPT_TIMESTAMP) {
		spec.options.present = HB_TCPOPT_TIMESTAMP;
		spec.options.tsval = flow->track.client_ts;
		spec.options.tsecr = packet->options.present & HB_TCPOPT_TIMESTAMP
					     ? packet->options.tsecr
					     : flow->track.server_ts;
	}
	return spec;
}

/* What the frontend may know of a packet that is held: how far the client acknowledges. */
static void pass_bare_ack(struct hb_core *core, const struct hb_flow *flow,
			  const struct hb_packet *packet)
{
	struct hb_build_tcp spec = frontend_segment(flow, packet, hb_handover_of(flow)->cut);
	hb_out_to_server(core, flow, HB_LEG_FRONTEND, &spec);
}

/*
 * Follows the ACK and the window of a held packet, and tells the frontend if they are news and it
 * may know.
 */
static void follow_held_ack(struct hb_core *core, struct hb_flow *flow,
			    const struct hb_packet *packet)
{
	uint32_t before = flow->track.client_ack;
	uint16_t window = flow->track.client_window;
	hb_track_client_ack(&flow->track, packet);
	if (flow->track.client_ack != before)
		hb_handover_of(flow)->frontend_byte_ns = core->now.mono_ns;
	bool news = flow->track.client_ack != before || flow->track.client_window > window;
	if (news && (flow->track.flags & HB_TRACK_ESTABLISHED))
		pass_bare_ack(core, flow, packet);
}

/*
 * Takes payload from cut on; what lies outside of the window that the client was shown, leaves a
 * hole or finds no room is not ours: the client sends it again.
 */
static void hold(struct hb_core *core, struct hb_flow *flow, const struct hb_packet *packet)
{
	struct hb_handover *handover = hb_handover_of(flow);
	struct hb_stream *stream = &flow->record->stream;
	uint32_t held_end = hb_stream_end(stream);
	uint32_t end = packet->seq + (uint32_t)packet->payload_len;
	uint32_t usable = hb_seq_min(end, hb_seq_max(flow->track.edge, handover->cut));
	if (packet->tcp_flags & HB_TCP_URG)
		hb_record_urgent(flow->record, packet->seq, packet->urgent);
	if (!handover->client_fin && hb_seq_at_or_before(packet->seq, held_end) &&
	    hb_seq_after(usable, held_end)) {
		uint32_t known = hb_seq_distance(packet->seq, held_end);
		hb_stream_append(stream, hb_core_budget(core, flow),
				 packet->data + packet->payload_offset + known,
				 hb_seq_distance(held_end, usable));
		hb_record_join_early(flow->record, hb_core_budget(core, flow));
		if (handover->early_ack_ns == 0)
			handover->early_ack_ns = core->now.mono_ns + EARLY_ACK_NS;
	}
	bool fin = (packet->tcp_flags & HB_TCP_FIN) && end == hb_stream_end(stream);
	/* One that came before the bytes ahead of it passed already, but nobody repeats it now. */
	bool early = flow->record->fin_early && flow->record->fin_at == hb_stream_end(stream);
	if (fin || early)
		handover->client_fin = true;
}

static bool carries_from_cut(const struct hb_handover *handover, const struct hb_packet *packet)
{
	uint32_t end = packet->seq + hb_track_segment_len(packet);
	return !(packet->tcp_flags & HB_TCP_SYN) && hb_track_segment_len(packet) > 0 &&
	       hb_seq_after(end, handover->cut);
}

static enum hb_verdict pass_to_frontend(struct hb_flow *flow, struct hb_datagram *dgram,
					const struct hb_packet *packet)
{
	struct hb_translation translation = hb_translate_frontend(flow);
	struct hb_edit edit;
	hb_edit_begin(&edit, dgram, packet);
	hb_translate_to_honeypot(&edit, flow, &translation);
	if (hb_flow_is_tcp(flow))
		hb_copies_unify(flow->record, &edit);
	/* A bare ACK may have a number behind what is held: the frontend knows nothing of that. */
	if (flow->redirect != NULL && packet->has_l4 && hb_flow_is_tcp(flow) &&
	    hb_seq_after(packet->seq, hb_handover_of(flow)->cut)) {
		hb_edit_seq(&edit, hb_handover_of(flow)->cut);
		/* Nor of its clock: what is held has an older one, and may follow (rule 11). */
		if (packet->options.timestamp_offset != 0)
			hb_edit_u32(&edit, packet->options.timestamp_offset + 2u,
				    flow->track.client_ts);
	}
	return hb_edit_finish(&edit);
}

static enum hb_verdict begin_tcp(struct hb_core *core, struct hb_flow *flow,
				 struct hb_datagram *dgram, const struct hb_packet *packet)
{
	struct hb_handover *handover = hb_handover_of(flow);
	handover->frontend_answers = frontend_has_begun(flow);
	handover->frontend_byte_ns = core->now.mono_ns;
	handover->frontend_max = flow->track.server_next;
	/* A client that speaks when it has seen all there is has had its answer. */
	handover->frontend_busy =
		!carries_from_cut(handover, packet) || packet->ack != flow->track.server_next;
	enum hb_verdict verdict = HB_DROP;
	if (carries_from_cut(handover, packet)) {
		hold(core, flow, packet);
		follow_held_ack(core, flow, packet);
	} else {
		handover->trigger_empty = true;
		uint32_t acked = flow->track.client_ack;
		bool established = flow->track.flags & HB_TRACK_ESTABLISHED;
		hb_track_client_ack(&flow->track, packet);
		/* The ACK that ends the handshake stays here: the frontend serves nobody then. */
		if (established || flow->track.client_ack == acked)
			verdict = pass_to_frontend(flow, dgram, packet);
	}
	hb_record_join_early(flow->record, hb_core_budget(core, flow));
	hb_replay_connect(core, handover);
	return verdict;
}

struct hb_service hb_handover_service(const struct hb_flow *flow)
{
	const struct hb_translation *translation = &flow->redirect->translation;
	return (struct hb_service){ translation->honeypot, flow->protocol,
				    translation->way.interface };
}

bool hb_handover_begin(struct hb_core *core, struct hb_flow *flow, struct hb_datagram *dgram,
		       const struct hb_packet *packet, unsigned backend_number,
		       enum hb_verdict *verdict)
{
	const char *reason = obstacle(flow);
	if (reason == NULL && core->dry_run) {
		suppose(core, flow, backend_number);
		return false;
	}
	if (reason == NULL && !prepare(core, flow, backend_number))
		reason = "no memory or no free port towards the backend";
	if (reason == NULL && !hb_flow_is_tcp(flow) &&
	    !hb_handover_udp_hold(core, hb_handover_of(flow), packet)) {
		hb_handover_free(core, flow);
		reason = "no room for the datagram that decided";
	}
	if (reason != NULL) {
		hb_handover_decline(core, flow, reason);
		return false;
	}
	core->counters.handovers_started++;
	struct hb_service service = hb_handover_service(flow);
	hb_health_try(&core->health, core->seed, &service, core->now.mono_ns,
		      hb_handover_time_limit(flow));
	hb_life_advance(core, flow, HB_RESULT_ACCEPT);
	if (hb_flow_is_tcp(flow)) {
		*verdict = begin_tcp(core, flow, dgram, packet);
	} else {
		/* The frontend's answer to it stays with us. */
		bool must_pass = dgram->tracked && flow->client_packets == 1;
		hb_handover_udp_start(core, flow);
		*verdict = must_pass ? pass_to_frontend(flow, dgram, packet) : HB_DROP;
	}
	return true;
}

/* A repeat that starts below cut and reaches beyond: the frontend gets its part from the record. */
static void repeat_below_cut(struct hb_core *core, struct hb_flow *flow,
			     const struct hb_packet *packet)
{
	struct hb_handover *handover = hb_handover_of(flow);
	size_t there;
	const uint8_t *bytes = hb_stream_at(&flow->record->stream, packet->seq, &there);
	uint32_t len = hb_seq_distance(packet->seq, handover->cut);
	uint16_t fits = (uint16_t)(core->mtu - 80);
	if (bytes == NULL || hb_seq_at_or_after(flow->track.server_ack, handover->cut) ||
	    len > fits)
		return;
	struct hb_build_tcp spec = frontend_segment(flow, packet, packet->seq);
	spec.flags |= HB_TCP_PSH;
	spec.payload = bytes;
	spec.payload_len = len;
	hb_out_to_server(core, flow, HB_LEG_FRONTEND, &spec);
}

/* A packet of the client's that the frontend would accept, and that is no RST. */
static enum hb_verdict client_packet(struct hb_core *core, struct hb_flow *flow,
				     struct hb_datagram *dgram, const struct hb_packet *packet)
{
	struct hb_handover *handover = hb_handover_of(flow);
	bool established = flow->track.flags & HB_TRACK_ESTABLISHED;
	if ((!established || hb_debt_is_open(handover)) && hb_debt_is_question(flow, packet)) {
		/* The frontend would say what the client must not see, or nothing (rule 24). */
		follow_held_ack(core, flow, packet);
		hb_debt_acknowledge(core, flow);
		return HB_DROP;
	}
	if (carries_from_cut(handover, packet)) {
		bool repeated =
			!hb_seq_after(packet->seq + (uint32_t)packet->payload_len, handover->owed);
		hold(core, flow, packet);
		follow_held_ack(core, flow, packet);
		if (hb_seq_before(packet->seq, handover->cut))
			repeat_below_cut(core, flow, packet);
		if (repeated && hb_debt_is_open(handover))
			hb_debt_acknowledge(core, flow);
		return HB_DROP;
	}
	uint32_t acked = flow->track.client_ack;
	hb_track_client_ack(&flow->track, packet);
	if (flow->track.client_ack != acked)
		handover->frontend_byte_ns = core->now.mono_ns;
	if (hb_commit_ready(core, flow)) /* the ACK must be there before the RST */
		pass_bare_ack(core, flow, packet);
	else if (established)
		return pass_to_frontend(flow, dgram, packet);
	return HB_DROP;
}

/* Honeypots that waited for the client's window go on: their silence begins anew. */
static void client_has_room(struct hb_core *core, struct hb_handover *handover)
{
	handover->frontend_byte_ns = core->now.mono_ns;
	handover->replay.answer_byte_ns = core->now.mono_ns;
	if (handover->replay.connected)
		hb_replay_ack(core, handover);
}

enum hb_verdict hb_handover_client(struct hb_core *core, struct hb_flow *flow,
				   struct hb_datagram *dgram, const struct hb_packet *packet)
{
	if (!hb_flow_is_tcp(flow))
		return hb_handover_udp_client(core, flow, packet);
	struct hb_handover *handover = hb_handover_of(flow);
	if (!hb_track_acceptable(&flow->track, packet)) {
		/* The frontend would refuse it, and may not see it: we answer as it would. */
		if (hb_track_answers(&flow->track, packet))
			hb_debt_acknowledge(core, flow);
		return HB_DROP;
	}
	if (packet->tcp_flags & HB_TCP_RST)
		return hb_reset_from_client(core, flow, packet);
	hb_record_window(flow->record, (uint32_t)packet->window << flow->track.client_wscale);
	bool full = hb_handover_client_is_full(handover);
	enum hb_verdict verdict = client_packet(core, flow, dgram, packet);
	if (full && !hb_handover_client_is_full(handover))
		client_has_room(core, handover);
	hb_commit_try(core, flow);
	return verdict;
}

static enum hb_verdict frontend_packet(struct hb_core *core, struct hb_flow *flow,
				       struct hb_datagram *dgram, const struct hb_packet *packet)
{
	struct hb_handover *handover = hb_handover_of(flow);
	struct hb_track *track = &flow->track;
	if (packet->tcp_flags & HB_TCP_RST) {
		/* One that answers a stray segment means nothing to the client. */
		handover->frontend_reset |= hb_track_server_resets(track, packet);
		return HB_DROP;
	}
	hb_track_server_echo(track, packet);
	if ((packet->tcp_flags & HB_TCP_SYN) && !(track->flags & HB_TRACK_ESTABLISHED))
		return HB_DROP;
	uint32_t end = packet->seq + (uint32_t)packet->payload_len;
	handover->frontend_max = hb_seq_max(handover->frontend_max, end);
	bool fresh = packet->payload_len > 0 && hb_seq_after(end, track->server_next);
	struct hb_packet shown = *packet;
	shown.tcp_flags &= (uint8_t)~HB_TCP_FIN;
	if (packet->tcp_flags & HB_TCP_FIN)
		handover->frontend_fin = true;
	if (fresh && !handover->frontend_answers) {
		/* Its answer comes too late; what it acknowledges counts. */
		track->server_ack =
			hb_seq_max(track->server_ack, hb_seq_min(packet->ack, handover->cut));
		return HB_DROP;
	}
	uint32_t taken = track->server_ack;
	hb_track_server(track, &shown, hb_flow_age_ms(flow, core->now.mono_ns));
	if (fresh || track->server_ack != taken)
		handover->frontend_byte_ns = core->now.mono_ns;
	handover->frontend_busy |= fresh;
	struct hb_translation translation = hb_translate_frontend(flow);
	struct hb_edit edit;
	hb_edit_begin(&edit, dgram, packet);
	hb_translate_to_client(&edit, flow, &translation);
	if (shown.tcp_flags != packet->tcp_flags)
		hb_edit_tcp_flags(&edit, shown.tcp_flags);
	if (!hb_debt_from_honeypot(handover, &edit, &shown))
		return HB_DROP;
	return hb_edit_finish(&edit);
}

enum hb_verdict hb_handover_frontend(struct hb_core *core, struct hb_flow *flow,
				     struct hb_datagram *dgram, const struct hb_packet *packet)
{
	if (!hb_flow_is_tcp(flow))
		return HB_DROP; /* its answers to what it had stay with us now */
	if (hb_track_took_unseen(&flow->track, packet)) {
		hb_commit_undo(core, flow, "the frontend took what was not recorded");
		return HB_DROP; /* it will acknowledge again */
	}
	enum hb_verdict verdict = frontend_packet(core, flow, dgram, packet);
	hb_commit_try(core, flow);
	return verdict;
}

const char *hb_handover_backend_reason(const struct hb_flow *flow, const char *what, char *buf,
				       size_t size)
{
	char name[HB_WAY_NAME_SIZE];
	snprintf(buf, size, "backend %s %s", hb_way_backend_name(flow, name), what);
	return buf;
}

static const char *replay_failure(enum hb_replay_result result)
{
	switch (result) {
	case HB_REPLAY_REFUSED:
		return "refused the connection";
	case HB_REPLAY_RESET:
		return "reset the connection";
	case HB_REPLAY_CLOSED:
		return "closed the connection during the replay";
	case HB_REPLAY_GOES_ON:
		break;
	}
	return NULL;
}

enum hb_verdict hb_handover_backend(struct hb_core *core, struct hb_flow *flow,
				    struct hb_datagram *dgram, const struct hb_packet *packet)
{
	if (!hb_flow_is_tcp(flow))
		return hb_handover_udp_backend(core, flow, dgram, packet);
	enum hb_replay_result result = hb_replay_input(core, hb_handover_of(flow), packet);
	if (result != HB_REPLAY_GOES_ON) {
		char reason[160];
		hb_handover_of(flow)->info.problems |= HB_PROBLEM_PROTOCOL;
		hb_handover_of(flow)->backend_gone =
			result == HB_REPLAY_REFUSED || result == HB_REPLAY_RESET;
		hb_commit_undo(core, flow,
			       hb_handover_backend_reason(flow, replay_failure(result), reason,
							  sizeof(reason)));
		return HB_DROP;
	}
	hb_commit_try(core, flow);
	return HB_DROP;
}
