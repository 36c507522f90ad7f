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

#define DEFAULT_MSS 536 /* RFC 9293, 3.7.1 */
#define MIN_MSS 64
#define TIMESTAMP_BYTES 12

/* No SYN carries more. */
#define MAX_SYN_DATA 65535

void hb_track_init(struct hb_track *track, const struct hb_packet *packet)
{
	*track = (struct hb_track){
		.client_isn = packet->seq,
		.client_next = packet->seq + hb_track_segment_len(packet),
		.client_ack = packet->ack,
		.server_ack = packet->seq,
		.edge = packet->seq,
		.client_ts = packet->options.tsval,
		.client_mss = packet->options.mss,
		.client_window = packet->window,
		.client_wscale = packet->options.wscale,
		.client_ttl = packet->ttl,
		.server_ttl = 64,
		.offered = packet->options.present,
	};
	bool opens = (packet->tcp_flags & (HB_TCP_SYN | HB_TCP_ACK | HB_TCP_RST | HB_TCP_FIN)) ==
		     HB_TCP_SYN;
	if (!opens) {
		track->flags |= HB_TRACK_MIDSTREAM;
		return;
	}
	/* Data in a SYN counts only as far as the SYN-ACK acknowledges it. */
	track->client_next = packet->seq + 1;
	if ((packet->tcp_flags & (HB_TCP_ECE | HB_TCP_CWR)) == (HB_TCP_ECE | HB_TCP_CWR))
		track->flags |= HB_TRACK_ECN; /* until the SYN-ACK says otherwise */
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

/* The server's TCP takes notice of it. */
static bool arrives(const struct hb_track *track, const struct hb_packet *packet)
{
	return !(packet->options.present & HB_TCPOPT_FOREIGN) || (packet->tcp_flags & HB_TCP_SYN) ||
	       (track->granted & HB_TCPOPT_FOREIGN);
}

/*
 * How far an ACK may lie back is told by the largest window that the client ever offered; the last
 * one is what is known here, and an honest client's ACK is never that old.
 */
bool hb_track_ack_is_ancient(const struct hb_track *track, const struct hb_packet *packet)
{
	uint32_t lowest = track->client_ack - hb_track_client_window_bytes(track);
	return (track->flags & HB_TRACK_SYN_ACK) && (packet->tcp_flags & HB_TCP_ACK) &&
	       hb_seq_before(packet->ack, hb_seq_max(lowest, track->server_isn));
}

bool hb_track_clock_goes_back(const struct hb_track *track, const struct hb_packet *packet)
{
	return (track->flags & HB_TRACK_SYN_ACK) &&
	       (track->granted & packet->options.present & HB_TCPOPT_TIMESTAMP) &&
	       !(packet->tcp_flags & (HB_TCP_RST | HB_TCP_SYN)) &&
	       hb_seq_before(packet->options.tsval, track->client_ts);
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
	uint16_t mss = track->client_mss ? track->client_mss : DEFAULT_MSS;
	if (mss < MIN_MSS)
		mss = MIN_MSS;
	return track->granted & HB_TCPOPT_TIMESTAMP ? (uint16_t)(mss - TIMESTAMP_BYTES) : mss;
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
	if ((packet->options.present & HB_TCPOPT_TIMESTAMP) &&
	    hb_seq_at_or_after(packet->options.tsval, track->client_ts) &&
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

static void client_reset(struct hb_track *track, const struct hb_packet *packet)
{
	if (packet->seq == track->server_ack || packet->seq == track->client_next ||
	    (track->flags & HB_TRACK_MIDSTREAM))
		track->flags |= HB_TRACK_RESET;
	else if ((track->flags & HB_TRACK_LOOSE) && hb_seq_after(packet->seq, track->server_ack) &&
		 hb_seq_before(packet->seq, track->edge))
		track->flags |= HB_TRACK_RESET_UNSURE;
}

void hb_track_client_ends(struct hb_track *track)
{
	track->client_next++;
	track->flags |= HB_TRACK_CLIENT_FIN;
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
		bool repeated = packet->seq == track->client_isn && packet->ttl > track->client_ttl;
		if (repeated && !(track->flags & HB_TRACK_SYN_ACK))
			track->client_ttl =
				packet->ttl; /* the first one may have died on its way */
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

static void server_syn_ack(struct hb_track *track, const struct hb_packet *packet)
{
	if (!(packet->tcp_flags & HB_TCP_ACK) || (track->flags & HB_TRACK_MIDSTREAM))
		return;
	if (track->flags & HB_TRACK_SYN_ACK)
		return;
	if (hb_seq_before(packet->ack, track->client_isn + 1) ||
	    hb_seq_distance(track->client_isn + 1, packet->ack) > MAX_SYN_DATA)
		return;
	track->flags |= HB_TRACK_SYN_ACK;
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
	if ((packet->tcp_flags & (HB_TCP_ECE | HB_TCP_CWR)) != HB_TCP_ECE)
		track->flags &= (uint16_t)~HB_TRACK_ECN;
}

bool hb_track_server_resets(const struct hb_track *track, const struct hb_packet *packet)
{
	return (track->flags & HB_TRACK_SYN_ACK) &&
	       hb_seq_at_or_after(packet->seq, track->client_ack) &&
	       hb_seq_at_or_before(packet->seq, track->server_next);
}

static void server_reset(struct hb_track *track, const struct hb_packet *packet)
{
	bool refuses = !(track->flags & HB_TRACK_SYN_ACK) && (packet->tcp_flags & HB_TCP_ACK) &&
		       packet->ack == track->client_isn + 1;
	if (refuses || hb_track_server_resets(track, packet) || (track->flags & HB_TRACK_MIDSTREAM))
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
	    (track->granted & HB_TCPOPT_TIMESTAMP))
		track->client_ts = hb_seq_max(track->client_ts, packet->options.tsecr);
}

void hb_track_server(struct hb_track *track, const struct hb_packet *packet, uint32_t age_ms)
{
	if (packet->tcp_flags & HB_TCP_RST) {
		server_reset(track, packet);
		return;
	}
	track->server_ttl = packet->ttl;
	if ((packet->options.present & HB_TCPOPT_TIMESTAMP) &&
	    (!(track->flags & HB_TRACK_SYN_ACK) ||
	     hb_seq_at_or_after(packet->options.tsval, track->server_ts))) {
		track->server_ts = packet->options.tsval;
		track->server_ts_ms = age_ms;
	}
	if (packet->tcp_flags & HB_TCP_SYN) {
		hb_iplook_begin(&track->look, packet);
		server_syn_ack(track, packet);
		return;
	}
	hb_iplook_follow(&track->look, packet, segments_of(track, packet));
	hb_track_server_echo(track, packet);
	track->flags &= (uint16_t)~HB_TRACK_RESET_UNSURE; /* it lives */
	if ((track->flags & HB_TRACK_LOOSE) && (packet->tcp_flags & HB_TCP_ACK) &&
	    !(track->flags & HB_TRACK_CLIENT_FIN) && !hb_seq_after(packet->ack, track->edge))
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
