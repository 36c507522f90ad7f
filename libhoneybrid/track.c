/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Follows a TCP session from in between.
 *
 * What counts is what the receiving end will make of a packet, not what the sender meant: an ACK
 * outside of what was sent (RFC 5961, 5.2), a RST whose number is not the expected one (3.2), data
 * that leaves a hole change nothing here. A packet whose checksum is wrong never gets here.
 */
#include "track.h"

#include "seq.h"
#include "tcpopt.h"

#define TCP_ACCURATE_ECN 1

/* No SYN carries more. */
#define MAX_SYN_DATA 65535

static struct hb_syn syn_of(const struct hb_packet *packet)
{
	const uint8_t ecn = HB_TCP_ECE | HB_TCP_CWR;
	return (struct hb_syn){
		.isn = packet->seq,
		.ts = packet->options.tsval,
		.mss = packet->options.mss,
		.window = packet->window,
		.wscale = packet->options.wscale,
		.ttl = packet->ttl,
		.offered = packet->options.present,
		.wants_ecn = (packet->tcp_flags & ecn) == ecn,
		.is_there = true,
	};
}

/* The session begins, or is to begin, with this SYN. Data in it counts only as far as the SYN-ACK
 * acknowledges it. */
static void begin_with(struct hb_track *track, const struct hb_syn *syn)
{
	uint16_t kept = track->flags & HB_TRACK_LOOSE;
	*track = (struct hb_track){
		.client_isn = syn->isn,
		.client_next = syn->isn + 1,
		.server_ack = syn->isn,
		.edge = syn->isn,
		.client_ts = syn->ts,
		.client_mss = syn->mss,
		.client_window = syn->window,
		.client_wscale = syn->wscale,
		.client_ttl = syn->ttl,
		.server_ttl = 64,
		.offered = syn->offered,
		/* ECN until the SYN-ACK says otherwise */
		.flags = kept | (syn->wants_ecn ? HB_TRACK_ECN : 0),
	};
}

/* True if the session can still begin, with the SYN that is known or with another one. */
static bool may_begin(const struct hb_track *track)
{
	return !(track->flags & (HB_TRACK_SYN_ACK | HB_TRACK_MIDSTREAM));
}

static bool is_opening(const struct hb_packet *packet)
{
	return (packet->tcp_flags & (HB_TCP_SYN | HB_TCP_ACK | HB_TCP_RST | HB_TCP_FIN)) ==
	       HB_TCP_SYN;
}

void hb_track_init(struct hb_track *track, const struct hb_packet *packet)
{
	struct hb_syn syn = syn_of(packet);
	track->flags = 0;
	begin_with(track, &syn);
	if (is_opening(packet))
		return;
	track->flags = HB_TRACK_MIDSTREAM;
	track->client_next = packet->seq + hb_track_segment_len(packet);
	track->client_ack = packet->ack;
}

struct hb_syn hb_track_unanswered(const struct hb_track *track)
{
	const struct hb_syn *other = &track->other_syn;
	struct hb_syn syn = {
		.isn = track->client_isn,
		.ts = track->client_ts,
		.mss = track->client_mss,
		.window = track->client_window,
		.wscale = track->client_wscale,
		.ttl = track->client_ttl,
		.offered = track->offered,
		.wants_ecn = track->flags & HB_TRACK_ECN,
		.is_there = may_begin(track),
	};
	bool older_counts = other->is_there && other->ttl >= syn.ttl;
	return may_begin(track) && older_counts ? *other : syn;
}

void hb_track_begins_after(struct hb_track *track, const struct hb_syn *before)
{
	struct hb_syn syn = hb_track_unanswered(track);
	if (!may_begin(track) || !before->is_there)
		return;
	if (before->isn == track->client_isn) { /* then this one is its repeat */
		begin_with(track, before);
		track->other_syn = syn;
	} else {
		track->other_syn = *before;
	}
}

/* A SYN is repeated before it was answered: it may say something else of options. */
static void repeated_syn(struct hb_track *track, const struct hb_packet *packet)
{
	if (may_begin(track) && is_opening(packet) && packet->seq == track->client_isn &&
	    (!track->other_syn.is_there || track->other_syn.isn == packet->seq))
		track->other_syn = syn_of(packet);
}

uint32_t hb_track_segment_len(const struct hb_packet *packet)
{
	uint32_t len = (uint32_t)packet->payload_len;
	if (packet->tcp_flags & HB_TCP_SYN)
		len++;
	if (packet->tcp_flags & HB_TCP_FIN)
		len++;
	return len;
}

/* Behind the payload, as far as the receiver's window goes. */
static uint32_t payload_end(const struct hb_track *track, const struct hb_packet *packet)
{
	uint32_t end = packet->seq + (uint32_t)packet->payload_len;
	bool window_known = (track->flags & HB_TRACK_SYN_ACK) && hb_seq_after(end, track->edge);
	return window_known ? hb_seq_max(track->edge, track->client_next) : end;
}

unsigned hb_track_hops(uint8_t ttl)
{
	if (ttl <= 64)
		return 64u - ttl;
	return (ttl <= 128 ? 128u : 255u) - ttl;
}

bool hb_track_dies(const struct hb_track *track, const struct hb_packet *packet, bool tracked)
{
	/* Where packets are tracked they come here when this hop is done with, both ways. */
	unsigned least = hb_track_hops(track->server_ttl) + (tracked ? 0u : 2u);
	/* What the answered SYN had was enough, wherever the server's TTL begins. */
	if (least > track->client_ttl)
		least = track->client_ttl;
	return packet->ttl < least || (packet->ttl <= 1 && !tracked);
}

/*
 * The server's TCP takes notice of it: other options that it has not agreed to it ignores. What does
 * not know TCP-AO ignores that, too; then it is known to have taken what was not recorded.
 */
static bool arrives(const struct hb_track *track, const struct hb_packet *packet)
{
	return !packet->options.is_signed || (packet->tcp_flags & HB_TCP_SYN) ||
	       (track->granted & HB_TCPOPT_FOREIGN);
}

/*
 * How far an ACK may lie back is told by the largest window that the client ever offered; the last
 * one is what is known here, and an honest client's ACK is never that old.
 */
bool hb_track_ack_is_ancient(const struct hb_track *track, const struct hb_packet *packet)
{
	uint32_t back = hb_track_client_window_bytes(track);
	uint32_t known = hb_seq_distance(track->server_isn, track->client_ack);
	/* At the start only: the first number is no bound when there are 2 GiB behind it. */
	uint32_t lowest = track->client_ack - (known < back ? known : back);
	return (track->flags & HB_TRACK_SYN_ACK) && (packet->tcp_flags & HB_TCP_ACK) &&
	       hb_seq_before(packet->ack, lowest);
}

/* Servers take a TS.Recent of 0 for none: some clients begin with that, wherever their clock is. */
static bool is_older(const struct hb_track *track, uint32_t tsval)
{
	return track->client_ts != 0 && hb_seq_before(tsval, track->client_ts);
}

bool hb_track_clock_goes_back(const struct hb_track *track, const struct hb_packet *packet)
{
	return (track->flags & HB_TRACK_SYN_ACK) &&
	       (track->granted & packet->options.present & HB_TCPOPT_TIMESTAMP) &&
	       !(packet->tcp_flags & (HB_TCP_RST | HB_TCP_SYN)) &&
	       is_older(track, packet->options.tsval);
}

/* All of hb_track_acceptable() but the clock. */
static bool is_acceptable(const struct hb_track *track, const struct hb_packet *packet)
{
	if (!arrives(track, packet))
		return false;
	if ((packet->tcp_flags & (HB_TCP_RST | HB_TCP_SYN)) || !(track->flags & HB_TRACK_SYN_ACK))
		return true;
	return (packet->tcp_flags & HB_TCP_ACK) &&
	       !hb_seq_after(packet->seq, hb_seq_max(track->edge, track->client_next)) &&
	       !hb_seq_before(packet->seq + hb_track_segment_len(packet), track->server_ack) &&
	       !hb_seq_after(packet->ack, track->server_next) &&
	       !hb_track_ack_is_ancient(track, packet);
}

bool hb_track_acceptable(const struct hb_track *track, const struct hb_packet *packet)
{
	return is_acceptable(track, packet) && !hb_track_clock_goes_back(track, packet);
}

bool hb_track_answers(const struct hb_track *track, const struct hb_packet *packet)
{
	return arrives(track, packet) && (packet->tcp_flags & HB_TCP_ACK) &&
	       !(packet->tcp_flags & HB_TCP_RST);
}

bool hb_track_took_unseen(const struct hb_track *track, const struct hb_packet *packet)
{
	return (track->flags & HB_TRACK_SYN_ACK) && (packet->tcp_flags & HB_TCP_ACK) &&
	       !(packet->tcp_flags & (HB_TCP_RST | HB_TCP_SYN)) &&
	       hb_seq_after(packet->ack, track->client_next);
}

size_t hb_track_usable(const struct hb_track *track, const struct hb_packet *packet)
{
	uint32_t end = payload_end(track, packet);
	return hb_seq_after(end, packet->seq) ? hb_seq_distance(packet->seq, end) : 0;
}

bool hb_track_in_order(const struct hb_track *track, const struct hb_packet *packet)
{
	uint32_t end = payload_end(track, packet);
	return packet->payload_len > 0 && hb_seq_at_or_before(packet->seq, track->client_next) &&
	       hb_seq_after(end, track->client_next);
}

bool hb_track_closed(const struct hb_track *track)
{
	return (track->flags & HB_TRACK_RESET) ||
	       ((track->flags & HB_TRACK_CLIENT_FIN) && (track->flags & HB_TRACK_SERVER_FIN));
}

bool hb_track_may_reopen(const struct hb_track *track, const struct hb_packet *syn)
{
	bool newer = (track->granted & syn->options.present & HB_TCPOPT_TIMESTAMP) &&
		     hb_seq_after(syn->options.tsval, track->client_ts);
	return !(track->flags & HB_TRACK_SERVER_ENDED) || newer ||
	       hb_seq_after(syn->seq, track->client_next);
}

uint16_t hb_track_client_payload(const struct hb_track *track)
{
	return hb_tcpopt_payload(track->client_mss, track->granted);
}

uint32_t hb_track_client_bytes(const struct hb_track *track)
{
	if (track->flags & HB_TRACK_MIDSTREAM)
		return 0;
	uint32_t numbers = hb_seq_distance(track->client_isn + 1, track->client_next);
	return track->flags & HB_TRACK_CLIENT_FIN ? numbers - 1 : numbers;
}

uint32_t hb_track_server_bytes(const struct hb_track *track)
{
	if (!(track->flags & HB_TRACK_SYN_ACK))
		return 0;
	uint32_t numbers = hb_seq_distance(track->server_isn + 1, track->server_next);
	return track->flags & HB_TRACK_SERVER_FIN ? numbers - 1 : numbers;
}

bool hb_track_all_acknowledged(const struct hb_track *track)
{
	return track->client_ack == track->server_next && track->server_ack == track->client_next;
}

uint32_t hb_track_client_window_bytes(const struct hb_track *track)
{
	return (uint32_t)track->client_window << track->client_wscale;
}

bool hb_track_client_is_full(const struct hb_track *track, uint32_t largest_window)
{
	uint32_t room = hb_track_client_window_bytes(track);
	return room < hb_track_client_payload(track) &&
	       (largest_window == 0 || room < largest_window / 2);
}

uint16_t hb_track_keep_edge(const struct hb_track *track, uint32_t ack)
{
	if (!hb_seq_after(track->edge, ack))
		return 0;
	uint32_t unit = UINT32_C(1) << track->server_wscale;
	uint32_t field = (hb_seq_distance(ack, track->edge) + unit - 1) / unit;
	if (field > UINT16_MAX)
		field = UINT16_MAX;
	return (uint16_t)field;
}

uint32_t hb_track_server_ts_at(const struct hb_track *track, uint32_t age_ms)
{
	return track->server_ts + hb_seq_distance(track->server_ts_ms, age_ms);
}

/* RFC 7323, 4.3: the value to echo is that of the segment at the left edge of the window. */
void hb_track_client_clock(struct hb_track *track, const struct hb_packet *packet)
{
	if ((packet->tcp_flags & HB_TCP_RST) || !(packet->tcp_flags & (HB_TCP_ACK | HB_TCP_SYN)))
		return; /* nobody gets so far with these (RFC 9293, 3.10.7.4) */
	if ((packet->options.present & HB_TCPOPT_TIMESTAMP) &&
	    !is_older(track, packet->options.tsval) &&
	    hb_seq_at_or_before(packet->seq, hb_seq_max(track->server_ack, track->client_next)))
		track->client_ts = packet->options.tsval;
}

static void follow_client_ack(struct hb_track *track, const struct hb_packet *packet)
{
	if (!(packet->tcp_flags & HB_TCP_ACK) || !(track->flags & HB_TRACK_SYN_ACK))
		return;
	if (hb_seq_after(packet->ack, track->server_next) ||
	    hb_seq_before(packet->ack, track->client_ack))
		return;
	track->client_ack = packet->ack;
	track->client_window = packet->window;
}

void hb_track_client_ack(struct hb_track *track, const struct hb_packet *packet)
{
	if (packet->tcp_flags & HB_TCP_SYN)
		return; /* no server heeds the ACK of a SYN on a live session */
	hb_track_client_clock(track, packet);
	follow_client_ack(track, packet);
}

/* Which number the server awaits is not known for sure: more may be on its way, or have got lost. */
static void client_reset(struct hb_track *track, const struct hb_packet *packet)
{
	if (packet->seq == track->client_next)
		track->flags |= HB_TRACK_RESET | HB_TRACK_RESET_DOUBTED | HB_TRACK_RESET_AT_NEXT;
	else if (packet->seq == track->server_ack || (track->flags & HB_TRACK_MIDSTREAM))
		track->flags |= HB_TRACK_RESET | HB_TRACK_RESET_DOUBTED;
	else if ((track->flags & HB_TRACK_LOOSE) && hb_seq_after(packet->seq, track->server_ack) &&
		 hb_seq_before(packet->seq, track->edge))
		track->flags |= HB_TRACK_RESET_UNSURE;
}

void hb_track_client_ends(struct hb_track *track)
{
	track->client_next++;
	track->flags |= HB_TRACK_CLIENT_FIN;
}

void hb_track_note_client_real(struct hb_track *track, const struct hb_packet *packet)
{
	uint8_t flags = packet->tcp_flags & (HB_TCP_SYN | HB_TCP_RST | HB_TCP_ACK);
	if ((track->flags & HB_TRACK_SYN_ACK) && flags == HB_TCP_ACK &&
	    hb_seq_after(packet->ack, track->server_isn) &&
	    !hb_seq_after(packet->ack, track->server_next))
		track->flags |= HB_TRACK_CLIENT_REAL;
}

void hb_track_client(struct hb_track *track, const struct hb_packet *packet)
{
	bool loose = track->flags & (HB_TRACK_MIDSTREAM | HB_TRACK_LOOSE);
	if (!(loose ? is_acceptable(track, packet) : hb_track_acceptable(track, packet)))
		return;
	if (packet->tcp_flags & HB_TCP_RST) {
		client_reset(track, packet);
		return;
	}
	if (packet->tcp_flags & HB_TCP_SYN) {
		repeated_syn(track, packet);
		return;
	}
	track->flags &= (uint16_t)~HB_TRACK_RESET_UNSURE;
	/* In a decided flow nobody sums what has a clock: the server's echoes tell of it. */
	if (!loose)
		hb_track_client_clock(track, packet);
	follow_client_ack(track, packet);
	if ((track->flags & HB_TRACK_SYN_ACK) && (packet->tcp_flags & HB_TCP_ACK) &&
	    track->client_ack != track->server_isn)
		track->flags |= HB_TRACK_ESTABLISHED;
	uint32_t end = packet->seq + (uint32_t)packet->payload_len;
	/* One that brings nothing behind what was acknowledged is old, or crafted: servers drop it. */
	bool ends = (packet->tcp_flags & HB_TCP_FIN) && !(track->flags & HB_TRACK_CLIENT_FIN) &&
		    hb_seq_at_or_after(end, track->server_ack) &&
		    !hb_track_clock_goes_back(track, packet);
	if (loose && ends)
		track->client_next = end; /* what it is behind may not have been summed */
	else if (track->flags & HB_TRACK_MIDSTREAM)
		track->client_next = hb_seq_max(track->client_next, end);
	else if (!loose && hb_track_in_order(track, packet))
		track->client_next = payload_end(track, packet);
	if (ends && end == track->client_next)
		hb_track_client_ends(track);
}

/* True if a SYN-ACK is one of a SYN with this number, which may have had data. */
static bool acknowledges(const struct hb_packet *packet, uint32_t isn)
{
	return hb_seq_after(packet->ack, isn) &&
	       hb_seq_distance(isn + 1, packet->ack) <= MAX_SYN_DATA;
}

/* Of two SYNs with one number: the first one died on its way, or this is no echo of its clock. */
static bool means_repeat(const struct hb_track *track, const struct hb_packet *packet)
{
	const struct hb_syn *repeat = &track->other_syn;
	if (track->client_ttl < hb_track_hops(packet->ttl) && repeat->ttl > track->client_ttl)
		return true;
	return (packet->options.present & repeat->offered & HB_TCPOPT_TIMESTAMP) &&
	       packet->options.tsecr == repeat->ts && packet->options.tsecr != track->client_ts;
}

static bool means_other_syn(const struct hb_track *track, const struct hb_packet *packet)
{
	const struct hb_syn *other = &track->other_syn;
	if (!other->is_there)
		return false;
	if (other->isn == track->client_isn)
		return acknowledges(packet, other->isn) && means_repeat(track, packet);
	if (packet->ack == track->client_isn + 1 || packet->ack == other->isn + 1)
		return packet->ack == other->isn + 1;
	return acknowledges(packet, other->isn) && !acknowledges(packet, track->client_isn);
}

/*
 * Accurate ECN (RFC 9768, 3.1.1): asked for by both flags and the bit beside them, as plain ECN is by
 * the flags; agreed to by CWR or that bit, which a plain answer has not.
 */
static bool grants_accurate_ecn(const struct hb_track *track, const struct hb_packet *packet)
{
	bool beside = packet->tcp_reserved & TCP_ACCURATE_ECN;
	return (track->flags & HB_TRACK_ECN) && ((packet->tcp_flags & HB_TCP_CWR) || beside);
}

static void server_syn_ack(struct hb_track *track, const struct hb_packet *packet)
{
	if (!(packet->tcp_flags & HB_TCP_ACK) || !may_begin(track))
		return;
	struct hb_syn other = track->other_syn;
	if (means_other_syn(track, packet))
		begin_with(track, &other);
	else if (!acknowledges(packet, track->client_isn))
		return;
	track->flags |= HB_TRACK_SYN_ACK;
	track->server_ts = 0;
	track->server_ts_ms = 0;
	track->server_isn = packet->seq;
	track->server_next = packet->seq + 1;
	track->client_ack = packet->seq; /* nothing of it is acknowledged */
	track->server_ack = packet->ack;
	track->client_next = packet->ack; /* fast open: what the SYN-ACK took of the SYN's data */
	track->edge = packet->ack + packet->window; /* never scaled in a SYN */
	track->granted = track->offered & packet->options.present;
	track->server_wscale = packet->options.wscale;
	if (packet->ack != track->client_isn + 1)
		track->granted |= HB_TCPOPT_FOREIGN; /* it took data that nobody recorded */
	if (!(track->granted & HB_TCPOPT_WSCALE)) {
		track->client_wscale = 0;
		track->server_wscale = 0;
	}
	if (grants_accurate_ecn(track, packet))
		track->granted |= HB_TCPOPT_FOREIGN;
	if ((packet->tcp_flags & (HB_TCP_ECE | HB_TCP_CWR)) != HB_TCP_ECE)
		track->flags &= (uint16_t)~HB_TRACK_ECN;
}

bool hb_track_server_resets(const struct hb_track *track, const struct hb_packet *packet)
{
	/* Until the client acknowledges it, the SYN-ACK's own number is before what it awaits. */
	uint32_t awaited =
		track->client_ack == track->server_isn ? track->server_isn + 1 : track->client_ack;
	return (track->flags & HB_TRACK_SYN_ACK) && hb_seq_at_or_after(packet->seq, awaited) &&
	       hb_seq_at_or_before(packet->seq, track->server_next);
}

/* The server refuses a SYN. True if that was all that the client has sent. */
static bool refuses(struct hb_track *track, const struct hb_packet *packet)
{
	struct hb_syn other = track->other_syn;
	bool waits = other.is_there && other.isn != track->client_isn;
	if (!may_begin(track) || !(packet->tcp_flags & HB_TCP_ACK))
		return false;
	if (packet->ack == track->client_isn + 1 && waits)
		begin_with(track, &other);
	else if (packet->ack == track->client_isn + 1)
		return true;
	else if (waits && packet->ack == other.isn + 1)
		track->other_syn.is_there = false;
	return false;
}

static void server_reset(struct hb_track *track, const struct hb_packet *packet)
{
	if (refuses(track, packet) || hb_track_server_resets(track, packet) ||
	    (track->flags & HB_TRACK_MIDSTREAM))
		track->flags |= HB_TRACK_RESET;
}

static void server_data(struct hb_track *track, const struct hb_packet *packet)
{
	uint32_t end = packet->seq + (uint32_t)packet->payload_len;
	bool fin = packet->tcp_flags & HB_TCP_FIN;
	if (packet->payload_len > 0 && hb_seq_at_or_after(end, track->server_next)) {
		track->flags &= (uint16_t)~HB_TRACK_SERVER_PSH;
		if (packet->tcp_flags & HB_TCP_PSH)
			track->flags |= HB_TRACK_SERVER_PSH;
	}
	if (fin)
		end++;
	/* A bare ACK may stand behind data that got lost on its way here: that has not passed. */
	if (packet->payload_len > 0 || fin)
		track->server_next = hb_seq_max(track->server_next, end);
	if (fin && track->server_next == end) {
		if (!(track->flags & HB_TRACK_CLIENT_FIN))
			track->flags |= HB_TRACK_SERVER_ENDED;
		track->flags |= HB_TRACK_SERVER_FIN;
	}
}

/* How many segments the packet becomes on the wire. */
static unsigned segments_of(const struct hb_track *track, const struct hb_packet *packet)
{
	size_t each = hb_track_client_payload(track);
	return packet->payload_len <= each ? 1
					   : (unsigned)((packet->payload_len + each - 1) / each);
}

void hb_track_server_echo(struct hb_track *track, const struct hb_packet *packet)
{
	if ((packet->options.present & HB_TCPOPT_TIMESTAMP) && (packet->tcp_flags & HB_TCP_ACK) &&
	    (track->granted & HB_TCPOPT_TIMESTAMP) && !is_older(track, packet->options.tsecr))
		track->client_ts = packet->options.tsecr;
}

/* The server acknowledges more than where the client seemed to end: that was old when it got there. */
static void revoke_ends(struct hb_track *track, const struct hb_packet *packet)
{
	bool at_next = track->flags & HB_TRACK_RESET_AT_NEXT;
	if (!(packet->tcp_flags & HB_TCP_ACK) || hb_seq_after(packet->ack, track->edge))
		return;
	if ((track->flags & HB_TRACK_RESET_DOUBTED) &&
	    hb_seq_after(packet->ack, at_next ? track->client_next : track->server_ack))
		track->flags &= (uint16_t) ~(HB_TRACK_RESET | HB_TRACK_RESET_DOUBTED |
					     HB_TRACK_RESET_AT_NEXT);
	if ((track->flags & HB_TRACK_LOOSE) && (track->flags & HB_TRACK_CLIENT_FIN) &&
	    hb_seq_after(packet->ack, track->client_next))
		track->flags &= (uint16_t)~HB_TRACK_CLIENT_FIN;
}

void hb_track_server(struct hb_track *track, const struct hb_packet *packet, uint32_t age_ms)
{
	bool first = !(track->flags & HB_TRACK_SYN_ACK);
	if (packet->tcp_flags & HB_TCP_RST) {
		server_reset(track, packet);
		return;
	}
	if (packet->tcp_flags & HB_TCP_SYN)
		server_syn_ack(track, packet);
	if (may_begin(track))
		return; /* of something older, or of what nobody sent */
	track->server_ttl = packet->ttl;
	if ((packet->options.present & HB_TCPOPT_TIMESTAMP) &&
	    (first || hb_seq_at_or_after(packet->options.tsval, track->server_ts))) {
		track->server_ts = packet->options.tsval;
		track->server_ts_ms = age_ms;
	}
	if (packet->tcp_flags & HB_TCP_SYN) {
		hb_iplook_begin(&track->look, packet);
		return;
	}
	revoke_ends(track, packet);
	hb_iplook_follow(&track->look, packet, segments_of(track, packet));
	hb_track_server_echo(track, packet);
	/* It speaks: so it took an ACK of its SYN-ACK that seemed to be none for it. */
	if (packet->payload_len > 0 && (track->flags & HB_TRACK_CLIENT_REAL))
		track->flags |= HB_TRACK_ESTABLISHED;
	track->flags &= (uint16_t)~HB_TRACK_RESET_UNSURE; /* it lives */
	/* A byte that probes a closed window may be taken: it has opened, and nobody knew. */
	if ((track->flags & HB_TRACK_LOOSE) && (packet->tcp_flags & HB_TCP_ACK) &&
	    !(track->flags & HB_TRACK_CLIENT_FIN) && !hb_seq_after(packet->ack, track->edge + 1))
		track->client_next = hb_seq_max(track->client_next, packet->ack);
	if ((packet->tcp_flags & HB_TCP_ACK) &&
	    (hb_seq_at_or_before(packet->ack, track->client_next) ||
	     (track->flags & HB_TRACK_MIDSTREAM))) {
		track->server_ack = hb_seq_max(track->server_ack, packet->ack);
		track->edge = hb_seq_max(track->edge, packet->ack + ((uint32_t)packet->window
								     << track->server_wscale));
	}
	server_data(track, packet);
}
